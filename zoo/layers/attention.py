"""Multi-head attention with grouped heads, positions, a static cache, and scores."""

import keras
from keras import ops

from zoo.layers.dot_product import attend_fused, attend_with_scores
from zoo.layers.dropout import Dropout
from zoo.layers.feed_forward import in_rows
from zoo.layers.positions import alibi_bias, rotate


@keras.saving.register_keras_serializable(package="zoo")
class MultiHeadAttention(keras.layers.Layer):
    """Lets each query place gather from the memory places it may see.

    Each head computes `softmax(query key^T / sqrt(head_dim)) value`, section 3.2 of
    [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762). With fewer key/value
    heads, groups of query heads share one
    ([Ainslie et al., 2023](https://arxiv.org/abs/2305.13245)). The heads of a query
    with nothing to see give zeros (the output is then the output layer's bias).

    Args:
        num_heads: int that divides `hidden_dim`.
        hidden_dim: int. Size of the last axis of the query and of the output.
        num_key_value_heads: int that divides `num_heads`. Defaults to `num_heads`.
        dropout: float in [0, 1), on the attention probabilities in training.
        use_bias: bool. Biases of query, value and output.
        use_key_bias: bool. Without rotary positions softmax cancels a key bias, so
            that it never trains; imported checkpoints have one.
        positions: None, `"rotary"` or `"alibi"`.

    Call arguments:
        query: float tensor `(batch, queries, hidden_dim)`.
        memory: float tensor `(batch, keys, memory_dim)`; `query` for self-attention.
        attention_mask: optional bool, broadcastable to `(batch, queries, keys)`,
            True = may be seen.
        query_positions, key_positions: optional int `(batch or 1, length)`, for
            rotary and ALiBi. They count from 0 where not given.
        return_scores: bool. Also give the probabilities.

    Returns:
        float tensor `(batch, queries, hidden_dim)`; with `return_scores` also the
        probabilities `(batch, num_heads, queries, keys)`, before dropout.
    """

    def __init__(
        self,
        num_heads,
        hidden_dim,
        num_key_value_heads=None,
        dropout=0.0,
        use_bias=True,
        use_key_bias=False,
        positions=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.num_key_value_heads = num_key_value_heads or num_heads
        self.use_bias = use_bias
        self.use_key_bias = use_key_bias
        self.positions = positions
        self._check_arguments()
        self.head_dim = hidden_dim // num_heads
        shared_dim = self.num_key_value_heads * self.head_dim

        def dense(units, use_bias, name):
            return keras.layers.Dense(
                units, use_bias=use_bias, dtype=self.dtype_policy, name=name
            )

        self.query_projection = dense(hidden_dim, use_bias, "query")
        self.key_projection = dense(shared_dim, use_key_bias, "key")
        self.value_projection = dense(shared_dim, use_bias, "value")
        self.output_projection = dense(hidden_dim, use_bias, "output")
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    def _check_arguments(self):
        if self.hidden_dim % self.num_heads:
            raise ValueError(
                f"MultiHeadAttention got hidden_dim={self.hidden_dim} and "
                f"num_heads={self.num_heads}. Heads share the features equally: "
                "choose a num_heads that divides hidden_dim."
            )
        if self.num_heads % self.num_key_value_heads:
            raise ValueError(
                f"MultiHeadAttention got num_heads={self.num_heads} and "
                f"num_key_value_heads={self.num_key_value_heads}. Equal groups of "
                "heads share a key/value head: choose a divisor of num_heads."
            )
        if self.positions not in (None, "rotary", "alibi"):
            raise ValueError(
                f"MultiHeadAttention got positions={self.positions!r}. Choose None, "
                '"rotary" or "alibi"; other encodings are added to the embeddings.'
            )

    def build(self, query_shape, memory_shape=None):
        if query_shape[-1] != self.hidden_dim:
            raise ValueError(
                f"MultiHeadAttention(hidden_dim={self.hidden_dim}) got a query whose "
                f"last axis is {query_shape[-1]} (shape {tuple(query_shape)}). Pass "
                f"hidden_dim={query_shape[-1]}, or project the query first."
            )
        memory_shape = memory_shape or query_shape
        self.query_projection.build(query_shape)
        self.key_projection.build(memory_shape)
        self.value_projection.build(memory_shape)
        self.output_projection.build(query_shape)

    def call(
        self,
        query,
        memory,
        attention_mask=None,
        query_positions=None,
        key_positions=None,
        return_scores=False,
        training=None,
    ):
        key, value = self.project(memory, positions=key_positions)
        return self.attend(
            query,
            key,
            value,
            attention_mask=attention_mask,
            query_positions=query_positions,
            key_positions=key_positions,
            return_scores=return_scores,
            training=training,
        )

    def project(self, memory, positions=None):
        """Makes the keys and values that `attend` reads, here or at a later step.

        Args:
            memory: float `(batch, keys, memory_dim)`.
            positions: optional int `(batch or 1, keys)`, for rotary.

        Returns:
            key and value, float `(batch, num_key_value_heads, keys, head_dim)`.
        """
        key = self._split_heads(in_rows(self.key_projection, memory))
        value = self._split_heads(in_rows(self.value_projection, memory))
        if self.positions == "rotary":
            key = rotate(key, positions)
        return ops.swapaxes(key, 1, 2), ops.swapaxes(value, 1, 2)

    def attend(
        self,
        query,
        key,
        value,
        attention_mask=None,
        query_positions=None,
        key_positions=None,
        return_scores=False,
        training=None,
    ):
        """The rest of `call`, for a key and value from `project` or a cache.

        A query of one place may have r times the rows of the keys: then rows
        `[i * r, (i + 1) * r)` (beams of one sentence, say) read key row `i`. The
        mask has the rows of the keys.
        """
        rows, queries = ops.shape(query)[:2]
        one_place = query.shape[1] == 1
        query = self._split_heads(in_rows(self.query_projection, query))
        if self.positions == "rotary":
            query = rotate(query, query_positions)
        if one_place:  # beams become query places, so that they share their keys
            shape = (ops.shape(key)[0], -1, self.num_heads, self.head_dim)
            query = ops.reshape(query, shape)
        attended, scores = self._attend_heads(
            query,
            key,
            value,
            mask=self._mask_of_heads(attention_mask),
            bias=self._distance_bias(query, key, query_positions, key_positions),
            return_scores=return_scores,
            one_place=one_place,
            training=training,
        )
        attended = ops.reshape(attended, (rows, queries, self.hidden_dim))
        x = in_rows(self.output_projection, attended)
        if not return_scores:
            return x
        if one_place:
            scores = ops.swapaxes(scores, 1, 2)
        return x, ops.reshape(scores, (rows, self.num_heads, queries, -1))

    def _attend_heads(
        self, query, key, value, mask, bias, return_scores, one_place, training
    ):
        drops = training and self.dropout.rate > 0
        # Keras has no fused kernel for TensorFlow, only an einsum whose gradient takes
        # 1.8 times as long as that of the products written out.
        trains_faster = training and keras.config.backend() == "tensorflow"
        # For one place the fused kernel would want the cache transposed.
        if not (return_scores or drops or trains_faster or one_place):
            return attend_fused(query, key, value, mask, bias), None

        def dropout(probabilities):
            return self.dropout(probabilities, training=True)

        return attend_with_scores(
            query, key, value, mask, bias, dropout=dropout if drops else None
        )

    def start_cache(self, batch_size, max_length):
        """Zeros for `update_cache` to fill: `{"key", "value"}`, each
        `(batch_size, num_key_value_heads, max_length, head_dim)`."""
        shape = (batch_size, self.num_key_value_heads, max_length, self.head_dim)
        return {name: ops.zeros(shape, self.compute_dtype) for name in ("key", "value")}

    def update_cache(self, cache, x, index):
        """Writes the key and value of one place into a cache of fixed length.

        Args:
            cache: from `start_cache`. It may have r times fewer rows than `x`: then
                rows `[i * r, (i + 1) * r)` (beams of one sentence, say) write the
                entries `[index * r, (index + 1) * r)` of cache row `i`.
            x: float `(rows, 1, hidden_dim)`.
            index: int scalar, or int `(rows,)` where rows stand at different places
                and each has its own cache row.

        Returns:
            the new cache.
        """
        index = ops.cast(index, "int32")
        positions = ops.reshape(index, (-1, 1))
        key, value = self.project(x, positions=positions)
        new = {"key": key, "value": value}
        if len(index.shape) == 0:
            return {n: _write(cache[n], new[n], index) for n in new}
        places = ops.arange(ops.shape(cache["key"])[2], dtype="int32")
        here = ops.equal(positions, places)[:, None, :, None]
        return {n: ops.where(here, new[n], cache[n]) for n in new}

    def _split_heads(self, x):
        """(batch, length, heads * head_dim) -> (batch, length, heads, head_dim)"""
        batch, length, dim = ops.shape(x)
        return ops.reshape(x, (batch, length, dim // self.head_dim, self.head_dim))

    def _mask_of_heads(self, attention_mask):
        """(batch, queries, keys) -> (batch, 1, queries, keys)"""
        if attention_mask is None:
            return None
        attention_mask = ops.cast(attention_mask, "bool")
        if len(attention_mask.shape) == 2:
            attention_mask = attention_mask[None]
        return attention_mask[:, None]

    def _distance_bias(self, query, key, query_positions, key_positions):
        if self.positions != "alibi":
            return None
        if query_positions is None:
            query_positions = ops.arange(ops.shape(query)[1], dtype="int32")[None]
        elif query_positions.shape[0] != 1:  # one a beam, perhaps
            query_positions = ops.reshape(query_positions, (ops.shape(key)[0], -1))
        if key_positions is None:
            key_positions = ops.arange(ops.shape(key)[2], dtype="int32")[None]
        return alibi_bias(self.num_heads, query_positions, key_positions)

    def compute_output_shape(self, query_shape, memory_shape=None):
        return tuple(query_shape)

    def compute_output_spec(self, query, memory, *args, return_scores=False, **kwargs):
        x = keras.KerasTensor(query.shape, dtype=self.compute_dtype)
        if not return_scores:
            return x
        shape = (query.shape[0], self.num_heads, query.shape[1], memory.shape[1])
        return x, keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "num_key_value_heads": self.num_key_value_heads,
            "dropout": self.dropout.rate,
            "use_bias": self.use_bias,
            "use_key_bias": self.use_key_bias,
            "positions": self.positions,
        }


def _write(cache, new, index):
    """(rows, heads, 1, head_dim) into (rows / r, heads, keys, head_dim)"""
    rows, heads, _, head_dim = ops.shape(cache)
    new = ops.reshape(new, (rows, -1, heads, head_dim))
    start = (0, 0, index * ops.shape(new)[1], 0)
    return ops.slice_update(cache, start, ops.swapaxes(new, 1, 2))
