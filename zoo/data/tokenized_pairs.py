"""A tokenized corpus, kept as flat arrays of ids."""

import dataclasses
import logging

import numpy as np
import tensorflow as tf

_TOKENIZED_TOGETHER = 1024

_logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class TokenizedTexts:
    """Texts as one array of ids.

    Attributes:
        token_ids: int32 `(ids,)`, start and end ids included.
        offsets: int64 `(texts + 1,)`. Where each text begins; then the number of ids.
    """

    token_ids: np.ndarray
    offsets: np.ndarray

    @property
    def lengths(self):
        return np.diff(self.offsets)


def join_texts(parts):
    """One `TokenizedTexts` from a list of (token_ids, lengths)."""
    lengths = np.concatenate([lengths for _, lengths in parts])
    return TokenizedTexts(
        np.concatenate([token_ids for token_ids, _ in parts]),
        np.concatenate([[0], np.cumsum(lengths)]),
    )


def choose_texts(choose_first, first, second):
    """Text by text one of two `TokenizedTexts`: bool `(texts,)` says which."""
    both = np.concatenate([first.token_ids, second.token_ids])
    starts = np.where(
        choose_first, first.offsets[:-1], second.offsets[:-1] + len(first.token_ids)
    )
    lengths = np.where(choose_first, first.lengths, second.lengths)
    return join_texts([(both[ranges(starts, lengths)], lengths)])


def ranges(starts, lengths):
    """Concatenates `range(start, start + length)`.

    >>> ranges(np.array([5, 0]), np.array([2, 3]))
    [5, 6, 0, 1, 2]
    """
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(lengths.sum())


def tokenize_pairs(examples, source_tokenizer, target_tokenizer, max_length):
    """Tokenizes a corpus: sources end with the end id, targets begin and end.

    Pairs with a side of more than `max_length` ids (the start id not counted) are
    left out, and a warning counts them.

    Returns:
        (source, target), each `TokenizedTexts`.
    """
    _check_examples(examples)

    def tokenize(pairs):
        source = _tokenized(pairs["source"], source_tokenizer, with_start=False)
        target = _tokenized(pairs["target"], target_tokenizer, with_start=True)
        lengths = tf.maximum(source.row_lengths(), target.row_lengths() - 1)
        fits = lengths <= max_length
        source = tf.ragged.boolean_mask(source, fits)
        target = tf.ragged.boolean_mask(target, fits)
        return (
            (source.flat_values, source.row_lengths()),
            (target.flat_values, target.row_lengths()),
            tf.math.count_nonzero(~fits),
        )

    parts = list(
        examples.batch(_TOKENIZED_TOGETHER)
        .map(tokenize, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .as_numpy_iterator()
    )
    num_kept = sum(len(lengths) for (_, lengths), _, _ in parts)
    num_left_out = sum(int(left_out) for _, _, left_out in parts)
    if num_kept == 0:
        raise ValueError(
            f"There is no pair to train on. Given were {num_left_out}, each with more "
            f"than max_length={max_length} ids on a side."
        )
    if num_left_out:
        _logger.warning(
            "Left out %d of %d pairs: they have more than max_length=%d ids.",
            num_left_out,
            num_left_out + num_kept,
            max_length,
        )
    return tuple(join_texts([part[side] for part in parts]) for side in (0, 1))


def _check_examples(examples):
    specification = getattr(examples, "element_spec", None)
    names = set(specification) if isinstance(specification, dict) else set()
    if not {"source", "target"} <= names:
        raise ValueError(
            'A tf.data.Dataset of {"source", "target"} strings is needed, as '
            f"zoo.data.read gives it. Received: {specification or examples}."
        )


def _tokenized(texts, tokenizer, with_start):
    """string `(n,)` -> int32 ragged `(n, None)` with the end id, perhaps the start."""
    token_ids = tokenizer.tokenize(texts)
    end = tf.fill([token_ids.nrows(), 1], tokenizer.end_token_id)
    if not with_start:
        return tf.concat([token_ids, end], axis=1)
    start = tf.fill([token_ids.nrows(), 1], tokenizer.start_token_id)
    return tf.concat([start, token_ids, end], axis=1)
