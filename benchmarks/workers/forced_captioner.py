"""A captioner with random weights whose captions all have the most tokens there may be.

As `forced_translator`: the vocabulary is of words, and nothing else is ever the best.
"""

import keras
import numpy as np
import tensorflow as tf

import zoo
from benchmarks.workers.forced_translator import force_words, word_vocabulary
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
    force_words(model.target_embedding, model.decoder.final_norm)
    return zoo.ImageCaptioner(model, tokenizer)


def random_images(count, height, width):
    """uint8 `(count, height, width, 3)`, smooth, the same every time."""
    small = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3))
    images = tf.image.resize(small, (height, width), "bicubic")
    return tf.cast(tf.clip_by_value(images, 0, 255), tf.uint8).numpy()


def png_files(images):
    """Arrays -> list of bytes."""
    return [tf.io.encode_png(image).numpy() for image in images]
