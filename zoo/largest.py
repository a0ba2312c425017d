"""The largest few of many numbers, quicker than by looking at all of them twice."""

from keras import ops


def largest(x, count):
    """The `count` largest values on the last axis, and where they are.

    The same as `ops.top_k`, the first of equal values first (on PyTorch any of them),
    in two rounds: those blocks of the axis that have the largest maxima hold the
    largest values. On a CPU, XLA finds maxima with all its threads and vectors, the
    rest with neither.

    Args:
        x: float `(..., size)`.
        count: int, at most `size`.

    Returns:
        values and int32 indices, each `(..., count)`.
    """
    size = x.shape[-1]
    block = _block_size(size, count)
    shape = ops.shape(x)[:-1]
    blocks = ops.reshape(x, (-1, size // block, block))
    _, chosen = ops.top_k(ops.max(blocks, axis=-1), count)
    # In order, so that of equal values the first comes first again.
    chosen = ops.sort(ops.cast(chosen, "int32"), axis=-1)
    rows = ops.shape(blocks)[0]
    flat = ops.arange(rows, dtype="int32")[:, None] * (size // block) + chosen
    candidates = ops.take(ops.reshape(blocks, (-1, block)), flat, axis=0)
    values, places = ops.top_k(ops.reshape(candidates, (rows, count * block)), count)
    places = ops.cast(places, "int32")
    indices = ops.take_along_axis(chosen, places // block, axis=1) * block
    indices = indices + places % block
    return ops.reshape(values, (*shape, count)), ops.reshape(indices, (*shape, count))


def _block_size(size, count):
    """The divisor of `size` that leaves the fewest numbers to look at again."""
    divisors = [d for d in range(1, size // count + 1) if size % d == 0]
    return min(divisors, key=lambda block: size // block + count * block)
