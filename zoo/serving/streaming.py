"""Text while it is being written: server-sent events from `start` and `step`.

The events are those of <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
"""

import asyncio
import contextlib
import json
import logging
import time

import tensorflow as tf
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from zoo.serving.asking import refuse_if_none_is_fit
from zoo.serving.batching import DeadlineError
from zoo.serving.version import DEFAULT_SIGNATURE, ERROR

_START, _STEP = "start", "step"
_FINISHED = "finished"
_logger = logging.getLogger(__name__)
_GRACE_S = 5.0  # after the deadline, to say that it is over


def check_streams(version):
    """Raises ValueError if a model does not write token by token."""
    missing = {DEFAULT_SIGNATURE, _START, _STEP} - set(version.signatures)
    if missing:
        raise ValueError(
            f"This model does not stream: it has no signature {sorted(missing)[0]!r}. "
            "Ask it with :predict."
        )


def first_state(version, inputs):
    """The state before the first token of a request of one row."""
    (rows,) = {len(array) for array in inputs.values()}
    if rows != 1:
        raise ValueError(f"A stream answers one input, got {rows}. Ask one each.")
    tensors = {name: tf.constant(array) for name, array in inputs.items()}
    state = version.signatures[_START].call(tensors)
    refuse_if_none_is_fit(state)
    return state


def stream(version, state, deadline, ended):
    """A response of events, each with the text so far; the last says it is finished.

    Between two tokens nothing runs for a client that has gone away.

    Args:
        version: `zoo.serving.version.Version`.
        state: of `first_state`.
        deadline: float, as `time.monotonic()`.
        ended: function without arguments, called once in the end.
    """
    name = _text_name(version)

    async def events():
        nonlocal state
        while True:
            event = {name: _only(state[name]).decode("utf-8", "replace")}
            late = time.monotonic() > deadline
            if late:
                event[ERROR] = str(DeadlineError())
            if late or _only(state[_FINISHED]):
                yield _event({**event, _FINISHED: True})
                return
            yield _event(event)
            try:
                state = await run_in_threadpool(version.signatures[_STEP].call, state)
            except tf.errors.OpError:
                _logger.exception("A step of a stream failed.")
                message = "The server failed; its log says more."
                yield _event({**event, ERROR: message, _FINISHED: True})
                return

    return _Stream(events(), deadline + _GRACE_S, ended)


class _Stream(StreamingResponse):
    """Says when it has ended, also where its client left before it began.

    One who does not read what is sent is not waited for after `latest`.
    """

    def __init__(self, events, latest, ended):
        headers = {"Cache-Control": "no-store"}
        super().__init__(events, 200, headers, media_type="text/event-stream")
        self._latest = latest
        self._ended = ended

    async def __call__(self, scope, receive, send):
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._latest - time.monotonic()):
                    await super().__call__(scope, receive, send)
        finally:
            self._ended()


def _text_name(version):
    """What the text is called: a string of the answer that the state has too."""
    answer = version.signatures[DEFAULT_SIGNATURE].outputs
    state = version.signatures[_START].outputs
    names = [
        name
        for name, spec in answer.items()
        if spec.dtype == tf.string and name in state and name != ERROR
    ]
    return names[0]


def _only(tensor):
    return tensor.numpy()[0]


def _event(content):
    return f"data: {json.dumps(content, ensure_ascii=False)}\n\n"
