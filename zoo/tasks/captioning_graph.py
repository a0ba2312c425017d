"""Bytes of images to captions, in the graph: what `generate` and the export run."""

import tensorflow as tf

from zoo.data.image_decoding import fitted_image
from zoo.tasks.generation import in_pieces, missing_rows


def pixels_of(data, image_size):
    """Decodes and resizes images; one that cannot be decoded is black.

    Args:
        data: string `(n,)`, the bytes of JPEGs and PNGs.
        image_size: (int, int). Height and width.

    Returns:
        uint8 `(n, height, width, 3)`; what is wrong with each, string `(n,)`, `""`
        where nothing is.
    """
    image = tf.TensorSpec([*image_size, 3], tf.uint8)
    # Few at a time: a large one takes gigabytes while it is decoded.
    return tf.map_fn(
        lambda image: fitted_image(image, *image_size),
        data,
        fn_output_signature=(image, tf.TensorSpec([], tf.string)),
        # More than one means nothing outside a graph, and TensorFlow says so.
        parallel_iterations=1 if tf.executing_eagerly() else 2,
    )


def search_images(data, seeds, encode, decode, task, width, max_length=None):
    """Captions any number of images, in batches of few sizes.

    Args:
        data: string `(n,)`, the bytes of JPEGs and PNGs.
        seeds: int32 `(n,)`.
        encode: callable. uint8 `(batch, height, width, 3)` -> memory.
        decode: callable. memory, the most tokens of each row int32 `(batch,)`, seeds
            -> ids int32 `(batch, width, any)` and scores float32 `(batch, width)`.
        task: `zoo.ImageCaptioner`.
        width: int. Captions of each image.
        max_length: int32 scalar. The most tokens of any.

    Returns:
        ids int32 `(n, width, model.max_length)`; scores float32 `(n, width)`; errors
        string `(n,)`. An image with an error has empty captions of score 0.
    """
    longest = task.model.max_length
    limit = longest if max_length is None else tf.minimum(max_length, longest)

    def caption_piece(here):
        images, wrong = pixels_of(data[here], task.model.image_size)
        count = tf.size(wrong)
        more = [[0, missing_rows(count)]]
        ids, scores = decode(
            tf.pad(encode(images), [*more, [0, 0], [0, 0]]),
            tf.pad(tf.where(wrong == "", limit, 0), more),
            tf.pad(seeds[here], more),
        )
        unused = longest - tf.shape(ids)[2]
        # Answers of no tokens; a search may leave -inf for all but one.
        scores = tf.where((wrong == "")[:, tf.newaxis], scores[:count], 0.0)
        ids = tf.pad(ids[:count], [[0, 0], [0, 0], [0, unused]])
        return ids, scores, wrong

    return in_pieces(
        caption_piece,
        tf.size(data),
        [
            tf.TensorSpec([None, width, longest], tf.int32),
            tf.TensorSpec([None, width], tf.float32),
            tf.TensorSpec([None], tf.string),
        ],
    )


def detokenized(ids, scores, tokenizer):
    """ids `(n, width, length)`, scores -> captions and scores, best first."""
    _, width, length = ids.shape
    captions = tokenizer.detokenize(tf.reshape(ids, [-1, length]))
    captions = tf.reshape(captions, [-1, width])
    # Samples come as they were drawn.
    order = tf.argsort(scores, direction="DESCENDING", stable=True)
    return (
        tf.gather(captions, order, batch_dims=1),
        tf.gather(scores, order, batch_dims=1),
    )
