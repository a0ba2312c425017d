"""Batches for masked language modelling whose rows are full: no place is padding.

The vocabulary is of words, so a text of n words has n tokens. How fast a model trains
does not depend on which words they are.
"""

import numpy as np
import tensorflow as tf

from zoo.data import masked_batches
from zoo.text import WordPieceTokenizer

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def word_tokenizer(vocabulary_size):
    """A tokenizer of whole words, w0, w1 and so on."""
    return WordPieceTokenizer(SPECIAL_TOKENS + words(vocabulary_size))


def words(vocabulary_size):
    return [f"w{number}" for number in range(vocabulary_size - len(SPECIAL_TOKENS))]


def full_batches(vocabulary_size, row_length, batch_size, count, seed=0):
    """`count` batches of our own pipeline, one text a row.

    Returns:
        list of dicts of arrays: the inputs that `zoo.data.masked_batches` gives, and
        `labels` and `sample_weight`.
    """
    known = np.array(words(vocabulary_size))
    generator = np.random.default_rng(seed)
    num_words = row_length - 2  # [CLS] and [SEP] are put around them
    drawn = known[generator.integers(0, len(known), (batch_size * count, num_words))]
    examples = tf.data.Dataset.from_tensor_slices(
        {"text": [" ".join(each) for each in drawn]}
    )
    batches = masked_batches(
        examples,
        word_tokenizer(vocabulary_size),
        row_length=row_length,
        batch_size=batch_size,
        shuffle=False,
    )
    return [
        {**inputs, "labels": labels, "sample_weight": weights}
        for inputs, labels, weights in batches.take(count).as_numpy_iterator()
    ]
