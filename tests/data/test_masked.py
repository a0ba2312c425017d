"""Rows of texts with hidden tokens, as masked language models learn from them."""

import hashlib
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.data.epochs_probe import epoch_of
from tests.data.stand_in_tokenizer import LetterTokenizer
from zoo.data import masked_batches

ROOT = pathlib.Path(__file__).parents[2]
CLS, SEP, MASK = 2, 3, 4
WORDS = ["a", "wonderful", "film", "about", "cats", "and", "the", "sea"]


def some_texts(number=200, longest=40, seed=0):
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, longest, number)
    return [" ".join(generator.choice(WORDS, length)) for length in lengths]


TEXTS = some_texts()


@pytest.fixture(scope="module")
def tokenizer():
    return LetterTokenizer()


@pytest.fixture
def make(tokenizer):
    def make(texts=TEXTS, **options):
        examples = tf.data.Dataset.from_tensor_slices({"text": texts})
        options = {"row_length": 64, "batch_size": 8, **options}
        return masked_batches(examples, tokenizer, **options)

    return make


def bounds(number, share):
    """Five standard deviations around the mean of a binomial count."""
    spread = 5 * np.sqrt(number * share * (1 - share))
    return number * share - spread, number * share + spread


def digest(epoch):
    return [
        hashlib.sha256(b"".join(x.tobytes() for x in tf.nest.flatten(batch))).digest()
        for batch in epoch
    ]


def restored(batch):
    """The token ids of a batch with its labels back in their places."""
    inputs, labels, weight = batch
    token_ids = inputs["token_ids"].copy()
    rows, slots = np.nonzero(weight)
    token_ids[rows, inputs["mask_positions"][rows, slots]] = labels[rows, slots]
    return token_ids


def documents(batch):
    """The ids of every document of a batch."""
    token_ids, ids = restored(batch), batch[0]["document_ids"]
    return [
        row[numbers == number]
        for row, numbers in zip(token_ids, ids, strict=True)
        for number in range(1, numbers.max() + 1)
    ]


@pytest.mark.parametrize("whole_words", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
def test_labels_put_back_give_the_texts_back(make, tokenizer, whole_words, shuffle):
    texts = some_texts(50, longest=9)  # none of them is cut
    dataset = make(texts, whole_words=whole_words, shuffle=shuffle, row_length=128)
    found = [ids for batch in epoch_of(dataset) for ids in documents(batch)]
    assert all(ids[0] == CLS and ids[-1] == SEP for ids in found)
    assert sorted(tokenizer.text(ids[1:-1]) for ids in found) == sorted(texts)


def test_pieces_of_long_texts_are_the_texts_once_they_are_joined(make, tokenizer):
    text = "".join(np.random.default_rng(0).choice(list("abcdef"), 1000))
    for _ in range(2):
        dataset = make([text], batch_size=100)
        pieces = [
            ids[1:-1]
            for batch in dataset
            for ids in documents(tf.nest.map_structure(lambda x: x.numpy(), batch))
        ]
        assert all(1 <= len(piece) <= 62 for piece in pieces)
        as_text = {tokenizer.text(piece).replace("##", "") for piece in pieces}
        assert sum(map(len, as_text)) == 1000
        assert all(piece in text for piece in as_text)


def test_rows_are_nearly_full(make):
    dataset = make(some_texts(1000), row_length=128)
    full = [inputs["padding_mask"][:, :].mean() for inputs, _, _ in epoch_of(dataset)]
    assert np.mean(full[:-1]) > 0.97


@pytest.mark.parametrize("whole_words", [False, True])
def test_inputs_agree_with_one_another(make, whole_words):
    for inputs, labels, weight in epoch_of(make(whole_words=whole_words)):
        documents, positions = inputs["document_ids"], inputs["positions"]
        assert np.array_equal(inputs["padding_mask"], documents > 0)
        assert np.array_equal(inputs["token_ids"] != 0, documents > 0)
        starts = (inputs["token_ids"] == CLS) & (documents > 0)
        assert np.array_equal(positions == 0, starts | (documents == 0))
        steps = np.diff(positions)[documents[:, 1:] == documents[:, :-1]]
        assert set(steps[steps != 0]) == {1}
        used = weight > 0
        assert np.isclose(weight.mean(), 1.0, rtol=1e-5)
        assert len(set(weight[used])) == 1
        assert (labels[used] >= 5).all() and (labels[~used] == 0).all()
        assert (inputs["mask_positions"][~used] == 0).all()
        places = np.where(used, inputs["mask_positions"], 1000)
        assert (np.diff(places)[used[:, 1:]] > 0).all()


def outcomes(batches):
    """How many tokens there are, and how many of them are hidden in which way."""
    counts = np.zeros(4, int)
    for batch in batches:
        inputs, labels, weight = batch
        rows, slots = np.nonzero(weight)
        shown = inputs["token_ids"][rows, inputs["mask_positions"][rows, slots]]
        hidden = labels[rows, slots]
        assert not set(shown) & {0, 1, CLS, SEP}  # a random token is never special
        counts += [
            (restored(batch) >= 5).sum(),
            (shown == MASK).sum(),
            ((shown != MASK) & (shown != hidden)).sum(),
            (shown == hidden).sum(),
        ]
    return counts


@pytest.mark.parametrize("whole_words", [False, True])
def test_rates_are_those_of_the_paper(make, whole_words):
    dataset = make(some_texts(800), whole_words=whole_words)
    total, *ways = outcomes(epoch_of(dataset) + epoch_of(dataset))
    chosen = sum(ways)
    # Rows draw nearly the same number each, so the share varies less than a binomial's.
    low, high = bounds(total, 0.15)
    assert low < chosen < high
    # One random token in as many as there are is the one that stood there.
    same = 0.1 / 52
    for number, share in zip(ways, (0.8, 0.1 - same, 0.1 + same), strict=True):
        low, high = bounds(chosen, share)
        assert low < number < high


def test_the_share_of_a_row_is_exact_but_for_one_token(make):
    for inputs, _, weight in epoch_of(make(row_length=128)):
        ordinary = inputs["padding_mask"].sum(axis=1) - 2 * inputs["document_ids"].max(
            axis=1
        )
        chosen = (weight > 0).sum(axis=1)
        assert (np.abs(chosen - np.maximum(0.15 * ordinary, ordinary > 0)) < 1).all()


def test_every_place_is_chosen_equally_often(make):
    texts = ["abcdefghij"] * 200
    counts = np.zeros(12)
    dataset = make(texts, row_length=12, batch_size=50)
    for _ in range(5):
        for inputs, _, weight in epoch_of(dataset):
            counts += np.bincount(inputs["mask_positions"][weight > 0], minlength=12)
    assert counts[[0, 11]].sum() == 0
    low, high = bounds(counts.sum(), 0.1)
    assert ((low < counts[1:11]) & (counts[1:11] < high)).all()


def test_whole_words_are_chosen_whole(make, tokenizer):
    for batch in epoch_of(make(whole_words=True)):
        inputs, _, weight = batch
        token_ids = restored(batch)
        for row in range(len(token_ids)):
            chosen = set(inputs["mask_positions"][row][weight[row] > 0])
            for place in range(1, token_ids.shape[1]):
                piece = tokenizer.vocabulary[token_ids[row, place]]
                before = token_ids[row, place - 1] >= 5
                if piece.startswith("##") and before:
                    assert (place in chosen) == (place - 1 in chosen)


def test_another_epoch_has_other_masks_and_as_many_batches(make):
    dataset = make()
    first, second = epoch_of(dataset), epoch_of(dataset)
    assert len(first) == len(second) == int(dataset.cardinality())
    assert not set(digest(first)) & set(digest(second))


def test_rows_that_stay_the_same_have_other_masks_in_another_epoch(make):
    dataset = make(some_texts(50, longest=9), shuffle=False)
    first, second = epoch_of(dataset), epoch_of(dataset)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(restored(one), restored(other))
        same = one[0]["mask_positions"] == other[0]["mask_positions"]
        assert same.mean() < 0.5
    rows = [row.tobytes() for batch in first for row in batch[0]["mask_positions"]]
    assert len(set(rows)) == len(rows)  # no two batches draw the same


def test_a_later_epoch_can_be_the_first(make):
    dataset = make()
    _, second = epoch_of(dataset), epoch_of(dataset)
    assert digest(epoch_of(make(first_epoch=1))) == digest(second)
    assert digest(epoch_of(make(seed=1))) != digest(epoch_of(make()))


PROGRAM = """
import tensorflow as tf
from tests.data.test_masked import *
texts = tf.data.Dataset.from_tensor_slices({"text": TEXTS})
batches = masked_batches(texts, LetterTokenizer(), row_length=64, batch_size=8, seed=5)
print(hashlib.sha256(b"".join(digest(epoch_of(batches)))).hexdigest())
"""


@pytest.mark.slow
def test_two_processes_make_the_same_batches(make):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    here = hashlib.sha256(b"".join(digest(epoch_of(make(seed=5))))).hexdigest()
    assert run.stdout.split()[-1] == here


def test_one_short_text(make):
    ((inputs, labels, weight),) = epoch_of(make(["a"]))
    assert inputs["token_ids"].shape[1] == 64
    assert (weight > 0).sum() == 1 and labels[0, 0] == 5
    assert inputs["mask_positions"][0, 0] == 1


def test_weights_have_mean_one_over_the_batches_of_an_update(make):
    epoch = epoch_of(make(batches_per_update=3))
    assert len(epoch) % 3 == 0
    for first in range(0, len(epoch), 3):
        update = [weight for _, _, weight in epoch[first : first + 3]]
        assert np.isclose(np.mean(np.stack(update)), 1.0, rtol=1e-5)
        assert len({weight.max() for weight in update}) == 1
    with pytest.raises(ValueError, match="the texts fill only .* smaller batch_size"):
        make(batches_per_update=1000)


def test_nothing_to_train_on(make):
    with pytest.raises(ValueError, match="no text to train on: all given are empty"):
        make(["", " "])
    with pytest.raises(ValueError, match='Dataset of {"text"} strings is needed'):
        masked_batches(tf.data.Dataset.range(3), LetterTokenizer())
    with pytest.raises(ValueError, match="mask_rate=1.5, row_length=64: a share"):
        make(mask_rate=1.5)


def test_a_vocabulary_that_does_not_mark_words(tokenizer, make, monkeypatch):
    monkeypatch.setattr(tokenizer, "get_vocabulary", lambda: ["a", "b"])
    with pytest.raises(ValueError, match=r"none starts with '##' or .*whole_words=Fal"):
        make(whole_words=True)
