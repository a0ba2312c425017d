"""Labelled words to batches, and what they share with other single rows."""

import logging

import numpy as np
import pytest
import tensorflow as tf

from tests.data.epochs_probe import epoch_of, same
from tests.data.stand_in_tokenizer import LetterTokenizer
from zoo.data import labelling_batches
from zoo.data.read import as_dataset
from zoo.data.word_pieces import begins_word, tokenize_words

CLS, SEP = 2, 3
LABELS = ["O", "B-x", "I-x"]
WORDS = ["a", "wonderful", "film", "about", "cats", "and", "the", "sea"]


def some_sentences(number=100, longest=12, seed=0):
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, longest, number)
    return {
        "tokens": [generator.choice(WORDS, n).tolist() for n in lengths],
        "labels": [generator.choice(LABELS, n).tolist() for n in lengths],
    }


SENTENCES = some_sentences()


@pytest.fixture(scope="module")
def tokenizer():
    return LetterTokenizer()


@pytest.fixture
def make(tokenizer):
    def make(sentences=SENTENCES, **options):
        options = {"batch_tokens": 512, "num_buckets": 4, **options}
        return labelling_batches(as_dataset(sentences), tokenizer, LABELS, **options)

    return make


def rows_shown(epoch, tokenizer):
    """(words, labels) of every row that is filled, from the arrays alone."""
    rows = []
    for inputs, labels, weight in epoch:
        for row in np.flatnonzero(inputs["padding_mask"].any(axis=1)):
            token_ids = inputs["token_ids"][row][inputs["padding_mask"][row]]
            assert token_ids[0] == CLS and token_ids[-1] == SEP
            words = tokenizer.text(token_ids[1:-1]).split()
            rows.append((words, [LABELS[i] for i in labels[row][weight[row] > 0]]))
    return rows


def test_the_first_piece_of_a_word_carries_its_label(tokenizer, make):
    sentence = {"tokens": [["a", "sea"]], "labels": [["B-x", "I-x"]]}
    ((inputs, labels, weight),) = epoch_of(make(sentence, max_length=8))
    a, s, e, rest = (tokenizer.vocabulary.index(p) for p in ("a", "s", "##e", "##a"))
    assert inputs["token_ids"].tolist() == [[CLS, a, s, e, rest, SEP]]
    assert inputs["segment_ids"].tolist() == [[0] * 6]
    assert inputs["padding_mask"].tolist() == [[True] * 6]
    assert labels.tolist() == [[0, 1, 2, 0, 0, 0]]
    assert weight.tolist() == [[0, 3, 3, 0, 0, 0]]


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_epoch_shows_every_word_with_its_label_once(make, tokenizer, shuffle):
    expected = sorted(zip(SENTENCES["tokens"], SENTENCES["labels"], strict=True))
    dataset = make(shuffle=shuffle)
    epochs = [epoch_of(dataset) for _ in range(3)]
    for epoch in epochs:
        assert len(epoch) == int(dataset.cardinality())
        assert sorted(rows_shown(epoch, tokenizer)) == expected
    assert same(epochs[0], epochs[1]) != shuffle


def test_weights_have_mean_one_and_are_0_on_padding(make):
    for inputs, labels, weight in epoch_of(make()):
        assert np.isclose(weight.mean(), 1.0, rtol=1e-5)
        assert (weight[~inputs["padding_mask"]] == 0).all()
        assert (labels[weight == 0] == 0).all()
        assert len(set(weight[weight > 0])) == 1


def test_few_shapes_within_the_budget(make):
    shapes = {inputs["token_ids"].shape for inputs, _, _ in epoch_of(make())}
    assert len(shapes) <= 4
    assert all(rows * length <= 512 for rows, length in shapes)


def test_no_row_is_longer_than_the_model_reads(make):
    # Bucket lengths are rounded up to steps of 3 here.
    sentences = some_sentences(300, longest=100)
    epoch = epoch_of(make(sentences, max_length=130, batch_tokens=4096))
    assert max(inputs["token_ids"].shape[1] for inputs, _, _ in epoch) <= 130


@pytest.mark.parametrize("max_length", [3, 4, 11, 13, 40])
def test_long_sentences_are_cut_between_words(make, tokenizer, max_length, caplog):
    with caplog.at_level(logging.WARNING):
        dataset = make(max_length=max_length, shuffle=False, num_buckets=1)
    rows = rows_shown(epoch_of(dataset), tokenizer)
    assert max(len("".join(words)) for words, _ in rows) <= max_length - 2
    words = [word for words, _ in rows for word in words]
    expected = [word[: max_length - 2] for s in SENTENCES["tokens"] for word in s]
    # One shape and no shuffling: the rows come in order.
    assert words == expected
    labels = [label for _, labels in rows for label in labels]
    assert labels == [label for s in SENTENCES["labels"] for label in s]
    assert f"have more than {max_length - 2} tokens: they become several" in caplog.text


def test_rows_of_cut_sentences_are_as_full_as_words_allow(make, tokenizer):
    sentence = {"tokens": [["abc", "de", "fghi", "j", "klm"]], "labels": [["O"] * 5]}
    rows = rows_shown(
        epoch_of(make(sentence, max_length=7, shuffle=False, num_buckets=1)), tokenizer
    )
    assert [words for words, _ in rows] == [["abc", "de"], ["fghi", "j"], ["klm"]]


def test_a_word_of_nothing_is_an_unknown_one(make, tokenizer):
    sentence = {"tokens": [["", "a", " "]], "labels": [["B-x", "O", "I-x"]]}
    ((inputs, labels, _),) = epoch_of(make(sentence))
    unknown, a = tokenizer.unknown_token_id, tokenizer.vocabulary.index("a")
    assert inputs["token_ids"].tolist() == [[CLS, unknown, a, unknown, SEP]]
    assert labels.tolist() == [[0, 1, 0, 2, 0]]


def test_words_of_byte_level_vocabularies_have_one_space_before_them(
    tokenizer, monkeypatch
):
    seen = []

    def tokenize(texts):
        seen.extend(texts.numpy())
        return tf.ragged.constant([[1]] * len(texts), dtype=tf.int32)

    monkeypatch.setattr(tokenizer, "tokenize", tokenize)
    words = tf.ragged.constant([["a", " b"], []])
    tokenize_words(words, tokenizer)
    monkeypatch.setattr(tokenizer, "vocabulary", ["Ġthe", "a"])
    monkeypatch.setattr(tokenizer, "get_merges", list, raising=False)
    tokenize_words(words, tokenizer)
    assert seen == [b"a", b" b", b" a", b" b"]
    assert begins_word(tokenizer).tolist() == [True, False]


def test_a_later_epoch_can_be_the_first(make):
    dataset = make()
    first, second = epoch_of(dataset), epoch_of(dataset)
    assert same(epoch_of(make(first_epoch=1)), second)
    assert same(epoch_of(make()), first)
    assert not same(epoch_of(make(seed=1)), first)


def test_a_dataset_left_early_stays_in_its_epoch(make):
    dataset = make()
    next(iter(dataset))
    assert same(epoch_of(dataset), epoch_of(make()))


def test_weights_have_mean_one_over_the_batches_of_an_update(make):
    epoch = epoch_of(make(batches_per_update=2))
    assert len(epoch) % 2 == 0
    for first in range(0, len(epoch), 2):
        update = [weight for _, _, weight in epoch[first : first + 2]]
        losses = [weight.mean() for weight in update]
        assert np.isclose(np.mean(losses), 1.0, rtol=1e-5)
        # Each word counts 1 / words of the update, whatever the shape of its batch.
        assert np.ptp([w.max() / w.size for w in update]) < 1e-7


def test_bad_input(make, tokenizer):
    with pytest.raises(ValueError, match=r"not among labels: \['B-y'\]\. labels has"):
        make({"tokens": [["a"]], "labels": [["B-y"]]})
    with pytest.raises(ValueError, match="Example 1 has 2 words, but 1 labels"):
        make({"tokens": [["a"], ["a", "b"]], "labels": [["O"], ["O"]]})
    with pytest.raises(ValueError, match=r'"tokens", "labels"} strings is needed'):
        labelling_batches(as_dataset({"text": ["a"]}), tokenizer, LABELS)
    with pytest.raises(ValueError, match="labels has a label twice"):
        labelling_batches(as_dataset(SENTENCES), tokenizer, ["O", "O"])
    with pytest.raises(
        ValueError, match="batch_tokens=9 is too small: the longest row"
    ):
        make(batch_tokens=9)
    with pytest.raises(ValueError, match="max_length=2 leaves no place for a word"):
        make(max_length=2)
    with pytest.raises(ValueError, match="batches_per_update=0. An update of the"):
        make(batches_per_update=0)
    with pytest.raises(ValueError, match="batches_per_update=200, but there are only"):
        make(batches_per_update=200)


def test_sentences_of_one_length_are_as_any_others(tokenizer):
    sentences = {"tokens": [["a", "dog"], ["the", "cat"]], "labels": [["O", "B-x"]] * 2}
    dense = tf.data.Dataset.from_tensor_slices(sentences)
    assert dense.element_spec["tokens"].shape == (2,)
    found, expected = (
        epoch_of(labelling_batches(examples, tokenizer, LABELS))
        for examples in (dense, as_dataset(sentences))
    )
    assert same(found, expected)
