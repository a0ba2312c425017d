"""Texts to the rows that an encoder reads: special tokens, chunks of long texts."""

import logging

import tensorflow as tf

from zoo.text.overlapping_chunks import overlapping_chunks
from zoo.text.special_tokens import num_special_tokens, with_special_tokens

_OVERLAP_SHARE = 4  # neighbouring chunks have a quarter of their tokens in common

_logger = logging.getLogger(__name__)


def rows_of_texts(texts, tokenizer, max_length):
    """string `(n,)` -> rows, and the text that each is of, int32 `(m,)`.

    A text that is longer than `max_length` gives several rows, each of which begins
    with the last quarter of the one before.

    Returns:
        dict of RaggedTensor int32 `(m, None)`: `token_ids` and `segment_ids`.
    """
    chunks, owner = overlapping_chunks(
        tokenizer.tokenize(texts), *chunk_lengths(tokenizer, max_length)
    )
    return _rows(chunks, None, tokenizer, max_length), owner


def chunk_lengths(tokenizer, max_length):
    """Tokens of a chunk of a long text, and how many it shares with the next."""
    length = max_length - num_special_tokens(tokenizer)
    return length, length // _OVERLAP_SHARE


def rows_of_pairs(texts, text_pairs, tokenizer, max_length):
    """strings `(n,)` and `(n,)` -> rows, one a pair, and how many pairs are cut.

    A pair that is longer than `max_length` loses the end of its longer text.
    """
    pair = [tokenizer.tokenize(side) for side in (texts, text_pairs)]
    room = max_length - num_special_tokens(tokenizer, is_pair=True)
    is_cut = tf.add_n([ids.row_lengths() for ids in pair]) > room
    rows = _rows(*pair, tokenizer, max_length)
    return rows, tf.math.count_nonzero(is_cut, dtype=tf.int32)


def _rows(first, second, tokenizer, max_length):
    token_ids, segment_ids = with_special_tokens(
        first, second, tokenizer=tokenizer, max_length=max_length
    )
    return {"token_ids": token_ids, "segment_ids": segment_ids}


def mean_of_rows(values, rows, owner, num_texts):
    """float `(m, any)` of rows -> float `(n, any)`, the mean over the rows of a text.

    A row counts by its length, so that a short end of a text says little.
    """
    weights = tf.cast(rows["token_ids"].row_lengths(), tf.float32)[:, tf.newaxis]
    total = tf.math.unsorted_segment_sum(values * weights, owner, num_texts)
    return total / tf.math.unsorted_segment_sum(weights, owner, num_texts)


def rows_of_cut_texts(texts, tokenizer, max_length):
    """string `(n,)` -> rows as of `rows_of_texts`, one a text, and how many are cut."""
    token_ids = tokenizer.tokenize(texts)
    is_cut = token_ids.row_lengths() > max_length - num_special_tokens(tokenizer)
    rows = _rows(token_ids, None, tokenizer, max_length)
    return rows, tf.math.count_nonzero(is_cut, dtype=tf.int32)


def warn_of_cut_pairs(num_cut, num_pairs, max_length):
    """Says how many pairs were not read to the end of both texts."""
    if num_cut:
        _logger.warning(
            "Read only %d tokens of %d of %d pairs: their longer text is cut.",
            max_length,
            num_cut,
            num_pairs,
        )


def warn_of_cut_texts(num_cut, num_texts, max_length):
    """Says how many texts were not read to their end."""
    if num_cut:
        _logger.warning(
            "Read only the first %d tokens of %d of %d texts.",
            max_length,
            num_cut,
            num_texts,
        )
