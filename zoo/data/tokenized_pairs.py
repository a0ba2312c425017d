"""A corpus of pairs, tokenized."""

import logging

import tensorflow as tf

from zoo.data.tokenized_texts import TOKENIZED_TOGETHER, check_examples, join_texts

_logger = logging.getLogger(__name__)


def tokenize_pairs(examples, source_tokenizer, target_tokenizer, max_length):
    """Tokenizes a corpus: sources end with the end id, targets begin and end.

    Pairs with a side of more than `max_length` ids (the start id not counted) are
    left out, and a warning counts them.

    Returns:
        (source, target), each `TokenizedTexts`.
    """
    check_examples(examples, ("source", "target"))
    parts = tokenized_parts(examples, source_tokenizer, target_tokenizer, max_length)
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


def tokenized_parts(examples, source_tokenizer, target_tokenizer, max_length):
    """List of (source, target, how many pairs were left out); a side is its ids
    and lengths.
    """

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

    return list(
        examples.batch(TOKENIZED_TOGETHER)
        .map(tokenize, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .as_numpy_iterator()
    )


def _tokenized(texts, tokenizer, with_start):
    """string `(n,)` -> int32 ragged `(n, None)` with the end id, perhaps the start."""
    token_ids = tokenizer.tokenize(texts)
    end = tf.fill([token_ids.nrows(), 1], tokenizer.end_token_id)
    if not with_start:
        return tf.concat([token_ids, end], axis=1)
    start = tf.fill([token_ids.nrows(), 1], tokenizer.start_token_id)
    return tf.concat([start, token_ids, end], axis=1)
