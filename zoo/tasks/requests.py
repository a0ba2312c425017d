"""What comes in and goes out of a task, checked."""

import collections
import numbers
import operator
import zlib
from collections.abc import Iterable, Mapping, Set

import numpy as np
import tensorflow as tf


def checked_texts(texts, method="generate"):
    """A list of str that are all valid Unicode, or an error that names the item."""
    for number, text in enumerate(texts := _listed(texts, method, "str")):
        _check_text(text, method, f"at place {number}")
    return texts


def checked_pairs(pairs, method):
    """A list of pairs of str that are all valid Unicode, or an error like the above."""
    for number, pair in enumerate(pairs := _listed(pairs, method, "pairs of str")):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(
                f"{method} takes pairs of str here, got {pair!r:.80} at place {number}."
                " Pass both texts together: (text, text_pair)."
            )
        for text in pair:
            _check_text(text, method, f"in the pair at place {number}")
    return pairs


def _listed(items, method, kind):
    is_text = isinstance(items, str | bytes | Mapping | Set)
    if is_text or not isinstance(items, Iterable):
        raise TypeError(
            f"{method} takes a str or a list of {kind}, got {type(items).__name__} "
            f"({items!r:.80}). Decode bytes first, turn numbers into text, and put "
            "what has no order or has keys into a list."
        )
    return list(items)


def _check_text(text, method, place):
    if not isinstance(text, str):
        raise TypeError(
            f"{method} takes a str or a list of str, got {type(text).__name__} "
            f"({text!r:.80}) {place}. Decode bytes first, and turn numbers into text."
        )
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"The text {place} cannot be written as UTF-8 ({error}). It holds half of "
            "a surrogate pair; repair where it was read."
        ) from error


def check_tokenizer(tokenizer):
    """Refuses what is no tokenizer, such as the path of one."""
    if not hasattr(tokenizer, "vocabulary_size"):
        raise TypeError(
            f"{tokenizer!r:.80} is no tokenizer. zoo.text.learn_tokenizer makes one; a "
            "folder that a task was saved to holds one, and is passed as the preset."
        )


def check_writing_tokenizer(tokenizer):
    """Refuses a tokenizer that a decoder cannot write with."""
    check_tokenizer(tokenizer)
    if not hasattr(tokenizer, "start_token_id"):
        raise TypeError(
            f"A {type(tokenizer).__name__} has no tokens that a text begins and ends "
            "with, so that nothing is written with it. zoo.text.learn_tokenizer(lines) "
            'makes one that has, of kind="sentence_piece".'
        )


def check_generation_options(**options):
    """Refuses options of another type or out of their range."""
    for name, value in options.items():
        kind, fits, expected = _OPTIONS[name]
        if value is None and name in _LEFT_OUT:
            continue
        if not kind(value):
            raise TypeError(
                f"{name}={value!r} is of type {type(value).__name__}. It must be "
                f"{kind.__doc__}, {expected}."
            )
        if not fits(value):
            raise ValueError(f"{name}={value} is out of range. It must be {expected}.")


def _whole(value):
    """a whole number"""
    try:
        operator.index(value)
    except TypeError:
        return False
    return not isinstance(value, bool)


def _number(value):
    """a number"""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


_OPTIONS = {  # name: its type, its range, both in words
    "num_beams": (_whole, lambda x: x >= 1, "at least 1, which is greedy"),
    "num_return_sequences": (_whole, lambda x: x >= 1, "at least 1"),
    "max_length": (_whole, lambda x: x >= 1, "at least 1"),
    "length_penalty": (_number, lambda x: 0 <= x <= 1e6, "from 0 to 1,000,000"),
    "temperature": (_number, lambda x: x >= 0, "at least 0, which is greedy"),
    "top_k": (_whole, lambda x: x >= 0, "at least 0, which is all tokens"),
    "top_p": (_number, lambda x: 0 < x <= 1, "above 0 and at most 1, which is all"),
    "seed": (_whole, lambda x: True, "any"),
}
_LEFT_OUT = ("max_length", "temperature", "top_k", "top_p", "seed")  # may be None


def item_seeds(items, seed, seen=None):
    """int32 `(n,)`: a seed for each item that hangs on its bytes, not on its place.

    The second of two equal items gets another one, also where the first was in another
    call with the same `collections.Counter` for `seen`.
    """
    seen = collections.Counter() if seen is None else seen
    seeds = []
    for item in items:
        start = zlib.crc32(item, seed & 0xFFFFFFFF)
        seeds.append((start + seen[start]) & 0xFFFFFFFF)
        seen[start] += 1
    return tf.constant(np.array(seeds, np.uint32).astype(np.int32))


def decoded(strings):
    """string tensor `(n,)` -> list of str.

    Bytes that are no UTF-8, which a model may write byte by byte, become U+FFFD.
    """
    return [string.decode("utf-8", "replace") for string in strings.numpy()]
