"""The best path and the best alignment, beside all there are."""

import itertools

import numpy as np
import pytest
from keras import ops

from zoo import ctc

RNG = np.random.default_rng(0)


def collapsed(path):
    """Tokens and the places where each begins."""
    runs = [
        (token, place)
        for place, token in enumerate(path)
        if token and (place == 0 or path[place - 1] != token)
    ]
    return tuple(t for t, _ in runs), [p for _, p in runs]


def log_probabilities(logits):
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def align(logits, tokens):
    """Places of the tokens of each row, of which there are as many of each sound."""
    logits = np.repeat(logits, len(tokens) // len(logits), axis=0)
    chosen = np.pad(tokens, ((0, 0), (1, 0)))[:, None]
    chosen = np.take_along_axis(logits, chosen, axis=2)
    return ops.convert_to_numpy(ctc.align(chosen, tokens))


@pytest.mark.parametrize("tokens", [(), (1,), (2, 1), (1, 1), (2, 2, 1), (1, 2, 1, 2)])
def test_align_finds_the_best_of_all_paths(tokens):
    for _ in range(5):
        logits = RNG.normal(size=(5, 3))
        scores = log_probabilities(logits)
        paths = [
            path
            for path in itertools.product(range(3), repeat=5)
            if collapsed(path)[0] == tokens
        ]
        best = max(paths, key=lambda path: scores[np.arange(5), path].sum())
        padded = np.array([[*tokens, 0, 0]])
        places = align(logits[None], padded)[0]
        assert places[: len(tokens)].tolist() == collapsed(best)[1]
        assert not places[len(tokens) :].any()


def test_align_does_not_depend_on_neighbours_or_padding():
    logits = RNG.normal(size=(3, 9, 5)).astype("float32")
    tokens = np.array([[1, 2, 3, 4], [2, 2, 0, 0], [0, 0, 0, 0]])
    together = align(logits, tokens)
    for row in range(3):
        alone = tokens[row : row + 1, : max(1, (tokens[row] > 0).sum())]
        places = align(logits[row : row + 1], alone)[0]
        np.testing.assert_array_equal(together[row, : len(places)], places)
    blank = np.where(np.arange(5) == 0, 0.0, -1e9) * np.ones((3, 4, 1))
    longer = np.concatenate([logits, blank], axis=1)
    padded = align(longer, tokens)
    np.testing.assert_array_equal(padded, together)


def test_best_path():
    logits = RNG.normal(size=(4, 7, 3)).astype("float32") * 3
    token_ids, places, scores = map(ops.convert_to_numpy, ctc.best_path(logits))
    for row in range(4):
        path = logits[row].argmax(axis=-1)
        tokens, begins = collapsed(path)
        count = len(tokens)
        assert tuple(token_ids[row, :count]) == tokens
        assert places[row, :count].tolist() == begins
        assert not token_ids[row, count:].any() and not places[row, count:].any()
        expected = log_probabilities(logits[row])[np.arange(7), path].sum()
        assert scores[row] == pytest.approx(expected, rel=1e-5)
