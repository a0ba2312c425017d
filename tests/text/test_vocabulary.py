import os
import subprocess
import sys

import pytest
import tensorflow as tf

from zoo.text import learn_tokenizer, vocabulary

LINES = ["the cat sat on the mat", "the dog sat on the cat", "der Hund saß"] * 4


def test_same_lines_same_tokenizer():
    assert learn_tokenizer(LINES, 300).proto == learn_tokenizer(iter(LINES), 300).proto


def test_dataset_of_strings():
    dataset = tf.data.Dataset.from_tensor_slices(LINES)
    assert learn_tokenizer(dataset, 300).proto == learn_tokenizer(LINES, 300).proto


def test_lines_of_bytes():
    encoded = [line.encode() for line in LINES]
    assert learn_tokenizer(encoded, 300).proto == learn_tokenizer(LINES, 300).proto


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("Bäume".encode("latin1"), ValueError, r"2 is not UTF-8 \(byte 0xe4\). Decode"),
        ("a\ud800", ValueError, r"2 has half a character, '\\ud800', .* Write its"),
        (None, TypeError, "2 is of type NoneType, but str or bytes is needed: None"),
        (
            ["the", "cat"],
            TypeError,
            r"2 is of type list, but .* needed: \['the', 'cat'",
        ),
    ],
)
def test_a_line_that_is_no_text(line, error, message):
    with pytest.raises(error, match=f"Line {message}"):
        learn_tokenizer(["the cat", line, *LINES], 300)


def test_a_dataset_that_is_not_utf_8():
    dataset = tf.data.Dataset.from_tensor_slices([b"the cat", b"\xff"])
    with pytest.raises(ValueError, match=r"Line 2 is not UTF-8 \(byte 0xff\)"):
        learn_tokenizer(dataset, 300)


@pytest.mark.parametrize("lines", [None, 3])
def test_no_lines_at_all(lines):
    message = f"needs an iterable of str, but got {type(lines).__name__}: {lines}"
    with pytest.raises(TypeError, match=message):
        learn_tokenizer(lines)


@pytest.mark.parametrize("size", [0, -5, 300.0, "300", None])
def test_a_vocabulary_size_that_is_no_number_of_ids(size):
    message = f"vocabulary_size is {size!r}, but a number of ids, such as"
    with pytest.raises(ValueError, match=message):
        learn_tokenizer(LINES, size)


def test_no_path_of_this_machine_is_kept():
    proto = learn_tokenizer(LINES, 300).proto
    assert b"rules.tsv" not in proto


def test_dataset_of_pairs_is_refused():
    dataset = tf.data.Dataset.from_tensors({"source": "a", "target": "b"})
    with pytest.raises(ValueError, match="Map it first: lines = pairs.map"):
        learn_tokenizer(dataset)


@pytest.mark.parametrize("text", ["the cat sat", b"the cat sat"])
def test_one_string_is_refused(text):
    message = f"needs many lines, but got one {type(text).__name__}"
    with pytest.raises(ValueError, match=message):
        learn_tokenizer(text)


def test_small_text_says_the_largest_vocabulary():
    with pytest.raises(ValueError, match=r"too small for .* 10000: it gives") as error:
        learn_tokenizer(LINES, 10_000)
    largest = int(str(error.value).split("vocabulary_size=")[1].split()[0])
    assert learn_tokenizer(LINES, largest).vocabulary_size() == largest
    with pytest.raises(ValueError, match="too small"):
        learn_tokenizer(LINES, largest + 1)
    assert learn_tokenizer(LINES, 10_000, at_most=True).vocabulary_size() == largest


def test_small_vocabulary_says_the_smallest():
    with pytest.raises(ValueError, match=r"A vocabulary of 100 cannot hold") as error:
        learn_tokenizer(LINES, 100)
    smallest = int(str(error.value).split("vocabulary_size=")[1].split()[0])
    assert learn_tokenizer(LINES, smallest).vocabulary_size() == smallest


@pytest.mark.parametrize("lines", [[], [""], ["", "  "]])
def test_no_text(lines):
    with pytest.raises(ValueError, match="no text|too small"):
        learn_tokenizer(lines, 300)


def test_small_letters_of_every_script():
    lines = ["ein großer HUND", "\u0130 \u1e9e \u03a3\u03a3 \u0416 \u10a0"] * 4
    tokenizer = learn_tokenizer(lines, 300, lowercase=True)
    texts = [*lines[:2], "\u00c4RGER \U0001f600 \u4e2d", "  A  b\tC\n"]
    written = [text.decode() for text in tokenizer.detokenize(tokenizer(texts)).numpy()]
    assert written == ["".join(c.lower() for c in text) for text in texts]
    kept = learn_tokenizer(lines, 300)
    assert kept.detokenize(kept(texts[:1]))[0].numpy().decode() == texts[0]
    assert kept.proto == learn_tokenizer(lines, 300, lowercase=False).proto


def test_unknown_kind():
    with pytest.raises(ValueError, match="Unknown kind 'words' of tokenizer. Known"):
        learn_tokenizer(LINES, kind="words")


def test_long_lines_are_learnt_from():
    long_line = "unmistakable " * 20_000
    tokenizer = learn_tokenizer([long_line, "a b"], 285)
    assert len(tokenizer("unmistakable")) < len("unmistakable")


@pytest.mark.parametrize("character", ["\0", "▅", "▁", "\t", "\n"])
def test_lines_with_odd_characters_are_learnt_from(character):
    tokenizer = learn_tokenizer([f"wonderful {character} wonderful"] * 9, 275)
    assert len(tokenizer("wonderful")) < len("wonderful")


def test_trailing_spaces_make_no_longer_text_than_the_words_need():
    tokenizer = learn_tokenizer(LINES, 300)
    assert len(tokenizer("the cat ")) == len(tokenizer("the cat")) + 1


def test_an_error_of_the_lines_comes_through():
    def broken():
        yield "the cat"
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        learn_tokenizer(broken(), 300)


@pytest.mark.slow
def test_learning_and_use_write_nothing():
    code = (
        "import zoo.text\n"
        "import sys\n"
        "print('LEARN', file=sys.stderr, flush=True)\n"
        f"tokenizer = zoo.text.learn_tokenizer({LINES!r}, 300)\n"
        "tokenizer.detokenize(tokenizer(['the cat']))\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},  # its own notes on CUDA
    )
    assert finished.stdout == ""
    assert finished.stderr.split("LEARN\n")[1] == ""


def test_a_large_corpus_is_sampled_reproducibly(monkeypatch):
    monkeypatch.setattr(vocabulary, "MAX_LINES", 150)
    lines = [f"{a}{b}{c}" for a in "abcdefgh" for b in "klmnopqr" for c in "stuvwxyz"]
    sampled = learn_tokenizer(lines, 300).proto
    assert learn_tokenizer(lines, 300).proto == sampled
    monkeypatch.undo()
    assert learn_tokenizer(lines, 300).proto != sampled
