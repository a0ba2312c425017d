"""Pairs of texts that mean alike to batches."""

import logging

import numpy as np
import pytest

from tests.data.epochs_probe import epoch_of, same
from tests.data.stand_in_tokenizer import LetterTokenizer
from zoo.data import contrastive_batches
from zoo.data.read import as_dataset

FIRST = [f"dog {'ab' * (i % 7)} {'xyz' * (i % 5)}" for i in range(70)]
PAIRS = {
    "text": FIRST,
    "text_pair": [f"{text[::-1]} is it" for text in FIRST],
}


@pytest.fixture(scope="module")
def tokenizer():
    return LetterTokenizer()


def make(tokenizer, pairs=PAIRS, **options):
    options = {"batch_tokens": 600, "num_buckets": 3, **options}
    return contrastive_batches(as_dataset(pairs), tokenizer, **options)


def texts_of(tokenizer, inputs):
    return [
        tokenizer.text(ids[mask])
        for ids, mask in zip(inputs["token_ids"], inputs["padding_mask"], strict=True)
    ]


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_pair_is_shown_once_an_epoch_and_stands_in_both_halves(
    tokenizer, shuffle
):
    dataset = make(tokenizer, shuffle=shuffle)
    epochs = [epoch_of(dataset) for _ in range(2)]
    expected = sorted(
        tuple(f"[CLS] {' '.join(text.split())} [SEP]" for text in pair)
        for pair in zip(PAIRS["text"], PAIRS["text_pair"], strict=True)
    )
    for epoch in epochs:
        assert len(epoch) == int(dataset.cardinality()) > 1
        shown = []
        for inputs, labels, _ in epoch:
            assert inputs["token_ids"].size <= 600
            half = len(labels) // 2
            np.testing.assert_array_equal(labels[:half], labels[half:])
            texts = texts_of(tokenizer, inputs)
            pairs = zip(texts[:half], texts[half:], labels[:half], strict=True)
            shown += [(a, b) for a, b, label in pairs if label >= 0]
        assert sorted(shown) == expected
    assert same(epochs[0], epochs[1]) != shuffle


def test_weights_have_mean_one_and_are_zero_on_unused_rows(tokenizer):
    weights = []
    for inputs, labels, weight in epoch_of(make(tokenizer)):
        np.testing.assert_array_equal(weight > 0, labels >= 0)
        np.testing.assert_array_equal(inputs["padding_mask"].any(axis=1), labels >= 0)
        np.testing.assert_allclose(weight.mean(), 1.0, rtol=1e-6)
        weights.append(weight)
    assert any((weight == 0).any() for weight in weights)


def test_pairs_of_one_first_text_belong_together(tokenizer):
    pairs = {"text": ["a", "b", "a"], "text_pair": ["c", "d", "e"]}
    ((_, labels, _),) = epoch_of(make(tokenizer, pairs, shuffle=False))
    first, second, third = labels[:3]
    assert first == third != second


def test_pairs_with_a_second_text_in_common_belong_together_too(tokenizer):
    pairs = {"text": ["a", "b", "c", "d"], "text_pair": ["x", "y", "y", "x"]}
    pairs["text"][3] = "b"  # so a, b and c hang together through x and y
    pairs = {name: [*texts, "z"] for name, texts in pairs.items()}
    ((_, labels, _),) = epoch_of(make(tokenizer, pairs, shuffle=False))
    assert len(set(labels[:4].tolist())) == 1 and labels[4] != labels[0]


def test_a_batch_follows_from_seed_and_epoch(tokenizer):
    epochs = iter(make(tokenizer, seed=3).repeat(2))
    both = list(epochs)
    second = both[len(both) // 2 :]
    later = list(make(tokenizer, seed=3, first_epoch=1))
    assert same(epoch_of(later), epoch_of(second))
    assert not same(epoch_of(later), epoch_of(make(tokenizer, seed=4, first_epoch=1)))


def test_long_texts_are_cut_with_a_warning(tokenizer, caplog):
    with caplog.at_level(logging.WARNING):
        batches = epoch_of(make(tokenizer, max_length=10))
    assert "of 140 texts are cut" in caplog.text
    assert max(inputs["token_ids"].shape[1] for inputs, _, _ in batches) == 10


def test_what_has_no_pairs_is_refused(tokenizer):
    with pytest.raises(ValueError, match='"text_pair"'):
        make(tokenizer, {"text": ["a"]})
    with pytest.raises(ValueError, match="no pair of texts to train on"):
        contrastive_batches(as_dataset(PAIRS).take(0), tokenizer)
    with pytest.raises(ValueError, match="batch_tokens=40 and 70 pairs .* two pairs"):
        make(tokenizer, batch_tokens=40)
    with pytest.raises(ValueError, match="and 1 pairs .* nothing to tell"):
        make(tokenizer, {"text": ["a"], "text_pair": ["b"]})
