import numpy as np
import tensorflow as tf

from zoo.text.chunking import cut_long, cut_tables

VOCABULARY = ["\u2581a", "\u2581b", ".", "\u2581c", "d", '\u2581e."']
TABLES = cut_tables(VOCABULARY)
A, B, STOP, C, D, E = range(6)


def cut(rows, max_length):
    pieces, owner = tf.function(lambda x: cut_long(x, max_length, *TABLES))(
        tf.ragged.constant(rows, dtype=tf.int32)
    )
    return pieces.to_list(), owner.numpy().tolist()


def test_the_tables_know_words_and_sentence_ends():
    starts_word, ends_sentence = TABLES
    np.testing.assert_array_equal(np.flatnonzero(starts_word), [A, B, C, E])
    np.testing.assert_array_equal(np.flatnonzero(ends_sentence), [STOP, E])


def test_rows_that_fit_stay_whole():
    assert cut([[A, STOP, B], [], [C]], 3) == ([[A, STOP, B], [C]], [0, 2])


def test_a_long_row_is_cut_after_every_sentence():
    rows = [[A, STOP, B, C, STOP, E, A], [B]]
    assert cut(rows, 5) == ([[A, STOP], [B, C, STOP], [E], [A], [B]], [0] * 4 + [1])


def test_a_long_sentence_is_cut_before_the_last_word_that_does_not_fit():
    assert cut([[A, B, D, C, D]], 4) == ([[A, B, D], [C, D]], [0, 0])


def test_an_endless_word_is_cut_where_it_must_be():
    assert cut([[A, D, D, D, D, D]], 4) == ([[A, D, D, D], [D, D]], [0, 0])


def test_no_token_is_lost_and_no_piece_too_long():
    rows = [
        np.random.default_rng(seed).integers(0, 6, 50).tolist() for seed in range(20)
    ]
    pieces, owner = cut(rows, 7)
    assert max(len(piece) for piece in pieces) <= 7
    joined = [[] for _ in rows]
    for piece, row in zip(pieces, owner, strict=True):
        joined[row] += piece
    assert joined == rows


def test_no_rows_give_no_pieces():
    empty = tf.RaggedTensor.from_row_splits(tf.zeros([0], tf.int32), [0])
    pieces, owner = cut_long(empty, 3, *TABLES)
    assert (pieces.nrows(), tf.size(owner)) == (0, 0)
