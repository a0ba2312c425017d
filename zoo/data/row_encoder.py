"""Texts, or pairs of texts, to the rows of ids that an encoder reads."""

import logging

import tensorflow as tf

from zoo.text.overlapping_chunks import overlapping_chunks
from zoo.text.special_tokens import num_special_tokens, with_special_tokens

_logger = logging.getLogger(__name__)


class RowEncoder:
    """Examples to rows of ids, in the graph.

    Args:
        tokenizer: as in `zoo.data.classification_batches`.
        max_length: int. The most tokens of a row, special ones included.
        overlap: int. Tokens that the chunks of a long text share; None cuts it.
    """

    def __init__(self, tokenizer, max_length, overlap=None):
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.overlap = overlap

    def __call__(self, examples):
        """Dict of strings `(n,)` -> (token_ids, segment_ids, owner, number cut).

        The ids are ragged `(rows, None)`; `owner` `(rows,)` says whose row it is.
        """
        texts = [
            self.tokenizer.tokenize(examples[name])
            for name in ("text", "text_pair")
            if name in examples
        ]
        owner = tf.range(texts[0].nrows(tf.int32))
        if self.overlap is not None:
            length = self.max_length - num_special_tokens(self.tokenizer)
            chunks, owner = overlapping_chunks(texts[0], length, self.overlap)
            texts = [chunks]
        token_ids, segment_ids = with_special_tokens(
            *texts, tokenizer=self.tokenizer, max_length=self.max_length
        )
        whole = tf.add_n([ids.row_lengths() for ids in texts])
        whole += num_special_tokens(self.tokenizer, is_pair=len(texts) == 2)
        is_cut = whole > self.max_length
        return token_ids, segment_ids, owner, tf.math.count_nonzero(is_cut)


def warn_of_cut(num_cut, num_texts):
    """Says how many texts are not shown to their end."""
    if num_cut:
        _logger.warning(
            "%d of %d texts are cut: they have more than the max_length tokens.",
            *(num_cut, num_texts),
        )
