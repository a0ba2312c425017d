"""Cuts texts that are longer than a model into chunks that overlap."""

import tensorflow as tf

from zoo.text.characters import row_ids


def overlapping_chunks(token_ids, length, overlap):
    """Cuts each text into chunks, each of which begins with the end of the one before.

    All chunks of a text are of `length` but the last, which ends where the text does. A
    text that fits is one chunk, and so is an empty one.

    >>> overlapping_chunks([[1, 2, 3, 4, 5, 6, 7], [], [8]], length=4, overlap=2)
    [[1, 2, 3, 4], [3, 4, 5, 6], [5, 6, 7], [], [8]], [0, 0, 0, 1, 2]

    Args:
        token_ids: RaggedTensor int32 `(n, None)`.
        length: int. Longest chunk.
        overlap: int. How many ids a chunk has in common with the one before it.

    Returns:
        chunks, RaggedTensor int32 `(m, None)`, and the text that each is of, int32
        `(m,)`, ascending.
    """
    if not 0 <= overlap < length:
        raise ValueError(
            f"overlap is {overlap}, but chunks of {length} ids can have from 0 to "
            f"{length - 1} in common."
        )
    step = length - overlap
    lengths = tf.cast(token_ids.row_lengths(), tf.int32)
    num_chunks = tf.maximum(1, (lengths - overlap + step - 1) // step)
    first_chunk = tf.concat([[0], tf.cumsum(num_chunks)], axis=0)
    owner = row_ids(first_chunk)
    number = tf.range(tf.size(owner)) - tf.gather(first_chunk, owner)
    starts = number * step
    ends = tf.minimum(starts + length, tf.gather(lengths, owner))
    row_starts = tf.gather(tf.cast(token_ids.row_starts(), tf.int32), owner)
    places = tf.ragged.range(
        row_starts + starts, row_starts + ends, row_splits_dtype=tf.int64
    )
    return tf.gather(token_ids.values, places), owner
