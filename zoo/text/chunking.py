"""Cuts texts that are longer than a model into pieces, in the graph."""

import numpy as np
import tensorflow as tf

_SENTENCE_ENDS = tuple(".!?\u2026\u3002\uff01\uff1f\u0964\u061f")
_CLOSERS = "\"')]}\u00bb\u00ab\u2019\u201d\u201c\u203a\u2039"


def cut_tables(vocabulary):
    """Which pieces begin a word, and which end a sentence.

    Args:
        vocabulary: list of str, the pieces in the order of their ids; U+2581
            stands for a space, as SentencePiece has it.

    Returns:
        `starts_word` and `ends_sentence`, bool arrays `(vocabulary_size,)`.
    """
    starts_word = np.array([piece[:1] == "\u2581" for piece in vocabulary])
    ends_sentence = np.array(
        [piece.rstrip(_CLOSERS).endswith(_SENTENCE_ENDS) for piece in vocabulary]
    )
    return starts_word, ends_sentence


def cut_long(token_ids, max_length, starts_word, ends_sentence):
    """Cuts rows longer than `max_length` at sentence ends, else between words.

    A row that fits stays whole. A longer one is cut after every sentence; a
    sentence that is still too long is cut before the last word that does not
    fit, and an endless word wherever it must be.

    With one token a word, "." ending a sentence and `max_length=3`:

    >>> cut_long([["a", "b", ".", "c", "d", "e", "f"], [], ["a", "b"]], 3, ...)
    [["a", "b", "."], ["c", "d", "e"], ["f"], ["a", "b"]], [0, 0, 0, 2]

    Args:
        token_ids: RaggedTensor int32 `(n, None)`.
        max_length: int. Longest piece, in tokens.
        starts_word, ends_sentence: bool `(vocabulary_size,)`, of `cut_tables`.

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
            lambda row: _piece_lengths(row, max_length, starts_word, ends_sentence),
            token_ids,
            fn_output_signature=tf.RaggedTensorSpec([None], tf.int32),
        )

    pieces = tf.cond(tf.reduce_any(lengths > max_length), cut, uncut)
    return (
        tf.RaggedTensor.from_row_lengths(token_ids.values, pieces.values),
        pieces.value_rowids(),
    )


def _piece_lengths(row, max_length, starts_word, ends_sentence):
    """int32 `(length,)` -> the lengths of its pieces, int32 `(pieces,)`."""
    length = tf.size(row)
    places = tf.range(length)
    word = tf.gather(starts_word, row)
    sentence = word & (places > 0) & tf.roll(tf.gather(ends_sentence, row), 1, 0)

    def cut_once(start, lengths):
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
            cut_once,
            [0, tf.zeros([0], tf.int32)],
            shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])],
        )[1]

    def keep():
        return tf.boolean_mask([length], [length > 0])

    return tf.cond(length > max_length, cut_all, keep)
