"""One request, from the model that it means to its answer: for REST and gRPC alike."""

import asyncio
import re
import time

import numpy as np
import tensorflow as tf
from starlette.concurrency import run_in_threadpool

from zoo.serving.batching import DeadlineError, RetiredError
from zoo.serving.json_tensors import shown
from zoo.serving.version import ERROR

# What the values of a request bring about, as a token that no vocabulary has.
UNFIT = (ValueError, tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError)
# What TensorFlow adds about where an error happened, which tells a client nothing.
_WHERE = re.compile(
    r"\AGraph execution error:.*<stack traces unavailable>\n|"
    r"\{\{function_node [^{}\n]{0,300}\}\} |\n\t \[\[\{\{node .*",
    re.DOTALL,
)
# Bytes that are quicker read on the spot than handed to a thread.
_FEW_BYTES = 2**16
# Of a text, and of all texts of a request: what an export cuts them into is answered in
# one go, past any deadline.
_MOST_TEXT_BYTES, _MOST_TEXTS_BYTES = 2**18, 2**20
# Of all texts, each the square of the longest: matrices have the sides of their texts.
_MOST_SQUARES = 2**26
# Of an answer, each of which takes Python a microsecond and more to write.
_MOST_VALUES = 2**21


class UnknownSignatureError(ValueError):
    """The model has none of that name."""


def in_words(error):
    """What an error says of a request.

    >>> in_words(error)
    "assertion failed: [a bad text]"
    """
    return _WHERE.sub("", str(error))


async def off_the_loop(num_bytes, function, *args):
    """What `function` gives, in a thread where it would keep others waiting."""
    if num_bytes <= _FEW_BYTES:
        return function(*args)
    return await run_in_threadpool(function, *args)


async def ask(models, target, signature_name, num_bytes, read, most_rows, deadline):
    """The version that answered, and its outputs, a dict of arrays.

    Args:
        models: `zoo.serving.models.Models`.
        target: (name, version or None, label or None).
        signature_name: of the function that is asked.
        num_bytes: int, of the request.
        read: function of a dict of `tf.TensorSpec`s that gives the inputs, arrays.
        most_rows: int. That a request may have.
        deadline: float, as `time.monotonic()`.

    Raises:
        NotFoundError, ValueError, OverloadedError, DeadlineError; and what the
        model raises, or says of every row.
    """
    while True:
        version = models.get(*target)
        signature = signature_of(version, signature_name)
        inputs = await off_the_loop(num_bytes, read, signature.inputs)
        rows = max((len(x) for x in inputs.values() if x.ndim), default=1)
        most = min(most_rows, signature.most_rows or most_rows)
        if rows > most:
            raise ValueError(
                f"The request has {rows:,} rows, and {most:,} are allowed. Send "
                "several."
            )
        check_texts(inputs, signature.has_matrices)
        try:
            future = signature.batcher.submit(inputs, deadline)
        except RetiredError:
            continue  # its successor is there already
        break
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            outputs = await asyncio.wrap_future(future)
    except TimeoutError:
        raise DeadlineError from None
    refuse_if_none_is_fit(outputs)
    values = sum(np.size(output) for output in outputs.values())
    if values > _MOST_VALUES:
        raise ValueError(
            f"The answer has {values:,} values, and {_MOST_VALUES:,} are sent at most. "
            "Send fewer rows at a time, or shorter ones."
        )
    return version, outputs


def check_texts(inputs, has_matrices=False):
    """Raises if texts are too long; pictures and sounds have bounds of their own."""
    for name, array in inputs.items():
        if array.dtype != object or name.endswith("_bytes"):
            continue
        sizes = [len(text) for text in array.flat]
        longest, total = max(sizes, default=0), sum(sizes)
        if longest > _MOST_TEXT_BYTES:
            raise ValueError(
                f"{name!r} has {longest:,} bytes, and a text may have "
                f"{_MOST_TEXT_BYTES:,}. Send it in parts."
            )
        if total > _MOST_TEXTS_BYTES:
            raise ValueError(
                f"{name!r} has {total:,} bytes in all, and {_MOST_TEXTS_BYTES:,} are "
                "allowed. Send several requests."
            )
        if has_matrices and len(sizes) * longest**2 > _MOST_SQUARES:
            most = int((_MOST_SQUARES / len(sizes)) ** 0.5)
            raise ValueError(
                f"{name!r} has {longest:,} bytes, and a text may have {most:,} where "
                f"{len(sizes):,} are asked for such an answer. Send fewer, or shorter "
                "ones."
            )


def refuse_if_none_is_fit(outputs):
    """Raises the first `error` of a request all of whose rows have one.

    An export says of each picture or sound what is wrong with it, so that the others
    are answered. Where there are no others, the request itself is wrong.
    """
    errors = np.ravel(outputs.get(ERROR, []))
    if len(errors) and all(isinstance(error, bytes) and error for error in errors):
        raise ValueError(errors[0].decode("utf-8", "replace"))


def signature_of(version, name):
    """The `Signature` of that name, which comes from outside."""
    signature = version.signatures.get(name) if isinstance(name, str) else None
    if signature is None:
        raise UnknownSignatureError(
            f"Serving signature name: {shown(name)} not found in signature def. "
            f"There are {sorted(version.signatures)}."
        )
    return signature
