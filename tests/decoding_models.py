"""Tiny models for the tests of decoding, and what exhaustive search finds in them.

A `HistoryModel` gives logits that hang on the whole history and its order, through
a sum over positions, so that it needs a cache and notices one that went astray.
"""

import itertools

import numpy as np
from keras import ops


class HistoryModel:
    """`tanh(sum_t token[y_t] * position[t]) @ output`, random, in NumPy and in ops."""

    def __init__(self, seed, vocabulary_size, max_length, dim=6):
        rng = np.random.default_rng(seed)
        self.vocabulary_size = vocabulary_size
        self.token = rng.normal(size=(vocabulary_size, dim)).astype("float32")
        self.position = rng.normal(size=(max_length, dim)).astype("float32")
        self.output = 2 * rng.normal(size=(dim, vocabulary_size)).astype("float32")

    def start_cache(self, rows):
        return {"sum": ops.zeros((rows, self.token.shape[1]))}

    def start_shared_cache(self, batch_size, num_entries):
        return [ops.zeros((batch_size, num_entries, self.token.shape[1]))]

    def step(self, token_ids, index, cache, visible=None):
        entry = ops.take(ops.convert_to_tensor(self.token), token_ids, axis=0)
        position = ops.convert_to_tensor(self.position)
        entry = entry * ops.take(position, index, axis=0)
        if visible is None:
            total = cache["sum"] + entry
            cache = {"sum": total}
        else:
            total, cache = self._sum_visible(entry, index, cache[0], visible)
        return ops.matmul(ops.tanh(total), ops.convert_to_tensor(self.output)), cache

    def _sum_visible(self, entry, index, entries, visible):
        batch_size, num_beams = ops.shape(visible)[:2]
        entry = ops.reshape(entry, (batch_size, num_beams, -1))
        entries = ops.slice_update(entries, (0, index * num_beams, 0), entry)
        total = ops.matmul(ops.cast(visible, "float32"), entries)
        return ops.reshape(total, (batch_size * num_beams, -1)), [entries]

    def log_prob(self, start_id, answer):
        """The log-probability of `answer`, after `start_id`."""
        total, result = np.zeros(self.token.shape[1]), 0.0
        for index, (token_id, next_id) in enumerate(
            itertools.pairwise([start_id, *answer])
        ):
            total = total + self.token[token_id] * self.position[index]
            logits = np.tanh(total) @ self.output
            result += logits[next_id] - np.log(np.exp(logits).sum())
        return result

    def score(self, start_id, answer, length_penalty):
        penalty = ((5 + len(answer)) / 6) ** length_penalty
        return self.log_prob(start_id, answer) / penalty


def all_answers(vocabulary_size, end_id, limit):
    """Every answer there is: those that end, and those that the limit cuts.

    >>> all_answers(2, end_id=0, limit=2)
    [(0,), (1, 0), (1, 1)]
    """
    others = [i for i in range(vocabulary_size) if i != end_id]
    answers = [
        (*beginning, end_id)
        for length in range(limit)
        for beginning in itertools.product(others, repeat=length)
    ]
    return answers + list(itertools.product(others, repeat=limit))


def strip(token_ids, end_id, limit):
    """A row of ids, padded with 0, as a tuple; checks that the padding is 0."""
    token_ids = np.asarray(token_ids).tolist()
    length = limit
    if end_id in token_ids[:limit]:
        length = token_ids.index(end_id) + 1
    assert not any(token_ids[length:]), token_ids
    return tuple(token_ids[:length])
