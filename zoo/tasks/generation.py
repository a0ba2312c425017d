"""Runs a decoder over any number of rows in few static shapes."""

import tensorflow as tf

BATCH_SIZES = (1, 4, 16, 64)


def length_buckets(max_length):
    """The lengths that rows are padded to: 16, 32, ... and `max_length`.

    >>> length_buckets(100)
    [16, 32, 64, 100]
    """
    buckets = [16]
    while buckets[-1] < max_length:
        buckets.append(2 * buckets[-1])
    return [*buckets[:-1], max_length]


def decode_in_pieces(decode, rows, seeds, *, max_length, num_results):
    """Sorts rows by length and decodes them in batches of a few fixed shapes.

    Whatever the number of rows and their lengths, `decode` sees at most
    `len(BATCH_SIZES) * len(length_buckets(max_length))` shapes, so a compiled one
    compiles at most that often.

    Args:
        decode: callable. ids int32 `(batch, length)`, 0 is padding, and seeds
            int32 `(batch,)` -> ids int32 `(batch, num_results, any)` and scores
            float32 `(batch, num_results)`.
        rows: RaggedTensor int32 `(m, None)`, none longer than `max_length`.
        seeds: int32 `(m,)`, handed to `decode` with each row.
        max_length: int. Longest row, and longest decoded row.
        num_results: int. Answers a row.

    Returns:
        ids int32 `(m, num_results, max_length)`, scores float32
        `(m, num_results)`, in the order of `rows`.
    """
    order = tf.argsort(rows.row_lengths())
    ordered, ordered_seeds = tf.gather(rows, order), tf.gather(seeds, order)
    buckets = tf.constant(length_buckets(max_length))
    sizes = tf.constant(BATCH_SIZES)
    any_ids = tf.TensorShape([None, num_results, max_length])
    any_scores = tf.TensorShape([None, num_results])

    def decode_piece(begin, ids, scores):
        piece = ordered[begin : begin + BATCH_SIZES[-1]].to_tensor()
        count = tf.shape(piece)[0]
        more = _smallest_at_least(sizes, count) - count
        longer = _smallest_at_least(buckets, tf.shape(piece)[1]) - tf.shape(piece)[1]
        new_ids, new_scores = decode(
            tf.pad(piece, [[0, more], [0, longer]]),
            tf.pad(ordered_seeds[begin : begin + BATCH_SIZES[-1]], [[0, more]]),
        )
        unused = max_length - tf.shape(new_ids)[2]
        new_ids = tf.pad(new_ids[:count], [[0, 0], [0, 0], [0, unused]])
        return (
            begin + BATCH_SIZES[-1],
            tf.concat([ids, tf.ensure_shape(new_ids, any_ids)], axis=0),
            tf.concat([scores, new_scores[:count]], axis=0),
        )

    total = tf.size(order)
    _, ids, scores = tf.while_loop(
        lambda begin, *_: begin < total,
        decode_piece,
        [
            tf.constant(0),
            tf.zeros([0, num_results, max_length], tf.int32),
            tf.zeros([0, num_results]),
        ],
        shape_invariants=[tf.TensorShape([]), any_ids, any_scores],
        parallel_iterations=1,
    )
    back = tf.argsort(order)
    return tf.gather(ids, back), tf.gather(scores, back)


def _smallest_at_least(sizes, value):
    """The first of ascending `sizes` that is not below `value`."""
    return tf.reduce_min(tf.boolean_mask(sizes, sizes >= value))
