"""Which source pieces each target piece looked at."""

import tensorflow as tf
from keras import ops

from zoo.tasks.compiling import bridged


def explain(rows, owner, token_ids, count, task):
    """Reads the cross-attention of a translation that was found by search.

    Args:
        rows: RaggedTensor int32 `(m, None)`, the source pieces of texts.
        owner: int64 `(m,)`, the text that each came from.
        token_ids: int32 `(m, length)`, their translations, 0 after the end.
        count: int, the number of texts, `n`.
        task: `zoo.Translator`.

    Returns:
        dict, short rows filled with `""` and 0: `source_pieces` string `(n, S)`,
        `target_pieces` string `(n, T)`, and `attention` float32 `(n, T, S)`, the
        mean over heads and layers, whose rows sum to 1. Where a long text was cut,
        what was translated together looks at itself only.
    """
    lengths = tf.math.count_nonzero(token_ids, axis=1)
    targets = tf.RaggedTensor.from_tensor(token_ids, lengths=lengths)
    source, source_places = _joined(rows, owner, count)
    target, target_places = _joined(targets, owner, count)
    source_ids, target_ids = _dense(rows), _dense(targets)
    attention = _mean_attention(task, source_ids, target_ids)
    mask = (target_ids > 0)[:, :, None] & (source_ids > 0)[:, None, :]
    piece, at_target, at_source = tf.unstack(tf.where(mask), axis=1)
    places = tf.stack(
        [
            tf.gather(owner, piece),
            tf.gather_nd(target_places, tf.stack([piece, at_target], axis=1)),
            tf.gather_nd(source_places, tf.stack([piece, at_source], axis=1)),
        ],
        axis=1,
    )
    shape = tf.stack(
        [
            tf.cast(count, tf.int64),
            target.bounding_shape(axis=1),
            source.bounding_shape(axis=1),
        ]
    )
    return {
        "source_pieces": task.source_tokenizer.pieces(source).to_tensor(""),
        "target_pieces": task.target_tokenizer.pieces(target).to_tensor(""),
        "attention": tf.scatter_nd(places, attention[mask], shape),
    }


def _dense(rows):
    """Ragged -> padded, to two places at least: Keras warns of a softmax over one."""
    ids = rows.to_tensor()
    return tf.pad(ids, [[0, 0], [0, tf.maximum(2 - tf.shape(ids)[1], 0)]])


def _joined(rows, owner, count):
    """Joins the rows of one owner; also says where each token came to stand.

    >>> _joined([[5, 6], [7], [8]], owner=[0, 0, 2], count=3)
    [[5, 6, 7], [], [8]], [[0, 1], [2, 0], [0, 0]]
    """
    owner_of_token = tf.gather(owner, rows.value_rowids())
    joined = tf.RaggedTensor.from_value_rowids(
        rows.values, owner_of_token, nrows=tf.cast(count, tf.int64)
    )
    places = tf.range(tf.size(rows.values, tf.int64)) - tf.gather(
        joined.row_starts(), owner_of_token
    )
    return joined, rows.with_values(places).to_tensor()


def _mean_attention(task, source_ids, target_ids):
    """The decoder's cross-attention, read with the translation given."""
    start = tf.fill([tf.shape(target_ids)[0], 1], task.target_tokenizer.start_token_id)
    inputs = tf.concat([start, target_ids[:, :-1]], axis=1)

    def read(source_ids, inputs):
        memory, memory_mask = task.model.encode(source_ids)
        _, scores = task.model.decode(
            inputs, memory, memory_mask=memory_mask, return_scores=True
        )
        return ops.mean(ops.cast(ops.stack(scores), "float32"), axis=(0, 2))

    return bridged(read)(source_ids, inputs)
