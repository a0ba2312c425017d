"""Images and the words said of them, to train an encoder of images alone."""

import numpy as np
import tensorflow as tf

from zoo.data.captioning import CaptionCorpus, seen


def image_word_batches(
    examples,
    tokenizer,
    *,
    image_size,
    batch_size=48,
    max_length=64,
    flip=True,
    seed=0,
    first_epoch=0,
):
    """Every image, mixed with another, and which tokens its captions have.

    [Zhang et al., 2018](https://arxiv.org/abs/1710.09412), eq. 1: pixels and labels are
    the mean of two images', weighted by a draw from Beta(0.4, 0.4). Without it an
    encoder knows a few thousand images by heart after some epochs.

    A batch is a pure function of (seed, epoch, step), and images are left out, as in
    `zoo.data.caption_batches`.

    Args:
        batch_size: int. The most images in a batch.
        Others: as in `zoo.data.caption_batches`.

    Returns:
        `tf.data.Dataset` of (images, words): float32 `(batch, height, width, 3)` from 0
        to 255, and float32 `(batch, vocabulary size)` from 0 to 1, 0 for padding
        and the end.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be 1 or more, got {batch_size}.")
    corpus = CaptionCorpus(examples, tokenizer, image_size, max_length, augmented=True)
    dataset = corpus.epochs(
        batch_tokens=batch_size * int(corpus.lengths.max()),
        most_rows=batch_size,
        num_buckets=1,
        batches_per_update=1,
        shuffle=True,
        seed=seed,
        first_epoch=first_epoch,
    )
    size = tokenizer.vocabulary_size()
    is_word = np.ones(size, np.float32)
    is_word[[0, tokenizer.end_token_id]] = 0.0  # what is in all captions tells nothing

    def mixed(inputs, labels, weight):
        words = tf.math.bincount(
            *(labels, None, size, size, tf.float32), axis=-1, binary_output=True
        )
        images = tf.cast(seen(inputs, image_size, flip), tf.float32)
        is_image = tf.reduce_any(weight > 0.0, axis=1)  # the last batch may have room
        shares = inputs["shares"][is_image]
        pair = (images[is_image], words[is_image] * is_word)
        return tuple(_mixed(values, shares) for values in pair)

    return dataset.map(mixed, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def _mixed(values, shares):
    """Each row with the one that stands in its place from behind."""
    shares = tf.reshape(shares, [-1] + [1] * (values.shape.rank - 1))
    return shares * values + (1.0 - shares) * values[::-1]
