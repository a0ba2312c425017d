"""Subword sampling: several segmentations of one word, in training only."""

import math

import tensorflow as tf

from zoo.text.sentence_piece import NUM_SPECIAL_IDS

_NUM_BYTES = 256  # the pieces for single bytes follow the special ones


class SubwordSampler:
    """Splits subwords at random, by undoing merges of byte-pair encoding.

    Each id that stands for a merged piece is replaced, with probability `rate`, by
    the two pieces that were merged last to make it; each of these may be split
    again. The text that the ids stand for does not change. This follows BPE-dropout,
    [Provilkov et al., 2020](https://arxiv.org/abs/1910.13267), where merges are left
    out at random, and unlike SentencePiece's own sampler it is a pure function of
    its seed.

    Args:
        tokenizer: `SentencePieceTokenizer`.
        rate: float in [0, 1]. 0 changes nothing, 1 splits into characters.
    """

    def __init__(self, tokenizer, rate):
        if not 0.0 <= rate <= 1.0:
            raise ValueError(f"rate is {rate}, but a probability in [0, 1] is needed.")
        self.rate = rate
        self._halves = merge_table(tokenizer.get_vocabulary())

    def __call__(self, token_ids, seed):
        """int32 ragged `(n, None)`, int `(2,)` -> int32 ragged `(n, None)`."""
        halves = tf.constant(self._halves, tf.int32)
        ids = token_ids.flat_values
        rows = tf.cast(token_ids.value_rowids(), tf.int32)
        fresh = tf.ones_like(ids, tf.bool)
        step = tf.constant(0)

        def unfinished(step, ids, rows, fresh):
            return tf.reduce_any(fresh)

        def split(step, ids, rows, fresh):
            left, right = tf.unstack(tf.gather(halves, ids), axis=-1)
            draws = tf.random.stateless_uniform(
                tf.shape(ids), tf.random.fold_in(seed, step), alg="philox"
            )
            chosen = fresh & (left > 0) & (draws < self.rate)
            kept_and_left = tf.where(chosen, left, ids)
            times = tf.where(chosen, 2, 1)
            position = tf.cumsum(times, exclusive=True)
            second = tf.boolean_mask(position + 1, chosen)
            ids = tf.tensor_scatter_nd_update(
                tf.repeat(kept_and_left, times),
                second[:, tf.newaxis],
                tf.boolean_mask(right, chosen),
            )
            return step + 1, ids, tf.repeat(rows, times), tf.repeat(chosen, times)

        _, ids, rows, _ = tf.while_loop(
            unfinished,
            split,
            (step, ids, rows, fresh),
            shape_invariants=(
                step.shape,
                tf.TensorShape([None]),
                tf.TensorShape([None]),
                tf.TensorShape([None]),
            ),
        )
        return tf.RaggedTensor.from_value_rowids(
            ids, tf.cast(rows, tf.int64), nrows=token_ids.nrows()
        )


def merge_table(vocabulary, first_id=NUM_SPECIAL_IDS + _NUM_BYTES):
    """The two pieces that were merged last to make each piece.

    >>> merge_table(["<s>", "a", "b", "ab"], first_id=1)
    [(0, 0), (0, 0), (0, 0), (1, 2)]

    Args:
        vocabulary: list of str, byte-pair pieces in the order of their merging.
        first_id: int. What comes before is no piece of text.

    Returns:
        list of (left, right) ids; (0, 0) for what is not a merged piece.
    """
    ids = {piece: i for i, piece in enumerate(vocabulary) if i >= first_id}
    return [
        _last_merge(piece, ids) if i >= first_id else (0, 0)
        for i, piece in enumerate(vocabulary)
    ]


def _last_merge(piece, ids):
    """Merges the characters of one piece as byte-pair encoding does."""
    parts = list(piece)
    if len(parts) < 2 or any(part not in ids for part in parts):
        return (0, 0)
    while len(parts) > 2:
        ranks = [
            ids.get(left + right, math.inf)
            for left, right in zip(parts, parts[1:], strict=False)
        ]
        i = ranks.index(min(ranks))
        if ranks[i] == math.inf:
            return (0, 0)
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    return (ids[parts[0]], ids[parts[1]])
