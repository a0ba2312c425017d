"""One request, from the model that it means to its answer: for REST and gRPC alike."""

import asyncio
import json
import time

from starlette.concurrency import run_in_threadpool

from zoo.serving.batching import DeadlineError, RetiredError


async def ask(models, target, signature_name, read, most_rows, deadline):
    """The version that answered, and its outputs, a dict of arrays.

    Args:
        models: `zoo.serving.models.Models`.
        target: (name, version or None, label or None).
        signature_name: of the function that is asked.
        read: function of a dict of `tf.TensorSpec`s that gives the inputs, arrays.
        most_rows: int. That a request may have.
        deadline: float, as `time.monotonic()`.

    Raises:
        NotFoundError, ValueError, OverloadedError, DeadlineError; and what the
        model raises.
    """
    while True:
        version = models.get(*target)
        signature = signature_of(version, signature_name)
        inputs = await run_in_threadpool(read, signature.inputs)
        rows = max((len(x) for x in inputs.values() if x.ndim), default=1)
        if rows > most_rows:
            raise ValueError(
                f"The request has {rows:,} rows, and {most_rows:,} are allowed. Send "
                "several."
            )
        try:
            future = signature.batcher.submit(inputs, deadline)
        except RetiredError:
            continue  # its successor is there already
        break
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            return version, await asyncio.wrap_future(future)
    except TimeoutError:
        raise DeadlineError from None


def signature_of(version, name):
    """The `Signature` of that name, which comes from outside."""
    signature = version.signatures.get(name) if isinstance(name, str) else None
    if signature is None:
        raise ValueError(
            f"Serving signature name: {json.dumps(name)} not found in signature def. "
            f"There are {sorted(version.signatures)}."
        )
    return signature
