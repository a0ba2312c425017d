"""What comes in and goes out of a generating task, checked."""

import collections
import collections.abc
import zlib

import numpy as np
import tensorflow as tf


def checked_texts(texts):
    """A list of str that are all valid Unicode, or an error that names the item."""
    if isinstance(texts, bytes) or not isinstance(texts, collections.abc.Iterable):
        raise TypeError(
            f"generate takes a str or a list of str, got {type(texts).__name__} "
            f"({texts!r:.80}). Decode bytes first, and turn numbers into text."
        )
    texts = list(texts)
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(
                f"generate takes a str or a list of str, got {type(text).__name__} "
                f"({text!r:.80}) at place {number}. Decode bytes first, and turn "
                "numbers into text."
            )
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(
                f"The text at place {number} cannot be written as UTF-8 ({error}). "
                "It holds half of a surrogate pair; repair where it was read."
            ) from error
    return texts


def check_generation_options(**options):
    """Refuses options out of their range; None stands for one that is not given."""
    ranges = {
        "max_length": (lambda x: x >= 1, "at least 1"),
        "length_penalty": (lambda x: x >= 0, "at least 0"),
        "temperature": (lambda x: x >= 0, "at least 0, which is greedy"),
        "top_k": (lambda x: x >= 0, "at least 0, which is all tokens"),
        "top_p": (lambda x: 0 < x <= 1, "above 0 and at most 1, which is all tokens"),
    }
    for name, value in options.items():
        fits, expected = ranges[name]
        if value is not None and not fits(value):
            raise ValueError(f"generate got {name}={value}. It must be {expected}.")


def text_seeds(texts, seed):
    """int32 `(n,)`: a seed for each text that hangs on the text, not on its place.

    The second of two equal texts gets another one.
    """
    seen = collections.Counter()
    seeds = []
    for text in texts:
        seeds.append(zlib.crc32(text.encode("utf-8"), seed & 0xFFFFFFFF) + seen[text])
        seen[text] += 1
    return tf.constant(np.array(seeds, np.uint32).astype(np.int32))


def decoded(strings):
    """string tensor `(n,)` -> list of str.

    Bytes that are no UTF-8, which a model may write byte by byte, become U+FFFD.
    """
    return [string.decode("utf-8", "replace") for string in strings.numpy()]
