"""The product at the heart of attention, over heads that are already split."""

import keras
from keras import ops

# Added to the score of what may not be seen: its probability is then exactly 0. It
# is half of the least float16, so that with a bias added it does not become -inf,
# of which a softmax makes NaN where nothing else is in the row.
_HIDDEN = -3e4


def attend_fused(query, key, value, mask=None, bias=None):
    """Attention by the backend's own kernel, which never gives its scores.

    Args:
        query: float `(batch, queries, num_heads, head_dim)`.
        key, value: float `(batch, num_key_value_heads, keys, head_dim)`.
        mask: optional bool, broadcastable to `(batch, 1, queries, keys)`.
        bias: optional float32, broadcastable to `(batch, num_heads, queries, keys)`.

    Returns:
        float `(batch, queries, num_heads, head_dim)`; zeros where a query has
        nothing to see.
    """
    if query.shape[2] != key.shape[1] and keras.config.backend() == "tensorflow":
        # There the kernel repeats shared heads, and fails where all share one.
        return attend_with_scores(query, key, value, mask, bias)[0]
    visible = None if mask is None else ops.any(mask, axis=-1, keepdims=True)
    # TensorFlow goes over the scores once for a bias, and several times for a mask.
    if bias is not None or keras.config.backend() == "tensorflow":
        bias, mask = _additive(mask, bias), None
    attended = ops.dot_product_attention(
        query,
        ops.swapaxes(key, 1, 2),
        ops.swapaxes(value, 1, 2),
        bias=None if bias is None else ops.cast(bias, query.dtype),
        mask=mask,
    )
    if visible is None:
        return attended
    return ops.where(ops.swapaxes(visible, 1, 2), attended, 0)


def attend_with_scores(query, key, value, mask=None, bias=None, dropout=None):
    """Attention by two matrix products, with the softmax in float32 between them.

    Arguments as in `attend_fused`; `dropout` is a function of the probabilities.
    Groups of query heads read their key/value head in place: it is never repeated.

    Returns:
        float `(batch, queries, num_heads, head_dim)` and the probabilities
        `(batch, num_heads, queries, keys)`; both zeros where a query has nothing
        to see.
    """
    batch, queries, num_heads, head_dim = ops.shape(query)
    groups, keys = ops.shape(key)[1:3]
    query = ops.swapaxes(query * head_dim**-0.5, 1, 2)
    # Not -1, which no shape can stand for in an empty batch.
    rows = num_heads // groups * queries
    query = ops.reshape(query, (batch, groups, rows, head_dim))
    scores = ops.matmul(query, ops.swapaxes(key, 2, 3))
    scores = ops.reshape(scores, (batch, num_heads, queries, keys))
    scores = ops.cast(scores, "float32")
    if mask is not None or bias is not None:
        scores = scores + _additive(mask, bias)
    probabilities = ops.cast(ops.softmax(scores, axis=-1), value.dtype)
    weights = probabilities if dropout is None else dropout(probabilities)
    weights = ops.reshape(weights, (batch, groups, rows, keys))
    attended = ops.matmul(weights, value)
    attended = ops.reshape(attended, (batch, num_heads, queries, head_dim))
    if mask is not None:
        # A product for each result: a graph leaves out that of the scores unless asked.
        visible = ops.cast(ops.any(mask, axis=-1, keepdims=True), value.dtype)
        probabilities, attended = probabilities * visible, attended * visible
    return ops.swapaxes(attended, 1, 2), probabilities


def _additive(mask, bias):
    if mask is None:
        return bias
    hidden = ops.where(mask, 0.0, _HIDDEN)
    return hidden if bias is None else bias + hidden
