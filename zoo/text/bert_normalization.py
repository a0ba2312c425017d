"""BERT's words: how its text is cleaned, normalised and split, in the graph."""

import typing

import numpy as np
import tensorflow as tf

from zoo.text.bert_characters import (
    ALONE,
    CLASS_SHIFT,
    CODE_MASK,
    COMBINING_SHIFT,
    IN_WORD,
    MARK,
    MOST_CHARACTERS,
    SPACE,
    SPECIAL,
    entries_of,
)
from zoo.text.characters import FIRST_SPECIAL_CODE, CharacterTable, characters, row_ids


class Words(typing.NamedTuple):
    """The words of `n` texts.

    Attributes:
        words: string ragged `(n, None)`, normalised.
        starts: int32 ragged `(n, None)`. Places in the text as it was, in characters.
        ends: int32 ragged `(n, None)`, exclusive.
    """

    words: tf.RaggedTensor
    starts: tf.RaggedTensor
    ends: tf.RaggedTensor


class BertWords:
    """Splits texts into the words that WordPiece then splits into pieces.

    As Hugging Face's BertNormalizer and BertPreTokenizer do it, character by
    character: control characters go; white space, punctuation and ideographs part
    words; accents and capitals go where asked. Special tokens typed in a text are
    words.

    >>> BertWords(["[SEP]"])(tf.constant(["Caf\u00e9, bitte!"]))
    [["cafe", ",", "bitte", "!"]], [[0, 4, 6, 11]], [[4, 5, 11, 12]], [0]

    Args:
        special_tokens: list of str.
        lowercase: bool. Capitals become small letters.
        strip_accents: bool. Decomposes characters and leaves nonspacing marks out.
        split_cjk: bool. Each Chinese character is a word.
    """

    def __init__(
        self, special_tokens, lowercase=True, strip_accents=True, split_cjk=True
    ):
        self.special_tokens = list(special_tokens)
        entries, self._several = entries_of(lowercase, strip_accents, split_cjk)
        self._table = CharacterTable(entries, SPECIAL)
        self._lowercase = lowercase
        # Of ASCII characters that are neither dropped nor begin a special token: those
        # texts that hold nothing else, most English ones, take a shorter way.
        plain = np.full(256, -1, np.int8)
        plain[:128] = entries[:128] >> CLASS_SHIFT
        plain[[ord(token[0]) for token in special_tokens]] = -1
        self._plain = plain

    def __call__(self, texts):
        """string `(n,)` -> `Words` in an order of their own, and how to restore it.

        `tf.gather(words, order)` are the words of the texts as given; what is made
        of the words can be gathered instead of them.
        """
        text = _bytes(texts)
        is_plain = self._is_plain(text)
        num_texts = tf.size(texts, tf.int64)

        def mixed():
            plain, other = tf.where(is_plain)[:, 0], tf.where(~is_plain)[:, 0]
            words = zip(
                self._plain_words(_bytes(tf.gather(texts, plain))),
                self._any_words(tf.gather(texts, other)),
                strict=True,
            )
            place = tf.concat([plain, other], axis=0)[:, tf.newaxis]
            order = tf.scatter_nd(place, tf.range(num_texts), [num_texts])
            return Words(*(tf.concat(parts, axis=0) for parts in words)), order

        return tf.cond(
            tf.reduce_all(is_plain),
            lambda: (self._plain_words(text), tf.range(num_texts)),
            mixed,
        )

    def _is_plain(self, text):
        places = tf.cast(tf.where(tf.gather(self._plain, text.codes) < 0), tf.int32)
        rows = tf.searchsorted(text.splits[1:], places[:, 0], side="right")
        marks = tf.ones_like(rows)
        return (
            tf.scatter_nd(rows[:, tf.newaxis], marks, [tf.size(text.splits) - 1]) == 0
        )

    def _plain_words(self, text):
        starts, ends = _borders(tf.gather(self._plain, text.codes), text.splits)
        joined = tf.strings.lower(text.joined) if self._lowercase else text.joined
        words = tf.strings.substr(joined, starts, ends - starts)
        word_splits = tf.searchsorted(starts, text.splits)
        row_starts = tf.gather(text.splits, row_ids(word_splits))
        return _ragged(words, starts - row_starts, ends - row_starts, word_splits)

    def _any_words(self, texts):
        codes, rows, starts, ends = characters(texts, self.special_tokens)
        numbers, origins = self._normalised(codes, rows)
        classes = tf.bitwise.bitwise_and(
            tf.bitwise.right_shift(numbers, CLASS_SHIFT), MARK
        )
        # Marks lengthen what they follow, and are gone then.
        solid = tf.cast(tf.where(classes != MARK)[:, 0], tf.int32)
        limits = tf.concat([solid[1:], [tf.size(numbers)]], axis=0)[: tf.size(solid)]
        row_limits = tf.searchsorted(
            tf.gather(rows, origins), tf.range(tf.size(texts)), side="right"
        )
        solid_origins = tf.gather(origins, solid)
        solid_rows = tf.gather(rows, solid_origins)
        limits = tf.minimum(limits, tf.gather(row_limits, solid_rows))
        solid_starts = tf.gather(starts, solid_origins)
        solid_ends = tf.gather(ends, tf.gather(origins, limits - 1))

        classes = tf.gather(classes, solid)
        solid_splits = tf.searchsorted(solid_rows, tf.range(tf.size(texts) + 1))
        firsts, limits = _borders(classes, solid_splits)
        words = self._spelled(
            tf.boolean_mask(tf.gather(numbers, solid), classes != SPACE),
            tf.boolean_mask(tf.gather(codes, solid_origins), classes != SPACE),
            limits - firsts,
        )
        return _ragged(
            words,
            tf.gather(solid_starts, firsts),
            tf.gather(solid_ends, limits - 1),
            tf.searchsorted(firsts, solid_splits),
        )

    def _normalised(self, codes, rows):
        """The characters that those of a text become, and which each is made of."""
        entries = self._table(codes)
        single = tf.pad(
            tf.bitwise.bitwise_xor(entries, codes)[:, tf.newaxis],
            [[0, 0], [0, MOST_CHARACTERS - 1]],
        )
        several = tf.gather(self._several, tf.maximum(-1 - entries, 0))
        numbers = tf.where(entries[:, tf.newaxis] < 0, several, single)
        numbers = tf.reshape(numbers, [-1])
        kept = tf.cast(tf.where(numbers != 0)[:, 0], tf.int32)
        numbers = tf.gather(numbers, kept)
        origins = kept // MOST_CHARACTERS
        return _in_canonical_order(numbers, tf.gather(rows, origins)), origins

    def _spelled(self, numbers, codes, lengths):
        """The strings of words, given their characters and what these were before."""
        outputs = tf.bitwise.bitwise_and(numbers, CODE_MASK)
        words = tf.strings.unicode_encode(
            tf.RaggedTensor.from_row_lengths(outputs, lengths, validate=False), "UTF-8"
        )
        first = tf.gather(codes, tf.cumsum(lengths, exclusive=True))
        special = tf.where(first >= FIRST_SPECIAL_CODE)
        token = tf.gather_nd(first, special) - FIRST_SPECIAL_CODE
        return tf.tensor_scatter_nd_update(
            words, special, tf.gather(self.special_tokens, token)
        )


class _Bytes(typing.NamedTuple):
    """Texts, one after the other: joined, as int32 `(bytes,)`, their row splits."""

    joined: tf.Tensor
    codes: tf.Tensor
    splits: tf.Tensor


def _bytes(texts):
    joined = tf.strings.reduce_join(texts)
    splits = tf.concat([[0], tf.cumsum(tf.strings.length(texts))], axis=0)
    return _Bytes(joined, tf.cast(tf.io.decode_raw(joined, tf.uint8), tf.int32), splits)


def _borders(classes, splits):
    """Where words start and end, each int32 `(words,)`.

    >>> _borders([IN_WORD, IN_WORD, ALONE, SPACE, IN_WORD], [0, 5])
    [0, 2, 4], [2, 3, 5]
    """
    size = tf.size(classes)
    row_starts = tf.boolean_mask(splits, (splits > 0) & (splits < size))[:, tf.newaxis]
    space = tf.constant([SPACE], classes.dtype)
    spaces = tf.repeat(space, tf.size(row_starts))
    before = tf.concat([space, classes[:-1]], axis=0)[:size]
    before = tf.tensor_scatter_nd_update(before, row_starts, spaces)
    after = tf.concat([classes[1:], space], axis=0)[:size]
    after = tf.tensor_scatter_nd_update(after, row_starts - 1, spaces)

    goes_on = (classes == IN_WORD) & (before == IN_WORD)
    ends_here = (classes == ALONE) | (after != IN_WORD)
    starts = tf.where((classes != SPACE) & ~goes_on)[:, 0]
    ends = tf.where((classes != SPACE) & ends_here)[:, 0] + 1
    return tf.cast(starts, tf.int32), tf.cast(ends, tf.int32)


def _in_canonical_order(numbers, rows):
    """Sorts runs of combining characters that NFD would sort.

    Where all of them are left out their order does not matter, and texts with
    others are rare.

    Args:
        numbers, rows: int32 `(characters,)`.

    Returns:
        the numbers, int32 `(characters,)`.
    """
    combining = tf.bitwise.right_shift(numbers, COMBINING_SHIFT)
    stays = tf.bitwise.bitwise_and(numbers, CODE_MASK) > 0

    def in_order():
        run = tf.cast(tf.cumsum(tf.cast(combining == 0, tf.int32)) + rows, tf.int64)
        key = run * 256 + tf.cast(combining, tf.int64)
        return tf.gather(numbers, tf.argsort(key, stable=True))

    return tf.cond(
        tf.reduce_any(stays & (combining > 0)), in_order, lambda: tf.identity(numbers)
    )


def _ragged(words, starts, ends, splits):
    return Words(
        *(
            tf.RaggedTensor.from_row_splits(values, splits, validate=False)
            for values in (words, starts, ends)
        )
    )
