import numpy as np
import pytest
from keras import ops

from zoo.layers import (
    causal_attention_mask,
    combine_attention_masks,
    padding_attention_mask,
    segment_attention_mask,
    sliding_window_attention_mask,
)


def written(*rows):
    """Masks by hand: one string a query, `x` where it may see."""
    return np.array([[[c == "x" for c in row] for row in rows]])


def test_padding():
    mask = padding_attention_mask(np.array([[1, 1, 0], [1, 0, 0]]))
    np.testing.assert_array_equal(
        mask, np.concatenate([written("xx."), written("x..")])
    )


def test_causal():
    np.testing.assert_array_equal(
        causal_attention_mask(3), written("x..", "xx.", "xxx")
    )


def test_segments_see_themselves_and_padding_sees_nothing():
    query, key = np.array([[1, 2, 2, 0]]), np.array([[1, 1, 2, 0, 0]])
    np.testing.assert_array_equal(
        segment_attention_mask(query, key),
        written("xx...", "..x..", "..x..", "....."),
    )


def test_sliding_window():
    np.testing.assert_array_equal(
        sliding_window_attention_mask(4, window=2),
        written("xx..", "xxx.", ".xxx", "..xx"),
    )


def test_window_must_hold_the_place_itself():
    with pytest.raises(ValueError, match="window=0.*pass a window of 1 or more"):
        sliding_window_attention_mask(4, window=0)


def test_masks_combine_by_and_where_none_hides_nothing():
    mask = combine_attention_masks(
        causal_attention_mask(3), None, padding_attention_mask([[False, True, True]])
    )
    np.testing.assert_array_equal(mask, written("...", ".x.", ".xx"))
    assert combine_attention_masks(None, None) is None


@pytest.mark.parametrize("length", [1, 5])
def test_a_window_as_wide_as_the_row_hides_nothing(length):
    assert bool(ops.all(sliding_window_attention_mask(length, window=length)))
