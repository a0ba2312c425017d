"""Files that come in by their paths or as bytes."""

import logging
import os

import numpy as np
import tensorflow as tf

_logger = logging.getLogger(__name__)

# What the graph counts in an int32, a few bytes further too; an hour of two channels of
# 32 bits at 48 kHz is less.
MOST_BYTES = 2**31 - 16
_TOGETHER_BYTES = 2**27  # an hour of 16 bits at 16 kHz


def file_bytes(item):
    """Bytes as they are, those at a path; none where it can no longer be read."""
    if isinstance(item, bytes):
        return item
    try:
        with open(item, "rb") as file:
            # Room is made for all that is asked for. A pipe has no size.
            return file.read(os.fstat(file.fileno()).st_size or MOST_BYTES)
    except OSError:
        return b""


def in_turn(items, size_of, most=None):
    """Yields lists of items that follow one another, few enough to hold.

    Args:
        items: iterable.
        size_of: callable. An item -> its bytes, a number.
        most: int. Items of a list, None for any number of them.
    """
    together, size = [], 0
    for item in items:
        size += size_of(item)
        if together and (size > _TOGETHER_BYTES or len(together) == most):
            yield together
            together, size = [], size_of(item)
        together.append(item)
    if together:
        yield together


def check_path(path, name, kind):
    """Raises if there is no file, or too large a one, at a path."""
    try:
        size = os.path.getsize(path)
        with open(path, "rb"):
            pass
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        error_class = type(error) if isinstance(error, OSError) else FileNotFoundError
        raise error_class(
            f"{name} cannot be read ({getattr(error, 'strerror', None) or error}). "
            f"Pass the path of {kind}."
        ) from error
    check_size(size, name)


def check_size(size, name):
    """Raises if there are more bytes than are read."""
    if size > MOST_BYTES:
        raise ValueError(
            f"{name} has {size:,} bytes; at most {MOST_BYTES:,} are read. Make it "
            "smaller."
        )


def described(item):
    """What came, for a message."""
    if isinstance(item, np.ndarray | tf.Tensor):
        dtype = np.dtype(getattr(item.dtype, "as_numpy_dtype", item.dtype))
        return f"an array {tuple(item.shape)} of {dtype.name}"
    if isinstance(item, bytes):
        return f"{len(item):,} bytes"
    if isinstance(item, str | os.PathLike):
        return os.fspath(item)
    return f"{type(item).__name__} {item!r:.60}"


def tell(errors, names, single, answer):
    """Raises what is wrong with the one file, warns of what is with some of many.

    Args:
        errors, names: lists of str; no error is `""`.
        single: bool.
        answer: str. What a broken file does not get, such as `"caption"`.
    """
    for name, error in zip(names, errors, strict=True):
        if error and single:
            raise ValueError(f"{name}: {error}")
        if error:
            _logger.warning("%s has no %s. %s", name, answer, error)
