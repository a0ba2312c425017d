"""The choice of the tokens to hide, on arrays that can be read."""

import numpy as np
import pytest

from zoo.data.masking import choose_masks, hide, num_mask_positions

YES = np.ones((2, 6), bool)


def chosen(can_be_masked, begins_word, rate, most, seed):
    generator = np.random.default_rng(seed)
    positions, is_used = choose_masks(can_be_masked, begins_word, rate, most, generator)
    return [positions[row][is_used[row]].tolist() for row in range(len(positions))]


def test_nothing_can_be_masked():
    assert chosen(~YES, YES, 0.5, 3, seed=0) == [[], []]


def test_a_row_without_tokens_among_others():
    can_be_masked = np.array([[False] * 3, [True] * 3])
    first, second = chosen(can_be_masked, can_be_masked, 0.5, 3, seed=0)
    assert first == [] and len(second) in (1, 2)


def test_words_end_at_gaps_and_at_the_ends_of_rows():
    # Nothing begins a word, yet a gap and a new row do: four words.
    can_be_masked = np.array([[1, 1, 0, 0], [0, 0, 1, 0], [0, 1, 0, 1]], bool)
    continues = np.zeros((3, 4), bool)
    found = [chosen(can_be_masked, continues, 0.5, 2, seed) for seed in range(200)]
    assert {tuple(first) for first, _, _ in found} == {(0, 1)}
    assert {tuple(second) for _, second, _ in found} == {(2,)}
    assert {tuple(third) for _, _, third in found} == {(1,), (3,)}


def test_the_expected_share_is_exact_with_words_of_any_length():
    begins = np.array([[1, 0, 0, 1, 1, 0, 1, 0, 0, 0, 1, 1]], bool)
    number = 20_000
    rows = np.repeat(begins, number, axis=0)
    found = chosen(np.ones_like(rows), rows, 0.4, 12, seed=0)
    counts = np.array([len(row) for row in found])
    assert abs(counts.mean() - 0.4 * 12) < 5 * counts.std() / np.sqrt(number)


@pytest.mark.parametrize("seed", range(20))
def test_what_does_not_fit_is_left_out_whole(seed):
    begins = np.array([[1, 0, 0, 0, 1, 0]], bool)
    (found,) = chosen(YES[:1], begins, 0.9, 3, seed)
    assert found in ([], [4, 5])


def test_room_for_masks():
    assert num_mask_positions(128, 0.15, whole_words=False) == 20
    assert num_mask_positions(128, 0.15, whole_words=True) > 20
    assert num_mask_positions(4, 0.9, whole_words=True) == 4


def test_hidden_tokens_are_masked_or_drawn_or_stay():
    token_ids = np.full(10_000, 7)
    hidden = hide(token_ids, 4, np.array([8, 9]), np.random.default_rng(0))
    counts = {int(i): int((hidden == i).sum()) for i in np.unique(hidden)}
    assert set(counts) == {4, 7, 8, 9}
    for token_id, share in ((4, 0.8), (7, 0.1), (8, 0.05), (9, 0.05)):
        spread = 5 * np.sqrt(10_000 * share * (1 - share))
        assert abs(counts[token_id] - 10_000 * share) < spread
