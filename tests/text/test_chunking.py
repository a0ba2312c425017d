import numpy as np
import pytest
import tensorflow as tf

from zoo.text import learn_tokenizer
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
    np.testing.assert_array_equal(np.flatnonzero(TABLES.starts_word), [A, B, C, E])
    np.testing.assert_array_equal(np.flatnonzero(TABLES.sentence_end), [STOP, E])


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


ROWS = [  # pieces, and the texts they are cut into where not all of them fit
    ("▁a|.|▁b", ["▁a.", "▁b"]),
    ("▁3|.|1|▁b|.|c", ["▁3.1", "▁b.c"]),  # no end; cut between words
    ('▁a|."|▁b|▁c', ['▁a."', "▁b▁c"]),
    # Closing marks that are pieces of their own.
    ('▁"|a|.|"|▁b|▁c', ['▁"a."', "▁b▁c"]),
    ("▁(|a|?|)|”|▁b|▁c", ["▁(a?)”", "▁b▁c"]),
    ("▁„|a|.|“|▁b|▁c", ["▁„a.“", "▁b▁c"]),
    ("▁a|)|▁b|▁c", ["▁a)▁b", "▁c"]),
    ('▁a|.|▁"|b|"|▁c|▁d', ["▁a.", '▁"b"▁c▁d']),
    # Line feeds, as a byte or as a piece.
    ("▁a|<0x0A>|b|▁c", ["▁a<0x0A>", "b▁c"]),
    ("▁a|\n|b|▁c", ["▁a\n", "b▁c"]),
    ("▁a|.|<0x0D>|<0x0A>|▁|<0x0A>|▁b", ["▁a.<0x0D><0x0A>▁<0x0A>", "▁b"]),
    ('▁a|<0x0A>|"|b|▁c', ["▁a<0x0A>", '"b▁c']),
    ("▁a|.\n|b|▁c", ["▁a.\n", "b▁c"]),
    ("▁a|.|<0x09>|b|▁c", ["▁a.", "<0x09>b▁c"]),
    # White space alone is no sentence.
    ("▁|<0x0A>|a|.|▁b|▁", ["▁<0x0A>a.", "▁b▁"]),
    ("▁a|.|▁b|.|▁|<0x0A>", ["▁a.", "▁b.▁<0x0A>"]),
    ("▁a|.|▁▁|▁b|▁c", ["▁a.", "▁▁▁b▁c"]),
    # Chinese, Japanese, Hindi, Urdu.
    ("▁我|是|。|他|是|！|？|你", ["▁我是。", "他是！？", "你"]),
    ("▁我|。|」|“|他|。|”|‘|是", ["▁我。」", "“他。”", "‘是"]),
    ("▁我|。”|他|▁是", ["▁我。”", "他▁是"]),
    ("▁है|।|वह|▁c", ["▁है।", "वह▁c"]),
    ("▁ہے|۔|▁b|▁c", ["▁ہے۔", "▁b▁c"]),
]
ROW_VOCABULARY = sorted({piece for row, _ in ROWS for piece in row.split("|")})


@pytest.fixture(scope="module")
def cut_row():
    tables = cut_tables(ROW_VOCABULARY)
    signature = [
        tf.RaggedTensorSpec([None, None], tf.int32),
        tf.TensorSpec([], "int32"),
    ]
    return tf.function(lambda *x: cut_long(*x, *tables)[0], input_signature=signature)


@pytest.mark.parametrize(("row", "expected"), ROWS)
def test_where_sentences_end(cut_row, row, expected):
    row = [ROW_VOCABULARY.index(piece) for piece in row.split("|")]
    cut = cut_row(tf.ragged.constant([row], dtype=tf.int32), len(row) - 1).to_list()
    texts = ["".join(ROW_VOCABULARY[i] for i in ids) for ids in cut]
    assert texts == expected


def test_the_pieces_of_a_learnt_vocabulary():
    text = "He said “go.” (We went.) Yes.\n我是。他是！"
    tokenizer = learn_tokenizer([text.replace("\n", " ")] * 9, 300)
    ids = tokenizer([text])
    tables = cut_tables(tokenizer.get_vocabulary())
    pieces, _ = cut_long(ids, len(ids[0]) - 1, *tables)
    parts = [text.decode() for text in tokenizer.detokenize(pieces).numpy()]
    assert parts == [
        *("He said “go.”", "(We went.)", "Yes.\n", "我是。", "他是！"),
    ]
