"""Byte-pair encoding of many words at once, in the graph."""

import numpy as np
import tensorflow as tf

from zoo.text.characters import row_ids

_NO_RANK = np.iinfo(np.int32).max


class ByteMerges:
    """Merges the bytes of words, the pairs that come first in a list before others.

    In each round every word merges its first pair, wherever it occurs. A long word does
    so block by block: what is first in its block and those beside it cannot be
    forestalled from further away, as no piece is so long.

    [Sennrich et al., 2016](https://arxiv.org/abs/1508.07909).

    With the ids of "a", "b", "ab" 97, 98, 256:

    >>> ByteMerges(range(256), [(97, 98, 256)], {}, 2)(tf.constant(["abba"]))
    [[256, 98, 97]]

    Args:
        byte_ids: list of 256 int, the ids of the bytes.
        merges: list of (left, right, merged) ids.
        special_ids: dict of str -> int. Words that are ids already.
        longest_piece: int. In bytes.
    """

    def __init__(self, byte_ids, merges, special_ids, longest_piece):
        self._byte_ids = np.array(byte_ids, np.int32)
        self._special_ids = special_ids
        table = np.array(merges, np.int64).reshape(-1, 3)
        self._base = 1 + max([*self._byte_ids, *table.reshape(-1)])
        keys = table[:, 0] * self._base + table[:, 1]
        # Of a pair that is listed twice the later counts, as in Hugging Face's.
        keys, places = np.unique(keys[::-1], return_index=True)
        ranks = len(table) - 1 - places
        # One more, which no pair has, so that there always is a next key.
        self._keys = np.append(keys, np.iinfo(np.int64).max)
        self._ranks = np.append(ranks, _NO_RANK).astype(np.int32)
        self._merged = np.append(table[ranks, 2], -1).astype(np.int32)
        self._in_order = _made_before_used(table)
        self._block = max(longest_piece, 1) if self._in_order else 1 << 30

    def __call__(self, words):
        """string `(w,)` -> int32 ragged `(w, None)`."""
        lengths = tf.strings.length(words)
        splits = tf.concat([[0], tf.cumsum(lengths)], axis=0)
        rows = row_ids(splits)
        joined = tf.strings.reduce_join(words)
        codes = tf.cast(tf.io.decode_raw(joined, tf.uint8), tf.int32)
        # The id of what starts at each byte; -1 where nothing does.
        slots = tf.gather(self._byte_ids, codes)
        slots, is_special = self._with_special(words, slots, splits, rows)
        active = tf.cast(tf.where(~is_special)[:, 0], tf.int32)
        within = tf.range(tf.size(slots)) - tf.gather(splits, rows)
        # An empty block parts the blocks of one word from those of the next.
        first_block = tf.cumsum(lengths // self._block + 2, exclusive=True)
        blocks = 1 + tf.gather(first_block, rows) + within // self._block
        num_blocks = 2 + tf.reduce_sum(lengths // self._block + 2)

        def merge(slots, active):
            return self._merge(slots, active, rows, blocks, num_blocks)

        slots, _ = tf.while_loop(
            lambda _, active: tf.size(active) > 0,
            merge,
            [slots, active],
            shape_invariants=[slots.shape, tf.TensorShape([None])],
        )
        is_piece = slots >= 0
        before = tf.concat([[0], tf.cumsum(tf.cast(is_piece, tf.int32))], axis=0)
        return tf.RaggedTensor.from_row_splits(
            tf.boolean_mask(slots, is_piece), tf.gather(before, splits), validate=False
        )

    def _with_special(self, words, slots, splits, rows):
        """Puts the ids of special tokens where they are spelled in bytes."""
        word_ids = tf.fill(tf.shape(words), -1)
        for token, id in self._special_ids.items():
            word_ids = tf.where(words == token, id, word_ids)
        ids = tf.gather(word_ids, rows)
        is_first = tf.range(tf.size(slots)) == tf.gather(splits, rows)
        return tf.where(ids < 0, slots, tf.where(is_first, ids, -1)), ids >= 0

    def _merge(self, slots, active, rows, blocks, num_blocks):
        """One round: `active` are the bytes at which pieces start that may change."""
        ids, rows = tf.gather(slots, active), tf.gather(rows, active)
        ranks, merged = self._ranks_of_pairs(ids, rows)
        blocks = tf.gather(blocks, active)
        lowest = tf.math.unsorted_segment_min(ranks, blocks, num_blocks)
        around = tf.minimum(
            tf.minimum(lowest, tf.roll(lowest, 1, 0)), tf.roll(lowest, -1, 0)
        )
        chosen = (ranks == tf.gather(around, blocks)) & (ranks < _NO_RANK)
        chosen = _without_overlap(chosen, ranks)
        if not self._in_order:
            places = tf.where(chosen, tf.range(tf.size(ranks)), _NO_RANK)
            first = tf.math.unsorted_segment_min(places, blocks, num_blocks)
            chosen &= places == tf.gather(first, blocks)
        absorbed = tf.concat([[False], chosen[:-1]], axis=0)
        ids = tf.where(absorbed, -1, tf.where(chosen, merged, ids))
        slots = tf.tensor_scatter_nd_update(slots, active[:, tf.newaxis], ids)

        word_lowest = tf.math.unsorted_segment_min(ranks, rows, 1 + rows[-1])
        unfinished = tf.gather(word_lowest, rows) < _NO_RANK
        return slots, tf.boolean_mask(active, unfinished & ~absorbed)

    def _ranks_of_pairs(self, ids, rows):
        """Of each piece with the next one of its word: rank and merged id."""
        next_ids = tf.concat([ids[1:], [0]], axis=0)
        is_pair = tf.concat([rows[1:] == rows[:-1], [False]], axis=0)
        keys = tf.cast(ids, tf.int64) * self._base + tf.cast(next_ids, tf.int64)
        places = tf.searchsorted(self._keys, keys)
        is_pair &= tf.gather(self._keys, places) == keys
        return (
            tf.where(is_pair, tf.gather(self._ranks, places), _NO_RANK),
            tf.gather(self._merged, places),
        )


def _without_overlap(chosen, ranks):
    """Of neighbouring equal pairs, as in "aaaa", takes the first, the third, ...

    Where not all of them are chosen none is: which are to be taken is not known yet.
    """
    is_first = tf.concat([[True], ranks[1:] != ranks[:-1]], axis=0)
    run = tf.cumsum(tf.cast(is_first, tf.int32)) - 1
    run_starts = tf.cast(tf.where(is_first)[:, 0], tf.int32)
    is_even = (tf.range(tf.size(ranks)) - tf.gather(run_starts, run)) % 2 == 0
    all_chosen = tf.math.segment_min(tf.cast(chosen, tf.int32), run) > 0
    return chosen & is_even & tf.gather(all_chosen, run)


def _made_before_used(table):
    """Whether no merge makes a piece that an earlier merge takes.

    Args:
        table: int `(merges, 3)`.
    """
    made = {}
    for rank, (_, _, merged) in enumerate(table.tolist()):
        made[merged] = rank
    return all(
        max(made.get(left, -1), made.get(right, -1)) < rank
        for rank, (left, right, _) in enumerate(table.tolist())
    )
