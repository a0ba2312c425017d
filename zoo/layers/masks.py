"""Attention masks: bool tensors, True = may be seen, passed by keyword.

Every function gives `(batch or 1, query, key)` or `(batch or 1, 1, key)`, so that
masks combine by broadcasting and `MultiHeadAttention` takes any of them.
"""

from keras import ops


def padding_attention_mask(padding_mask):
    """(batch, keys) bool, True on real places -> (batch, 1, keys): hides padding.

    >>> padding_attention_mask([[True, True, False]])
    [[[True, True, False]]]
    """
    return ops.expand_dims(ops.cast(padding_mask, "bool"), axis=1)


def causal_attention_mask(length):
    """(1, length, length) bool: position i sees positions j <= i.

    >>> causal_attention_mask(3)
    [[[True, False, False], [True, True, False], [True, True, True]]]
    """
    position = ops.arange(length, dtype="int32")
    return ops.expand_dims(position[:, None] >= position[None, :], axis=0)


def segment_attention_mask(query_segment_ids, key_segment_ids):
    """(batch, queries), (batch, keys) int -> (batch, queries, keys) bool.

    For packed rows: a place sees the places of its own segment. Segments count from
    1; 0 is padding, which sees nothing and is seen by nothing.

    >>> segment_attention_mask([[1, 2, 0]], [[1, 2, 0]])
    [[[True, False, False], [False, True, False], [False, False, False]]]
    """
    query = ops.expand_dims(ops.convert_to_tensor(query_segment_ids), axis=2)
    key = ops.expand_dims(ops.convert_to_tensor(key_segment_ids), axis=1)
    return ops.logical_and(ops.equal(query, key), ops.not_equal(query, 0))


def sliding_window_attention_mask(length, window):
    """(1, length, length) bool: position i sees j where |i - j| < window.

    >>> sliding_window_attention_mask(4, window=2)[0]
    [[True, True, False, False],
     [True, True, True, False],
     [False, True, True, True],
     [False, False, True, True]]
    """
    if window < 1:
        raise ValueError(
            f"sliding_window_attention_mask got window={window}. A place must at "
            "least see itself: pass a window of 1 or more."
        )
    position = ops.arange(length, dtype="int32")
    distance = ops.abs(position[:, None] - position[None, :])
    return ops.expand_dims(distance < window, axis=0)


def combine_attention_masks(*masks):
    """Logical and of masks that broadcast together; None hides nothing.

    >>> combine_attention_masks(causal_attention_mask(2), None, [[[True, False]]])
    [[[True, False], [True, False]]]

    Returns:
        bool tensor, or None where every mask is None.
    """
    combined = None
    for mask in masks:
        if mask is None:
            continue
        mask = ops.cast(mask, "bool")
        combined = mask if combined is None else ops.logical_and(combined, mask)
    return combined
