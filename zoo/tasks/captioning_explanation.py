"""Where in an image each piece of a caption looked."""

import tensorflow as tf
from keras import ops

from zoo.tasks.captioning_graph import pixels_of
from zoo.tasks.compiling import bridged


def explain(data, token_ids, task):
    """Reads the cross-attention of captions that were found by search.

    Args:
        data: string `(n,)`, the bytes of images.
        token_ids: int32 `(n, length)`, their captions, 0 after the end.
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
    # To two places at least: Keras warns of a softmax over one.
    kept = token_ids[:, : tf.maximum(longest, 2)]
    start = tf.fill([tf.shape(kept)[0], 1], task.tokenizer.start_token_id)

    def read(images, inputs):
        model = task.model
        _, scores = model.decode(inputs, model.encode(images), return_scores=True)
        mean = ops.mean(ops.cast(ops.stack(scores), "float32"), axis=(0, 2))
        return model.on_image(mean)

    attention = bridged(read)(images, tf.concat([start, kept[:, :-1]], axis=1))
    is_token = (kept > 0)[:, :, tf.newaxis, tf.newaxis]
    return {
        "caption": task.tokenizer.detokenize(token_ids),
        "target_pieces": pieces.to_tensor(""),
        "attention": tf.where(is_token, attention, 0.0)[:, :longest],
    }
