"""A captioner with random weights whose captions all have the most tokens there may be.

As `forced_translator`: the vocabulary is of words, and nothing else is ever the best.
"""

import keras
import numpy as np
import tensorflow as tf

import zoo
from benchmarks.workers.forced_translator import (
    FORBIDDEN_LOGIT,
    word_vocabulary,
    words,
)
from zoo import presets
from zoo.text import SentencePieceTokenizer


def forced_captioner(size, vocabulary_size, num_tokens):
    """A `zoo.ImageCaptioner` whose captions all have `num_tokens` words.

    Args:
        size: str. A preset.
        vocabulary_size, num_tokens: int.
    """
    keras.utils.set_random_seed(0)
    tokenizer = SentencePieceTokenizer(word_vocabulary(vocabulary_size))
    model = presets.captioning_model(size, vocabulary_size, max_length=num_tokens)
    not_words = vocabulary_size - len(words(vocabulary_size))
    table = model.target_embedding.embeddings.numpy()
    table[:, 0] = 0.0
    table[:not_words, 0] = FORBIDDEN_LOGIT
    model.target_embedding.embeddings.assign(table)
    norm = model.decoder.final_norm
    for weight, first in ((norm.gamma, 0.0), (norm.beta, 1.0)):
        values = weight.numpy()
        values[0] = first
        weight.assign(values)
    return zoo.ImageCaptioner(model, tokenizer)


def random_images(count, height, width):
    """uint8 `(count, height, width, 3)`, smooth, the same every time."""
    small = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3))
    images = tf.image.resize(small, (height, width), "bicubic")
    return tf.cast(tf.clip_by_value(images, 0, 255), tf.uint8).numpy()


def png_files(images):
    """Arrays -> list of bytes."""
    return [tf.io.encode_png(image).numpy() for image in images]
