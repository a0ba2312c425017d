import random

import pytest
import tensorflow as tf

from zoo.text import WordPieceTokenizer, learn_tokenizer
from zoo.text.word_piece import SPECIAL_TOKENS
from zoo.text.word_piece_vocabulary import learn_word_pieces

LINES = ["the cat sat on the mat", "The Dog sat on the cat", "der Hund sa\u00df"] * 4


def test_special_tokens_then_characters_then_merged_pieces():
    pieces = learn_word_pieces(["low lower lowest"], 21)
    assert pieces == [
        *SPECIAL_TOKENS,
        *("e", "l", "o", "r", "s", "t", "w"),
        *("##e", "##o", "##r", "##s", "##t", "##w"),
        *("lo", "low", "lowe"),
    ]


def test_every_word_of_the_text_is_known():
    tokenizer = learn_tokenizer(LINES, 50, kind="word_piece")
    assert isinstance(tokenizer, WordPieceTokenizer)
    assert tokenizer.vocabulary_size() == 50
    ids = tokenizer(LINES)
    assert tokenizer.unknown_token_id not in ids.flat_values.numpy()
    assert tokenizer.detokenize(ids)[1].numpy() == b"the dog sat on the cat"


def test_frequent_words_become_one_piece():
    pieces = learn_word_pieces(["unmistakable rare"] * 9 + ["unusual words"], 60)
    assert "unmistakable" in pieces


def test_case_is_kept_where_asked():
    tokenizer = learn_tokenizer(LINES, 50, kind="word_piece", lowercase=False)
    assert not tokenizer.lowercase
    assert {"T", "D", "H"} <= set(tokenizer.get_vocabulary())
    assert "T" not in learn_word_pieces(LINES, 50)


def test_same_lines_same_pieces_in_any_order():
    draw = random.Random(0)
    lines = [
        " ".join("".join(draw.choices("abcdefg", k=5)) for _ in range(6))
        for _ in range(300)
    ]
    pieces = learn_word_pieces(lines, 400)
    assert learn_word_pieces(tf.data.Dataset.from_tensor_slices(lines), 400) == pieces
    draw.shuffle(lines)
    assert learn_word_pieces(lines, 400) == pieces


def test_odd_characters_are_pieces_like_others():
    text = "\u2581x \u2585y 1\u06604 \u4e2d\u6587 \U000f0000 \U0001f600\U0001f600 a\tb"
    tokenizer = learn_tokenizer([text] * 3, 28, kind="word_piece")
    ids = tokenizer([text])
    assert tokenizer.unknown_token_id not in ids.flat_values.numpy()


def test_special_tokens_in_the_text_are_no_words_to_learn():
    pieces = learn_word_pieces(["a [MASK] b [SEP] [MASK]"] * 9, 7)
    assert pieces == [*SPECIAL_TOKENS, "a", "b"]


def test_rare_characters_leave_room_for_words():
    rare = [chr(0x4E00 + i) for i in range(1500)]
    pieces = learn_word_pieces([*rare, *["frequent words of text"] * 9], 540)
    assert len([piece for piece in pieces if "\u4e00" <= piece[-1] <= "\u9fff"]) < 500
    assert "frequent" in pieces


def test_a_letter_that_is_written_again_and_again():
    """Korean laughter: a piece of it may not have more bytes than are read."""
    tokenizer = learn_tokenizer(["ㅋ" * 100] * 5, 300, kind="word_piece", at_most=True)
    (ids,) = tokenizer.tokenize(["ㅋ" * 100]).numpy()
    assert tokenizer.unknown_token_id not in ids
    assert tokenizer.detokenize([ids]).numpy()[0].decode() == "ㅋ" * 100


def test_small_text_says_the_largest_vocabulary():
    with pytest.raises(ValueError, match=r"too small for .* 10000: it gives") as error:
        learn_tokenizer(LINES, 10_000, kind="word_piece")
    largest = int(str(error.value).split("vocabulary_size=")[1].split()[0])
    assert len(learn_word_pieces(LINES, largest)) == largest
    with pytest.raises(ValueError, match="too small"):
        learn_word_pieces(LINES, largest + 1)
    assert len(learn_word_pieces(LINES, 10_000, at_most=True)) == largest


def test_small_vocabulary_says_the_smallest():
    with pytest.raises(ValueError, match=r"A vocabulary of 9 cannot hold") as error:
        learn_tokenizer(LINES, 9, kind="word_piece")
    smallest = int(str(error.value).split("vocabulary_size=")[1].split()[0])
    assert len(learn_word_pieces(LINES, smallest)) == smallest


@pytest.mark.parametrize("lines", [[], [""], ["", " \0 "], ["x" * 101], ["[SEP]"]])
def test_no_text(lines):
    with pytest.raises(
        ValueError, match="no text to learn a vocabulary from: no words"
    ):
        learn_word_pieces(lines, 300)


def test_a_line_that_is_no_text_is_named():
    with pytest.raises(ValueError, match=r"Line 2 is not UTF-8 \(byte 0xff\)"):
        learn_word_pieces(["the cat", b"\xff"], 300)
