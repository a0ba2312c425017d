"""Texts of any length, tokenized and cut to the length of a row."""

import numpy as np
import tensorflow as tf

from zoo.data.tokenized_texts import (
    TOKENIZED_TOGETHER,
    check_examples,
    join_texts,
    ranges,
)


def tokenize_documents(examples, tokenizer):
    """`TokenizedTexts` without special tokens and without empty texts."""
    check_examples(examples, ("text",))

    def tokenize(example):
        token_ids = tokenizer.tokenize(example["text"])
        token_ids = tf.ragged.boolean_mask(token_ids, token_ids.row_lengths() > 0)
        return token_ids.flat_values, token_ids.row_lengths()

    parts = list(
        examples.map(lambda example: {"text": example["text"]})
        .batch(TOKENIZED_TOGETHER)
        .map(tokenize, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .as_numpy_iterator()
    )
    if not any(len(token_ids) for token_ids, _ in parts):
        raise ValueError("There is no text to train on: all given are empty.")
    return join_texts(parts)


def cut(texts, room, generator):
    """Cuts long texts into pieces of at most `room` ids.

    The first piece of a cut text has `room` ids or, with a generator, a random number
    of at least a quarter of it.

    Returns:
        (offsets, lengths): int `(pieces,)` each, where they lie in `texts.token_ids`.
    """
    lengths = texts.lengths
    first = np.full(len(lengths), room)
    if generator is not None:
        first = generator.integers(-(-room // 4), room + 1, len(lengths))
    first = np.where(lengths > room, first, lengths)
    num_pieces = 1 + -(-(lengths - first) // room)
    text = np.repeat(np.arange(len(lengths)), num_pieces)
    place = ranges(np.zeros_like(num_pieces), num_pieces)
    starts = np.where(place == 0, 0, first[text] + (place - 1) * room)
    ends = np.minimum(first[text] + place * room, lengths[text])
    return texts.offsets[text] + starts, ends - starts
