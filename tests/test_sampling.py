"""Draws follow the distribution asked for, and hang on nothing but their seed."""

import numpy as np
import pytest
from keras import ops

from zoo.sampling import draw, keep_top_k, keep_top_p, row_seeds

NUM_DRAWS = 20_000
LOGITS = np.array([0.3, 1.5, -2.0, 1.0, 0.0, -0.7], "float32")


def softmax(x):
    weights = np.exp(x - np.max(x))
    return weights / weights.sum()


def draws(seed=0, index=0, logits=LOGITS, num_draws=NUM_DRAWS, **options):
    rows = ops.convert_to_tensor(np.tile(logits, (num_draws, 1)))
    return ops.convert_to_numpy(draw(rows, seed, index, **options))


def chi_square(counts, expected):
    return np.sum((counts - expected) ** 2 / expected)


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"temperature": 0.5}, [0, 1, 2, 3, 4, 5]),
        ({"temperature": 3.0}, [0, 1, 2, 3, 4, 5]),
        ({"top_k": 3}, [0, 1, 3]),
        ({"top_k": 3, "temperature": 2.0}, [0, 1, 3]),
        ({"top_p": 0.6}, [1, 3]),
        ({"top_p": 0.6, "temperature": 10.0}, [0, 1, 3, 4]),
        ({"top_k": 3, "top_p": 0.85}, [1, 3, 0]),
        ({"top_k": 99, "top_p": 1.0}, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_follows_the_distribution(options, kept):
    probability = np.zeros(6)
    probability[kept] = softmax(LOGITS[kept] / options.get("temperature", 1.0))
    counts = np.bincount(draws(seed=1, **options), minlength=6)
    assert counts[probability == 0].sum() == 0
    kept = probability > 0
    # A right sampler exceeds this once in 50,000 times (5 degrees of freedom).
    assert chi_square(counts[kept], NUM_DRAWS * probability[kept]) < 28


@pytest.mark.parametrize("change", [{"index": 1}, {"seed": 6}])
def test_steps_and_seeds_are_independent(change):
    first, second = draws(seed=5), draws(**{"seed": 5, **change})
    counts = np.histogram2d(first, second, bins=[np.arange(7) - 0.5] * 2)[0]
    probability = softmax(LOGITS)
    expected = NUM_DRAWS * np.outer(probability, probability)
    assert chi_square(counts, expected) < 83  # once in 50,000, 35 degrees


def test_neighbouring_tokens_are_drawn_independently():
    """Uniform over many tokens: the noise of one says nothing of the next."""
    tokens = draws(seed=2, logits=np.zeros(500, "float32"))
    counts = np.bincount(tokens, minlength=500)
    assert abs(chi_square(counts, NUM_DRAWS / 500) - 499) < 4.5 * np.sqrt(2 * 499)


def test_a_row_draws_alone_what_it_draws_in_its_request():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(9, 50)).astype("float32")
    together = ops.convert_to_numpy(draw(ops.convert_to_tensor(logits), 11, 4))
    rows = np.array([7, 2])
    apart = draw(ops.convert_to_tensor(logits[rows]), row_seeds(11, rows), 4)
    np.testing.assert_array_equal(apart, together[rows])


@pytest.mark.parametrize("seed", [0, 2**31, -1, 10**30])
def test_any_int_is_a_seed_and_repeats_its_draws(seed):
    first = draws(seed=seed, num_draws=50)
    np.testing.assert_array_equal(draws(seed=seed, num_draws=50), first)
    assert (draws(seed=seed + 1, num_draws=50) != first).any()


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0.0},
        {"temperature": 1e-6},
        {"top_k": 1},
        {"top_k": 1, "temperature": 5.0},
        {"top_p": 0.0},
        {"top_p": 1e-4},
    ],
)
def test_the_limit_of_every_option_is_greedy(options):
    logits = np.random.default_rng(3).normal(size=(40, 30)).astype("float32")
    tokens = draw(ops.convert_to_tensor(logits), 0, 0, **options)
    np.testing.assert_array_equal(tokens, np.argmax(logits, axis=-1))


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"top_k": 1}])
def test_among_equal_tokens_the_limit_takes_the_first(options):
    assert set(draws(logits=np.array([1, 3, 3, 2], "float32"), **options)) == {1}


def test_options_may_differ_from_row_to_row():
    logits = np.random.default_rng(4).normal(size=(5, 30)).astype("float32")
    logits = ops.convert_to_tensor(logits)
    options = {
        "temperature": np.array([1.0, 0.0, 2.0, 0.5, 1.0], "float32"),
        "top_k": np.array([0, 5, 1, 3, 0]),
        "top_p": np.array([1.0, 0.5, 1.0, 0.9, 0.2], "float32"),
    }
    seeds = row_seeds(0, np.arange(5))
    together = ops.convert_to_numpy(draw(logits, seeds, 0, **options))
    for i in range(5):
        own = {name: values[i].item() for name, values in options.items()}
        assert (
            int(draw(logits[i : i + 1], seeds[i : i + 1], 0, **own)[0]) == (together[i])
        )


def test_filters_equal_sorting():
    logits = np.random.default_rng(5).normal(size=(6, 300)).astype("float32") * 4
    logits[0, :7] = -np.inf
    order = np.argsort(-logits, axis=-1)
    probability = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    before = np.cumsum(np.take_along_axis(probability, order, -1), -1)
    for top_k in (1, 2, 17, 293):
        kept = keep_top_k(
            ops.convert_to_tensor(logits), ops.full((6, 1), top_k, "int32")
        )
        kept = np.take_along_axis(np.array(kept), order, -1) > -np.inf
        np.testing.assert_array_equal(kept, np.arange(300)[None] < [[top_k]] * 6)
    for top_p in (0.1, 0.5, 0.9, 0.99):
        kept = keep_top_p(ops.convert_to_tensor(logits), ops.full((6, 1), top_p))
        kept = np.take_along_axis(np.array(kept), order, -1) > -np.inf
        sizes = np.argmax(before >= top_p, axis=-1) + 1
        np.testing.assert_array_equal(kept, np.arange(300)[None] < sizes[:, None])
