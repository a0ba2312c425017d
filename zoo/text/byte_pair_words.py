"""The words that byte-pair encoding splits, as GPT-2's regular expression has them."""

import functools
import unicodedata

import numpy as np
import tensorflow as tf

from zoo.text import unicode_ranges
from zoo.text.bert_normalization import Words
from zoo.text.characters import FIRST_SPECIAL_CODE, CharacterTable, characters
from zoo.text.unicode_ranges import NUM_CODE_POINTS, code_points

_LETTER, _DIGIT, _OTHER, _SPACE, _OUTSIDE = range(5)
_MAY_BE_LETTERS = range(0x323B0)  # and digits
_CONTRACTIONS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")


class ByteLevelWords:
    r"""Splits texts where GPT-2's expression does, which looks ahead; RE2 cannot.

    `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

    Whether a word starts at a character depends on its class, its neighbours' and on
    contractions alone. A space belongs to the word after it. Special tokens typed in a
    text are words.

    [Radford et al., 2019](https://github.com/openai/gpt-2).

    >>> ByteLevelWords(["<s>"])(tf.constant(["I'm  in!<s>"]))
    [["I", "'m", " ", " in", "!", "<s>"]], [[0, 1, 3, 5, 7, 8]], [[1, 3, 4, 7, 8, 11]]

    Args:
        special_tokens: list of str.
        stripping: collection of str. The special tokens that take white space before
            them along.
        add_prefix_space: bool. Puts a space before each text, and before what comes
            after a special token, where there is none.
    """

    def __init__(self, special_tokens, stripping=(), add_prefix_space=False):
        self.special_tokens = list(special_tokens)
        self.add_prefix_space = add_prefix_space
        self._stripping = [
            FIRST_SPECIAL_CODE + self.special_tokens.index(token) for token in stripping
        ]
        self._class_of = CharacterTable(_classes(), _OUTSIDE)

    def __call__(self, texts):
        """string `(n,)` -> `Words`.

        A word's place is that of what comes after its space, if anything does.
        """
        codes, rows, starts, ends = self._characters(texts)
        classes = self._class_of(codes)
        firsts = tf.cast(tf.where(_starts_word(codes, classes, rows))[:, 0], tf.int32)
        limits = tf.concat([firsts[1:], [tf.size(codes)]], axis=0)[: tf.size(firsts)]
        is_special = codes >= FIRST_SPECIAL_CODE
        words = tf.strings.unicode_encode(
            tf.RaggedTensor.from_row_lengths(
                tf.where(is_special, 0, codes), limits - firsts, validate=False
            ),
            "UTF-8",
        )
        special = tf.where(tf.gather(is_special, firsts))
        tokens = tf.gather_nd(tf.gather(codes, firsts), special) - FIRST_SPECIAL_CODE
        words = tf.tensor_scatter_nd_update(
            words, special, tf.gather(self.special_tokens, tokens)
        )
        # White space alone has the place that it has.
        text_first = tf.where(
            (tf.gather(classes, firsts) == _SPACE)
            & (tf.gather(classes, limits - 1) != _SPACE),
            firsts + 1,
            firsts,
        )
        places = tf.gather(starts, text_first), tf.gather(ends, limits - 1)
        row_limits = tf.searchsorted(
            tf.gather(rows, firsts), tf.range(tf.size(texts) + 1)
        )
        return Words(
            *(
                tf.RaggedTensor.from_row_splits(values, row_limits, validate=False)
                for values in (words, *places)
            )
        )

    def _characters(self, texts):
        """`characters`, less what special tokens strip, with the spaces put before."""
        found = characters(texts, self.special_tokens)
        if self._stripping:
            keep = ~self._stripped(found)
            found = [tf.boolean_mask(column, keep) for column in found]
        codes, rows, starts, ends = found
        if not self.add_prefix_space:
            return codes, rows, starts, ends
        special = codes >= FIRST_SPECIAL_CODE
        begins = _is_other_row(rows, -1) | _shifted(special, -1, True)
        lacks = begins & ~special & (codes != ord(" "))
        both = tf.stack([tf.where(lacks, ord(" "), -1), codes], axis=1)
        kept = tf.cast(tf.where(tf.reshape(both, [-1]) >= 0)[:, 0], tf.int32)
        origins = kept // 2
        is_added = kept % 2 == 0
        origin_starts = tf.gather(starts, origins)
        return (
            tf.gather(tf.reshape(both, [-1]), kept),
            tf.gather(rows, origins),
            origin_starts,
            tf.where(is_added, origin_starts, tf.gather(ends, origins)),
        )

    def _stripped(self, found):
        """bool `(characters,)`: white space right before a token that strips it."""
        is_space = self._class_of(found.codes) == _SPACE
        others = tf.where(~is_space)[:, 0]
        # The number of other characters before is that of the next one after.
        following = tf.cumsum(tf.cast(~is_space, tf.int32), exclusive=True)
        codes = tf.concat([tf.gather(found.codes, others), [-1]], axis=0)
        rows = tf.concat([tf.gather(found.rows, others), [-1]], axis=0)
        strips = tf.reduce_any(codes[:, tf.newaxis] == self._stripping, axis=-1)
        strips = tf.gather(strips, following) & (
            tf.gather(rows, following) == found.rows
        )
        return is_space & strips


def _starts_word(codes, classes, rows):
    """bool `(characters,)`"""
    before = tf.where(_is_other_row(rows, -1), _OUTSIDE, _shifted(classes, -1, 0))
    after = tf.where(_is_other_row(rows, 1), _OUTSIDE, _shifted(classes, 1, 0))
    is_space = classes == _SPACE
    # Of several white spaces the last goes apart, if text follows.
    ends_run = (after != _SPACE) & (after != _OUTSIDE)
    space_starts = (before != _SPACE) | ends_run
    after_space = (before == _SPACE) & (_shifted(codes, -1, 0) == ord(" "))
    text_starts = (classes != before) & ~after_space
    starts = tf.where(is_space, space_starts, text_starts) | (classes == _OUTSIDE)

    apostrophes = tf.where((codes == ord("'")) & starts)[:, 0]
    lengths = _contraction_lengths(codes, rows, apostrophes)
    found = tf.boolean_mask(apostrophes, lengths > 0)[:, tf.newaxis]
    lengths = tf.boolean_mask(lengths, lengths > 0)[:, tf.newaxis]
    size = tf.size(codes, tf.int64)
    ends = tf.boolean_mask(found + lengths, found + lengths < size)[:, tf.newaxis]
    starts = tf.tensor_scatter_nd_update(
        starts, found + 1, tf.zeros_like(found[:, 0], tf.bool)
    )
    return tf.tensor_scatter_nd_update(starts, ends, tf.ones_like(ends[:, 0], tf.bool))


def _contraction_lengths(codes, rows, places):
    """How long the contractions at some places are, int64 `(places,)`; 0 for none."""
    last = tf.size(codes, tf.int64) - 1
    window = places[:, tf.newaxis] + tf.range(3, dtype=tf.int64)
    in_row = (window <= last) & (
        tf.gather(rows, tf.minimum(window, last))
        == tf.gather(rows, places)[:, tf.newaxis]
    )
    window = tf.where(in_row, tf.gather(codes, tf.minimum(window, last)), -1)
    lengths = tf.zeros_like(places)
    for contraction in _CONTRACTIONS:
        spelled = [ord(character) for character in contraction]
        same = tf.reduce_all(window[:, : len(spelled)] == spelled, axis=-1)
        lengths = tf.where(same, tf.constant(len(spelled), tf.int64), lengths)
    return lengths


def _shifted(values, by, fill):
    """The value before (-1) or after (1) each, `fill` where there is none."""
    fill = tf.constant([fill], values.dtype)
    if by < 0:
        return tf.concat([fill, values], axis=0)[:-1]
    return tf.concat([values, fill], axis=0)[1:]


def _is_other_row(rows, by):
    return _shifted(rows, by, -1) != rows


@functools.lru_cache
def _classes():
    """The class of each code point, int `(0x110000,)`."""
    kinds = {"L": _LETTER, "N": _DIGIT}
    classes = np.full(NUM_CODE_POINTS, _OTHER)
    classes[: len(_MAY_BE_LETTERS)] = [
        kinds.get(unicodedata.category(chr(code))[0], _OTHER)
        for code in _MAY_BE_LETTERS
    ]
    classes[code_points(unicode_ranges.NEW_LETTERS)] = _LETTER
    classes[code_points(unicode_ranges.NEW_DIGITS)] = _DIGIT
    classes[code_points(unicode_ranges.WHITE_SPACE)] = _SPACE
    classes[code_points(unicode_ranges.OTHER_WHITE_SPACE)] = _SPACE
    return classes
