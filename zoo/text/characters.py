"""Texts as Unicode characters in one flat tensor, special tokens made out."""

import typing

import numpy as np
import tensorflow as tf

from zoo.text.unicode_ranges import NUM_CODE_POINTS

# A special token typed in a text is one character: this code plus its number.
FIRST_SPECIAL_CODE = NUM_CODE_POINTS
_MAX_SPECIAL_TOKENS = 256
_PAGE_BITS = 8


class Characters(typing.NamedTuple):
    """The characters of `n` texts, one after the other.

    Attributes:
        codes: int32 `(characters,)`. Code points; special tokens beyond them.
        rows: int32 `(characters,)`. The text that each is of, ascending.
        starts: int32 `(characters,)`. Its place in that text.
        ends: int32 `(characters,)`. Where it ends there: one further, but for
            special tokens.
    """

    codes: tf.Tensor
    rows: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor


class CharacterTable:
    """A number for each code point, looked up in the graph.

    Most pages of 256 code points are alike, so each is kept once.

    Args:
        values: int `(0x110000,)`.
        special_value: int. What special tokens get.
    """

    def __init__(self, values, special_value):
        specials = np.full(_MAX_SPECIAL_TOKENS, special_value)
        values = np.concatenate([values, specials]).astype(np.int32)
        pages = [page.tobytes() for page in values.reshape(-1, 1 << _PAGE_BITS)]
        number = {page: i for i, page in enumerate(dict.fromkeys(pages))}
        self._pages = np.frombuffer(b"".join(number), np.int32)
        self._page_of = np.array([number[page] for page in pages], np.int32)

    def __call__(self, codes):
        """int32 of any shape -> int32 of the same."""
        page = tf.gather(self._page_of, tf.bitwise.right_shift(codes, _PAGE_BITS))
        within = tf.bitwise.bitwise_and(codes, (1 << _PAGE_BITS) - 1)
        page_start = tf.bitwise.left_shift(page, _PAGE_BITS)
        return tf.gather(self._pages, tf.bitwise.bitwise_or(page_start, within))


def characters(texts, special_tokens):
    """The characters of texts; a special token typed in them is one of them.

    >>> characters(tf.constant(["a[SEP]"]), ["[SEP]"])
    Characters(codes=[97, 0x110000], rows=[0, 0], starts=[0, 1], ends=[1, 6])

    Args:
        texts: string `(n,)`. What is not UTF-8 becomes U+FFFD.
        special_tokens: list of str. The first character of each occurs in none of
            them but as the first, so that no two can overlap.

    Returns:
        `Characters`.
    """
    decoded = tf.strings.unicode_decode(texts, "UTF-8")
    codes = decoded.flat_values
    splits = tf.cast(decoded.row_splits, tf.int32)
    rows = row_ids(splits)
    starts = tf.range(tf.size(codes)) - tf.gather(splits, rows)
    found, numbers, lengths = _find(codes, rows, special_tokens)
    at = found[:, tf.newaxis]
    inside = _inside(found, lengths, tf.size(codes))
    return Characters(
        *(
            tf.boolean_mask(column, ~inside)
            for column in (
                tf.tensor_scatter_nd_update(codes, at, FIRST_SPECIAL_CODE + numbers),
                rows,
                starts,
                tf.tensor_scatter_nd_add(starts + 1, at, lengths - 1),
            )
        )
    )


def row_ids(splits):
    """int32 `(n + 1,)`, row splits -> the row of each value, int32 `(values,)`.

    `RaggedTensor.value_rowids` needs memory for n rows as long as the longest.
    """
    size = splits[-1]
    borders = tf.boolean_mask(splits[1:], splits[1:] < size)
    return tf.cumsum(
        tf.scatter_nd(borders[:, tf.newaxis], tf.ones_like(borders), [size])
    )


def _find(codes, rows, special_tokens):
    """Where special tokens are: places, numbers and lengths, each int32 `(found,)`."""
    lengths = np.array([len(token) for token in special_tokens], np.int32)
    spelled = np.full([len(lengths), lengths.max()], -1, np.int32)
    for row, token in zip(spelled, special_tokens, strict=True):
        row[: len(token)] = [ord(character) for character in token]
    first_codes = np.unique(spelled[:, 0])
    starts = tf.reduce_any(codes[:, tf.newaxis] == first_codes, axis=-1)
    places = tf.cast(tf.where(starts)[:, 0], tf.int32)

    window = places[:, tf.newaxis] + tf.range(lengths.max())  # (places, longest)
    beyond = window >= tf.size(codes)
    window = tf.where(beyond, places[:, tf.newaxis], window)
    other_row = tf.gather(rows, window) != tf.gather(rows, places)[:, tf.newaxis]
    window = tf.where(beyond | other_row, -2, tf.gather(codes, window))
    same = (window[:, tf.newaxis] == spelled) | (spelled == -1)
    same = tf.reduce_all(same, axis=-1)  # (places, special tokens)
    found = tf.cast(tf.where(same), tf.int32)
    return tf.gather(places, found[:, 0]), found[:, 1], tf.gather(lengths, found[:, 1])


def _inside(places, lengths, size):
    """bool `(size,)`: is a character of a special token, and not its first."""
    changes = tf.concat([places + 1, places + lengths], axis=0)
    signs = tf.concat([tf.ones_like(places), -tf.ones_like(places)], axis=0)
    changes = tf.scatter_nd(changes[:, tf.newaxis], signs, [size + 1])
    return tf.cumsum(changes)[:-1] > 0
