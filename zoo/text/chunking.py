"""Cuts texts that are longer than a model into pieces, in the graph."""

import functools
import re
import typing

import numpy as np
import tensorflow as tf

# How a piece ends a sentence: before white space only, or whatever comes next.
_NO_END, _END_BEFORE_SPACE, _END = range(3)
# A point may stand within a number or a name, an ellipsis within a sentence.
_ENDS_BEFORE_SPACE = tuple(".!?\u2026")
_ENDS = tuple("\u3002\uff01\uff1f\uff61\u0964\u061f\u06d4")
# What may follow the end of a sentence and still be part of it. Some quotes close in
# German or Danish and open in Chinese: not after those ends that need no space.
_CLOSERS = "\"')]}\u00bb\u2019\u201d\u203a\u300d\u300f\uff09\u3011\u300b\u3009"
_CLOSERS_OR_OPENERS = _CLOSERS + "\u00ab\u201c\u2039"


class CutTables(typing.NamedTuple):
    """What is to be known of each piece of a vocabulary, or of each place of a row.

    Attributes:
        starts_word: bool. Begins with white space.
        is_blank: bool. Nothing but white space.
        is_line_end: bool. White space that ends with a line feed.
        closes: bool. Nothing but closing quotes and brackets.
        continues: bool. Goes on with an ended sentence: a bracket, another mark.
        sentence_end: int8. How it ends a sentence.
    """

    starts_word: np.ndarray
    is_blank: np.ndarray
    is_line_end: np.ndarray
    closes: np.ndarray
    continues: np.ndarray
    sentence_end: np.ndarray


def cut_tables(vocabulary):
    """What `cut_long` needs to know of a vocabulary.

    Args:
        vocabulary: list of str, the pieces in the order of their ids; U+2581
            stands for a space and <0x0A> for a byte, as SentencePiece has it.

    Returns:
        `CutTables` of arrays `(vocabulary_size,)`.
    """
    texts = [_text_of(piece) for piece in vocabulary]
    columns = zip(*(_facts(text) for text in texts), strict=True)
    return CutTables(*(np.array(column) for column in columns))


def _text_of(piece):
    if byte := re.fullmatch("<0x([0-7][0-9A-F])>", piece):
        return chr(int(byte[1], 16))
    return piece.replace("\u2581", " ")


def _facts(text):
    is_blank = text.isspace()
    if text.rstrip(_CLOSERS).endswith(_ENDS) or (text.endswith("\n") and not is_blank):
        end = _END
    elif text.rstrip(_CLOSERS_OR_OPENERS).endswith(_ENDS_BEFORE_SPACE):
        end = _END_BEFORE_SPACE
    else:
        end = _NO_END
    return CutTables(
        starts_word=text[:1].isspace(),
        is_blank=is_blank,
        is_line_end=is_blank and text.endswith("\n"),
        closes=text != "" and text.strip(_CLOSERS_OR_OPENERS) == "",
        continues=text.startswith((*_CLOSERS, *_ENDS, *_ENDS_BEFORE_SPACE)),
        sentence_end=np.int8(end),
    )


def cut_long(token_ids, max_length, *tables):
    """Cuts rows longer than `max_length` at sentence ends, else between words.

    A row that fits stays whole. A longer one is cut after every sentence; a
    sentence that is still too long is cut before the last word that does not
    fit, and an endless word wherever it must be. A sentence ends at a line feed, at
    a mark such as "\u3002", and at one such as "." before white space, with the quotes
    and brackets that close there.

    With one token a word, "." ending a sentence and `max_length=3`:

    >>> cut_long([["a", "b", ".", "c", "d", "e", "f"], [], ["a", "b"]], 3, ...)
    [["a", "b", "."], ["c", "d", "e"], ["f"], ["a", "b"]], [0, 0, 0, 2]

    Args:
        token_ids: RaggedTensor int32 `(n, None)`.
        max_length: int. Longest piece, in tokens.
        *tables: of `cut_tables`.

    Returns:
        pieces, RaggedTensor int32 `(m, None)`, none of them empty, and the row
        that each came from, int64 `(m,)`, ascending.
    """
    lengths = tf.cast(token_ids.row_lengths(), tf.int32)

    def uncut():
        full = lengths > 0
        return tf.RaggedTensor.from_row_lengths(
            tf.boolean_mask(lengths, full), tf.cast(full, tf.int64)
        )

    def cut():
        return tf.map_fn(
            lambda row: _piece_lengths(row, max_length, tables),
            token_ids,
            fn_output_signature=tf.RaggedTensorSpec([None], tf.int32),
        )

    pieces = tf.cond(tf.reduce_any(lengths > max_length), cut, uncut)
    return (
        tf.RaggedTensor.from_row_lengths(token_ids.values, pieces.values),
        pieces.value_rowids(),
    )


def _piece_lengths(row, max_length, tables):
    """int32 `(length,)` -> the lengths of its pieces, int32 `(pieces,)`."""
    length = tf.size(row)
    places = tf.range(length)
    facts = CutTables(*(tf.gather(table, row) for table in tables))
    word = facts.starts_word

    def cut_once(sentence, start, lengths):
        window = (places > start) & (places <= start + max_length)
        first_sentence = tf.reduce_min(
            tf.where(window & sentence, places, tf.int32.max)
        )
        last_word = tf.reduce_max(tf.where(window & word, places, -1))
        at = tf.where(last_word > 0, last_word, start + max_length)
        at = tf.where(length <= start + max_length, length, at)
        at = tf.minimum(first_sentence, at)
        return at, tf.concat([lengths, [at - start]], axis=0)

    def cut_all():
        return tf.while_loop(
            lambda start, _: start < length,
            functools.partial(cut_once, _sentence_starts(facts)),
            [0, tf.zeros([0], tf.int32)],
            shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])],
        )[1]

    def keep():
        return tf.boolean_mask([length], [length > 0])

    return tf.cond(length > max_length, cut_all, keep)


def _sentence_starts(facts):
    """The places of a row where a sentence begins that is not its first.

    White space belongs to the sentence after it, but line feeds and what is before
    them to the one before. So no sentence is blank.

    Args:
        facts: `CutTables` of the pieces of the row, each `(length,)`.

    Returns:
        bool `(length,)`.
    """
    places = tf.range(tf.size(facts.closes))
    # The number of pieces with text before a place; the same all along white space.
    num_before = tf.cumsum(tf.cast(~facts.is_blank, tf.int32), exclusive=True)
    line_ends = tf.where(facts.is_line_end, places, -1)
    last_line_end = tf.gather(tf.math.segment_max(line_ends, num_before), num_before)

    end = tf.roll(_inherited_ends(facts), 1, axis=0)
    after_end = (end == _END) & ~facts.continues
    after_end |= (end == _END_BEFORE_SPACE) & facts.starts_word
    after_end &= last_line_end < places
    after_line_end = last_line_end == places - 1
    num_pieces = tf.math.count_nonzero(~facts.is_blank, dtype=tf.int32)
    between = (num_before > 0) & (num_before < num_pieces)
    return between & (after_end | after_line_end)


def _inherited_ends(facts):
    """How each piece ends a sentence; closing ones do as what is before them."""
    num_before = tf.cumsum(tf.cast(~facts.closes, tf.int32))
    ends = tf.boolean_mask(facts.sentence_end, ~facts.closes)
    ends = tf.gather(tf.concat([[np.int8(_NO_END)], ends], axis=0), num_before)
    opens = facts.closes & ~facts.continues & (ends == _END)
    return tf.where(opens, np.int8(_NO_END), ends)
