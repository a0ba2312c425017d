"""Runs an encoder over any number of texts of any length, with little padding."""

import keras
import tensorflow as tf

from zoo.tasks.compiling import compiled

# Places of a piece: enough for the matrix products, few enough for the memory.
PLACES = 4096
# A compiler that needs static shapes sees lengths that are multiples of this.
_LENGTH_STEP = 32


def encode_in_pieces(encode, rows, size, *, per_place=False, places=PLACES):
    """Sorts rows by length and encodes them in pieces of about as many places.

    Rows of like length share a piece, so hardly a place is padding, and a piece is
    no larger however many rows there are. Neither changes an answer.

    >>> rows = {"token_ids": tf.ragged.constant([[2, 9, 3], [2, 3]])}
    >>> def sum_of_ids(piece):
    ...     return tf.reduce_sum(piece["token_ids"], axis=1, keepdims=True)
    >>> encode_in_pieces(sum_of_ids, rows, size=1)
    [[14.0], [5.0]]

    Args:
        encode: callable. dict of dense int32 `(rows, length)`, 0 where there is
            padding, with `padding_mask` bool `(rows, length)` -> float `(rows, size)`,
            or with `per_place` `(rows, length, size)`.
        rows: dict of RaggedTensor int32 `(m, None)`, all of the same row lengths,
            one of them `token_ids`; none of the rows empty.
        size: int.
        places: int. The most of a piece that is not a single row.

    Returns:
        float32 `(m, size)`, or `(places of all rows, size)`, in the order of `rows`.
    """
    lengths = tf.cast(rows["token_ids"].row_lengths(), tf.int32)
    order = tf.argsort(lengths, stable=True)
    ordered = {name: tf.gather(ragged, order) for name, ragged in rows.items()}
    ordered_lengths = tf.gather(lengths, order)

    def encode_piece(number, begin, results):
        count = _count_that_fits(ordered_lengths[begin:], places)
        here = slice(begin, begin + count)
        inputs = {name: ragged[here].to_tensor() for name, ragged in ordered.items()}
        mask = tf.sequence_mask(ordered_lengths[here], ordered_lengths[here][-1])
        encoded = tf.cast(encode({**inputs, "padding_mask": mask}), tf.float32)
        if per_place:
            encoded = tf.boolean_mask(encoded, mask)
        return number + 1, begin + count, results.write(number, encoded)

    results = tf.TensorArray(
        tf.float32,
        size=1,
        dynamic_size=True,
        infer_shape=False,
        element_shape=[None, size],
    )
    results = results.write(0, tf.zeros([0, size]))  # where there are no rows
    _, _, results = tf.while_loop(
        lambda number, begin, results: begin < tf.size(order),
        encode_piece,
        [tf.constant(1), tf.constant(0), results],
        parallel_iterations=1,
    )
    flat, back = results.concat(), tf.argsort(order)
    if not per_place:
        return tf.gather(flat, back)
    vectors = tf.RaggedTensor.from_row_lengths(flat, ordered_lengths)
    return tf.gather(vectors, back).flat_values


def _count_that_fits(lengths, places):
    """How many of ascending lengths fill so many places, each padded to the last."""
    lengths = lengths[:places]
    filled = lengths * tf.range(1, tf.size(lengths) + 1)
    return tf.maximum(tf.math.count_nonzero(filled <= places, dtype=tf.int32), 1)


def encoding_function(function, model, max_length):
    """Makes of a function of a model's inputs what `encode_in_pieces` takes.

    On TensorFlow that is a plain graph, which takes any shape. The loop calls it as a
    graph of its own, for TensorFlow joins no operations in a graph that loops.
    Elsewhere it is compiled, for shapes rounded up to few.
    """
    if keras.backend.backend() == "tensorflow":
        return tf.function(
            function, autograph=False, experimental_attributes={"_noinline": True}
        )
    run = compiled(function, model)

    def encode(inputs):
        rows, length = tf.unstack(tf.shape(inputs["token_ids"]))
        more_rows = 2 ** (int(rows) - 1).bit_length() - int(rows)
        longer = min(-int(length) % _LENGTH_STEP, max_length - int(length))
        padding = [[0, more_rows], [0, longer]]
        outputs = run({name: tf.pad(x, padding) for name, x in inputs.items()})
        return outputs[:rows] if outputs.shape.rank == 2 else outputs[:rows, :length]

    return encode
