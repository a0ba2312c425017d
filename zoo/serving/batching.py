"""Requests that arrive together go through a model together."""

import concurrent.futures
import threading
import time
from typing import NamedTuple

import numpy as np

_SOON_S = 0.003  # in which clients ask again
_CHOICE = 2  # batches' worth of the oldest requests, out of which one is made
_UNLIKE = 4  # times as long: not padded to that
_SHORT = 256  # characters, which are alike


class OverloadedError(Exception):
    """More is here already than was allowed."""

    def __init__(self, why="Too many requests wait already. Try again later."):
        super().__init__(why)


class RetiredError(Exception):
    """The model is being unloaded and takes nothing more."""


class DeadlineError(Exception):
    """The time that a request may take is over."""

    def __str__(self):
        return "The answer took longer than a request may."


class Limits(NamedTuple):
    """What a batch may hold, and how long who waits for it.

    Attributes:
        batch_rows: rows of all requests of a batch together; a request of more goes
            alone. Exports compile for 1, 4, 8, 16 and 64 rows and fill up to these.
        batches: that run at the same time. One alone leaves cores idle between its
            steps.
        delay_s: seconds that the first of a batch waits until it is full. With 0 it
            waits a moment for as many rows as the batch before had, for those who
            were answered together ask again together; who asks alone never waits.
        waiting_rows: rows that may wait before further requests are refused.
    """

    batch_rows: int = 16
    batches: int = 2
    delay_s: float = 0.0
    waiting_rows: int = 1024


class _Request(NamedTuple):
    inputs: dict
    rows: int
    key: object  # of the requests that it may share a batch with
    size: int
    deadline: float
    future: concurrent.futures.Future


class Batcher:
    """Runs a function on the joined rows of requests, in threads of its own.

    These keep no process from ending: a function may never return.

    While batches run the next one gathers, so that under load they grow by themselves.
    The oldest request goes first, with those that wait and are about as long, for a
    batch is padded to its longest.

    Args:
        run: function of a dict of arrays that gives such a dict; of arrays that are
            all `(n, ...)` it gives such.
        limits: Limits.
        joins: bool. Whether requests may share a batch: where a row's answer would
            depend on the others', they may not.
        count: function of the rows of each batch that is run.
    """

    def __init__(self, run, limits, joins=True, count=None):
        self._run = run
        self._count = count or (lambda rows: None)
        self._limits = limits
        self._joins = joins
        self._waiting = []
        self._waiting_rows = 0
        self._rows_before = 0  # of the batch that began last
        self._changed = threading.Condition()
        self._running = 0
        self._closed = False

    def submit(self, inputs, deadline):
        """A future of the outputs of `inputs`.

        Args:
            inputs: dict of arrays. Where they differ in rows they go alone.
            deadline: float, as `time.monotonic()`: what has not begun by then is
                given up with `DeadlineError`.

        Raises:
            OverloadedError, RetiredError: at once.
        """
        key, rows = _key(inputs)
        future = concurrent.futures.Future()
        request = _Request(inputs, rows, key, _size(inputs), deadline, future)
        with self._changed:
            if self._closed:
                raise RetiredError
            if self._is_full(rows):
                self._drop_late()
            if self._is_full(rows):
                raise OverloadedError
            if self._running < self._limits.batches:
                # It may not start; where it does, it waits for this lock first.
                threading.Thread(target=self._work, daemon=True).start()
                self._running += 1
            self._waiting.append(request)
            self._waiting_rows += rows
            self._changed.notify()
        future.add_done_callback(self._let_go)
        return future

    def close(self, latest=None):
        """Takes nothing more, and waits until all that waits is finished.

        Returns whether it is; after `latest`, as `time.monotonic()`, also where not.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            seconds = None if latest is None else latest - time.monotonic()
            return self._changed.wait_for(lambda: not self._running, seconds)

    def _work(self):
        while batch := self._next_batch():
            self._count(sum(each.rows for each in batch))
            self._answer(batch)

    def _next_batch(self):
        """Requests of one key, at most `batch_rows` of them; none if nothing waits."""
        with self._changed:
            if self._waiting and self._joins:
                wanted, delay_s = self._limits.batch_rows, self._limits.delay_s
                if not delay_s:
                    wanted, delay_s = min(wanted, self._rows_before), _SOON_S
                self._changed.wait_for(
                    lambda: self._closed or self._waiting_rows >= wanted,
                    timeout=delay_s,
                )
            self._drop_late()
            if not self._waiting:
                self._running -= 1
                self._changed.notify_all()
                return []
            batch = self._alike() if self._joins else [self._waiting[0]]
            chosen = set(map(id, batch))
            self._waiting = [each for each in self._waiting if id(each) not in chosen]
            rows = sum(each.rows for each in batch)
            self._waiting_rows -= rows
            self._rows_before = rows
        return batch

    def _is_full(self, rows):
        return self._waiting and self._waiting_rows + rows > self._limits.waiting_rows

    def _let_go(self, future):
        """Of a request that was given up, at once: it may hold much."""
        if not future.cancelled():
            return
        with self._changed:
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                if each.future is future:
                    self._waiting_rows -= each.rows
                else:
                    self._waiting.append(each)

    def _drop_late(self):
        """Lets go of what nobody waits for any longer."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if _is_wanted(each):
                self._waiting.append(each)
            else:
                self._waiting_rows -= each.rows

    def _alike(self):
        """The oldest request and those of its key that are nearest to it in size."""
        first, room = self._waiting[0], self._limits.batch_rows
        low, high = first.size / _UNLIKE, _UNLIKE * max(first.size, _SHORT)
        oldest = [
            each
            for each in self._waiting
            if each.key == first.key and low <= max(each.size, _SHORT) <= high
        ]
        oldest = oldest[: _CHOICE * room]
        batch = []
        for each in sorted(oldest, key=lambda each: abs(each.size - first.size)):
            if not batch or each.rows <= room:
                batch.append(each)
                room -= each.rows
        return batch

    def _answer(self, batch):
        try:
            outputs = self._run(_joined(batch))
            parts = _split(outputs, [each.rows for each in batch])
        except Exception as error:
            if len(batch) == 1:
                _settle(batch[0].future, error)
                return
            for each in batch:  # one that the model cannot take spoils no other
                if _is_wanted(each):  # each has waited for those before it
                    self._answer([each])
            return
        for each, part in zip(batch, parts, strict=True):
            _settle(each.future, part)


def _key(inputs):
    """What requests of one batch have in common, and how many rows inputs have."""
    counts = {array.shape[:1] for array in inputs.values()}
    if len(counts) != 1 or () in counts or (0,) in counts:
        return object(), 1  # nobody's but its own
    ((rows,),) = counts
    return {name: (x.dtype, x.shape[1:]) for name, x in inputs.items()}, rows


def _size(inputs):
    """Characters of the longest string."""
    strings = [x for x in inputs.values() if x.dtype == object]
    return max((len(each) for x in strings for each in x.flat), default=0)


def _is_wanted(request):
    """Whether somebody waits for an answer; tells who waits if it comes too late."""
    if request.future.cancelled():
        return False
    if time.monotonic() > request.deadline:
        _settle(request.future, DeadlineError())
        return False
    return True


def _settle(future, outcome):
    """Tells who waits, unless they have given up."""
    if not future.set_running_or_notify_cancel():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _joined(batch):
    if len(batch) == 1:
        return batch[0].inputs
    names = batch[0].inputs
    return {
        name: np.concatenate([each.inputs[name] for each in batch]) for name in names
    }


def _split(outputs, rows):
    """The rows of each request of a batch."""
    if len(rows) == 1:
        return [outputs]
    ends = np.cumsum(rows)
    for name, output in outputs.items():
        if len(output) != ends[-1]:
            raise ValueError(
                f"The output {name!r} has {len(output)} rows for {ends[-1]} of input."
            )
    places = [slice(end - count, end) for end, count in zip(ends, rows, strict=True)]
    return [{name: x[place] for name, x in outputs.items()} for place in places]
