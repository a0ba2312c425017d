"""Labelled texts to batches."""

import logging

import numpy as np
import pytest
import tensorflow as tf

from tests.data.epochs_probe import epoch_of, same
from tests.data.stand_in_tokenizer import LetterTokenizer
from zoo.data import classification_batches
from zoo.data.read import as_dataset

CLS, SEP = 2, 3
CLASSES = ["bad", "so so", "good"]


def some_films(number=203, longest=30, seed=0):
    generator = np.random.default_rng(seed)
    letters = list("abcdef ")
    lengths = generator.integers(1, longest, number)
    return {
        "text": [
            "x"
            + "".join(generator.choice(letters, n)).strip()
            + f" {i:b}".translate(str.maketrans("01", "gh"))
            for i, n in enumerate(lengths)
        ],
        "label": generator.choice(CLASSES, number).tolist(),
    }


FILMS = some_films()


@pytest.fixture(scope="module")
def tokenizer():
    return LetterTokenizer()


@pytest.fixture
def make(tokenizer):
    def make(films=FILMS, classes=CLASSES, **options):
        options = {"batch_tokens": 512, "num_buckets": 3, **options}
        return classification_batches(as_dataset(films), tokenizer, classes, **options)

    return make


def rows_shown(epoch):
    """(token ids, segment ids, label) of every row that counts."""
    return [
        (
            inputs["token_ids"][row][inputs["padding_mask"][row]].tolist(),
            inputs["segment_ids"][row][inputs["padding_mask"][row]].tolist(),
            labels[row].tolist(),
        )
        for inputs, labels, weight in epoch
        for row in np.flatnonzero(weight)
    ]


def ids_of(tokenizer, text):
    return tokenizer.tokenize(tf.constant([text]))[0].numpy().tolist()


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_epoch_shows_every_text_with_its_label_once(make, tokenizer, shuffle):
    expected = sorted(
        ([CLS, *ids, SEP], [0] * (len(ids) + 2), CLASSES.index(label))
        for text, label in zip(FILMS["text"], FILMS["label"], strict=True)
        for ids in [ids_of(tokenizer, text)]
    )
    dataset = make(shuffle=shuffle)
    epochs = [epoch_of(dataset) for _ in range(3)]
    for epoch in epochs:
        assert len(epoch) == int(dataset.cardinality())
        assert sorted(rows_shown(epoch)) == expected
    assert same(epochs[0], epochs[1]) != shuffle


def test_rows_that_are_not_filled_weigh_nothing(make):
    epoch = epoch_of(make())
    is_partial = False
    for inputs, labels, weight in epoch:
        filled = inputs["padding_mask"].any(axis=1)
        assert np.array_equal(weight > 0, filled)
        assert np.isclose(weight.mean(), 1.0, rtol=1e-6)
        assert (inputs["token_ids"][~inputs["padding_mask"]] == 0).all()
        assert (labels[~filled] == 0).all()
        is_partial |= not filled.all()
    assert is_partial


def test_few_shapes_within_the_budget(make):
    shapes = {inputs["token_ids"].shape for inputs, _, _ in epoch_of(make())}
    assert len(shapes) <= 3
    assert all(rows * length <= 512 for rows, length in shapes)


def test_pairs_have_two_segments(make, tokenizer):
    pair = {"text": ["ab", "a"], "text_pair": ["c", "bcd"], "label": ["bad", "good"]}
    rows = rows_shown(epoch_of(make(pair, shuffle=False, num_buckets=1)))
    a, b = ids_of(tokenizer, "ab"), ids_of(tokenizer, "c")
    assert rows[0] == ([CLS, *a, SEP, *b, SEP], [0, 0, 0, 0, 1, 1], 0)
    assert rows[1][1:] == ([0, 0, 0, 1, 1, 1, 1], 2)
    with pytest.raises(ValueError, match="is for single texts: pass 'cut' for pairs"):
        make(pair, long_texts="chunks")


def test_long_texts_are_cut_and_counted(make, tokenizer, caplog):
    film = {"text": ["abcdefgh", "ab"], "label": ["bad", "good"]}
    with caplog.at_level(logging.WARNING):
        rows = rows_shown(
            epoch_of(make(film, max_length=6, shuffle=False, num_buckets=1))
        )
    assert rows[0][0] == [CLS, *ids_of(tokenizer, "abcd"), SEP]
    assert rows[1][0] == [CLS, *ids_of(tokenizer, "ab"), SEP]
    assert "1 of 2 texts are cut" in caplog.text


def test_chunks_show_all_of_a_long_text_with_its_label(make, tokenizer, caplog):
    options = {"max_length": 10, "long_texts": "chunks", "overlap": 3}
    rows = rows_shown(epoch_of(make(**options)))
    assert not caplog.records
    assert max(len(ids) for ids, _, _ in rows) == 10
    contents = {(tuple(ids[1:-1]), label) for ids, _, label in rows}
    for text, label in zip(FILMS["text"], FILMS["label"], strict=True):
        ids = ids_of(tokenizer, text)
        for place in range(0, max(1, len(ids) - 3), 5):
            chunk = tuple(ids[place : place + 8])
            assert (chunk, CLASSES.index(label)) in contents


def test_several_labels_or_none(make):
    films = {"text": ["a", "b", "c"], "labels": [["bad", "good"], [], ["so so"]]}
    dataset = make(films, multi_label=True, shuffle=False, num_buckets=1)
    ((_, labels, weight),) = epoch_of(dataset)
    assert labels.dtype == np.float32
    assert labels.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert weight.tolist() == [1, 1, 1]


def test_a_later_epoch_can_be_the_first(make):
    dataset = make()
    first, second = epoch_of(dataset), epoch_of(dataset)
    assert same(epoch_of(make(first_epoch=1)), second)
    assert same(epoch_of(make()), first)
    assert not same(epoch_of(make(seed=1)), first)


def test_weights_have_mean_one_over_the_batches_of_an_update(make):
    epoch = epoch_of(make(batches_per_update=2))
    assert len(epoch) % 2 == 0
    for first in range(0, len(epoch), 2):
        update = [weight for _, _, weight in epoch[first : first + 2]]
        assert np.isclose(np.mean([w.mean() for w in update]), 1.0, rtol=1e-5)
        # Each text counts alike, whatever the shape of its batch.
        assert np.ptp([w.max() / w.size for w in update]) < 1e-7


def test_bad_input(make, tokenizer):
    films = {"text": ["a"], "label": ["great"]}
    expected = (
        r"not among classes: \['great'\]\. classes has \['bad', 'so so', 'good'\]"
    )
    with pytest.raises(ValueError, match=expected):
        make(films)
    with pytest.raises(ValueError, match='"text", "label"} strings is needed'):
        make({"text": ["a"]})
    with pytest.raises(ValueError, match="long_texts='drop'. Pass 'cut' or 'chunks'"):
        make(long_texts="drop")
    with pytest.raises(ValueError, match="batch_tokens=9 is too small"):
        make(batch_tokens=9)
