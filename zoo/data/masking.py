"""Which tokens of a batch are hidden, and by what, in masked language modelling."""

import math

import numpy as np

# Devlin et al., 2018, section 3.1: of the chosen tokens 80 % become the mask token,
# 10 % a random one, and 10 % stay.
_MASKED_SHARE, _RANDOM_SHARE = 0.8, 0.1
# Places beyond the share for the last word of a row, where words are hidden whole.
_ROOM_FOR_A_WORD = 8


def num_mask_positions(row_length, mask_rate, whole_words):
    """The most tokens of a row that are chosen."""
    room = _ROOM_FOR_A_WORD if whole_words else 0
    return min(row_length, math.ceil(mask_rate * row_length) + room)


def choose_masks(can_be_masked, begins_word, mask_rate, most, generator):
    """Draws the tokens that a model is to predict, word by word.

    In every row words are taken in random order until `mask_rate` of its tokens are
    reached; the last one is taken with a probability that makes the expected share
    exact. A row with any token has at least one word chosen, if it fits.

    >>> can_be_masked = np.array([[False, True, True, True, False]])
    >>> choose_masks(can_be_masked, can_be_masked, 0.5, 3, np.random.default_rng(0))
    [[1, 3, 0]], [[True, True, False]]

    Args:
        can_be_masked: bool `(rows, length)`. False on special tokens and padding.
        begins_word: bool `(rows, length)`. False on a token that continues the word
            before it; all True chooses token by token.
        mask_rate: float.
        most: int. The most tokens of a row.
        generator: `numpy.random.Generator`.

    Returns:
        positions: int32 `(rows, most)`, ascending, 0 where there is none.
        is_used: bool `(rows, most)`.
    """
    shape = (len(can_be_masked), most)
    positions, is_used = np.zeros(shape, np.int32), np.zeros(shape, bool)
    rows, columns = np.nonzero(can_be_masked)
    if len(rows) == 0:
        return positions, is_used
    after_a_gap = np.diff(columns, prepend=-2) != 1
    other_row = np.diff(rows, prepend=-1) != 0
    starts = begins_word[rows, columns] | after_a_gap | other_row
    word_of_token = np.cumsum(starts) - 1
    is_chosen = _choose_words(
        rows[starts], np.bincount(word_of_token), mask_rate, most, generator
    )[word_of_token]
    rows, columns = rows[is_chosen], columns[is_chosen]
    counts = np.bincount(rows, minlength=len(can_be_masked))
    slots = np.arange(len(rows)) - (np.cumsum(counts) - counts)[rows]
    positions[rows, slots] = columns
    is_used[rows, slots] = True
    return positions, is_used


def _choose_words(rows, lengths, mask_rate, most, generator):
    """bool `(words,)` from the row and the number of tokens of each."""
    order = np.lexsort([generator.random(len(rows)), rows])
    rows, lengths = rows[order], lengths[order]
    is_first = np.diff(rows, prepend=-1) != 0
    before = np.cumsum(lengths) - lengths
    before -= np.repeat(before[is_first], np.diff(np.flatnonzero([*is_first, True])))
    wanted = mask_rate * np.bincount(rows, lengths)[rows] - before
    is_taken = generator.random(len(rows)) < wanted / lengths
    is_chosen = np.empty_like(is_taken)
    is_chosen[order] = (is_taken | is_first) & (before + lengths <= most)
    return is_chosen


def hide(token_ids, mask_token_id, ordinary_ids, generator):
    """What stands in place of the chosen tokens.

    Args:
        token_ids: int `(n,)`. The chosen tokens.
        mask_token_id: int.
        ordinary_ids: int `(m,)`. Tokens to draw from.
        generator: `numpy.random.Generator`.

    Returns:
        int32 `(n,)`.
    """
    draws = generator.random(len(token_ids))
    random_ids = generator.choice(ordinary_ids, len(token_ids))
    hidden = np.where(draws < _MASKED_SHARE + _RANDOM_SHARE, random_ids, token_ids)
    return np.where(draws < _MASKED_SHARE, mask_token_id, hidden).astype(np.int32)
