"""Where in an image each piece of a caption looked."""

import tensorflow as tf

from zoo.tasks.captioning_graph import pixels_of


def explain(data, token_ids, attention, task):
    """Reads the cross-attention of captions that were found by search.

    Args:
        data: string `(n,)`, the bytes of images.
        token_ids: int32 `(n, length)`, their captions, 0 after the end.
        attention: callable of `zoo.tasks.captioning_functions`.
        task: `zoo.ImageCaptioner`.

    Returns:
        dict, short rows filled with `""` and 0: `caption` string `(n,)`;
        `target_pieces` string `(n, T)`; `attention` float32 `(n, T, rows, columns)`,
        the mean over heads and layers of what each piece saw of each patch.
    """
    images, _ = pixels_of(data, task.model.image_size)
    lengths = tf.math.count_nonzero(token_ids, axis=1)
    pieces = task.tokenizer.pieces(
        tf.RaggedTensor.from_tensor(token_ids, lengths=lengths)
    )
    longest = tf.reduce_max(tf.concat([lengths, [0]], axis=0))
    # All captions are read at one length, so that nothing is compiled for another.
    start = tf.fill([tf.shape(token_ids)[0], 1], task.tokenizer.start_token_id)
    seen = attention(images, tf.concat([start, token_ids[:, :-1]], axis=1))
    is_token = (token_ids > 0)[:, :, tf.newaxis, tf.newaxis]
    return {
        "caption": task.tokenizer.detokenize(token_ids),
        "target_pieces": pieces.to_tensor(""),
        "attention": tf.where(is_token, seen, 0.0)[:, :longest],
    }
