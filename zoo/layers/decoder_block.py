"""Causal self-attention, cross-attention to a memory, then feed-forward."""

import keras
from keras import ops

from zoo.layers.block import TransformerBlock
from zoo.layers.masks import (
    causal_attention_mask,
    combine_attention_masks,
    padding_attention_mask,
)


@keras.saving.register_keras_serializable(package="zoo")
class TransformerDecoderBlock(TransformerBlock):
    """One layer of a decoder: a place looks back, then at the memory.

    Figure 1, right, of [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762).
    Args as in `TransformerBlock`. `call` reads all places at once, in training;
    `step` reads one more place and remembers those before it in a cache.

    Call arguments:
        x: float tensor `(batch, length, hidden_dim)`.
        memory: float tensor `(batch, keys, hidden_dim)`.
        padding_mask: optional bool `(batch, length)`, True on real places.
        memory_mask: optional bool `(batch, keys)`, True on real places.
        self_attention_mask: optional bool, broadcastable to
            `(batch, length, length)`; places after one's own are always hidden.
        cross_attention_mask: optional bool, broadcastable to
            `(batch, length, keys)`.
        positions: optional int `(batch or 1, length)`, for rotary and ALiBi.
        return_scores: bool.

    Returns:
        float tensor `(batch, length, hidden_dim)`; with `return_scores` also the
        cross-attention probabilities `(batch, num_heads, length, keys)`.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.cross_attention = self._attention("cross_attention", positions=None)
        self.cross_attention_norm = self.make_norm("cross_attention_norm")

    def build(self, x_shape, memory_shape=None):
        super().build(x_shape)
        self.cross_attention.build(x_shape, memory_shape)
        self.cross_attention_norm.build(x_shape)

    def call(
        self,
        x,
        memory,
        padding_mask=None,
        memory_mask=None,
        self_attention_mask=None,
        cross_attention_mask=None,
        positions=None,
        return_scores=False,
    ):
        y = self._enter(x, self.self_attention_norm)
        y = self.self_attention(
            y,
            y,
            attention_mask=combine_attention_masks(
                causal_attention_mask(ops.shape(x)[1]),
                self_attention_mask,
                None if padding_mask is None else padding_attention_mask(padding_mask),
            ),
            query_positions=positions,
            key_positions=positions,
        )
        x = self._leave(x, y, self.self_attention_norm)
        y = self._enter(x, self.cross_attention_norm)
        y = self.cross_attention(
            y,
            memory,
            attention_mask=combine_attention_masks(
                cross_attention_mask,
                None if memory_mask is None else padding_attention_mask(memory_mask),
            ),
            return_scores=return_scores,
        )
        return self._finish(x, y, return_scores)

    def _finish(self, x, y, return_scores):
        y, scores = y if return_scores else (y, None)
        x = self._leave(x, y, self.cross_attention_norm)
        x = self._feed(x)
        return (x, scores) if return_scores else x

    def project_memory(self, memory):
        """(batch, keys, hidden_dim) -> the key and value that every `step` reads."""
        return self.cross_attention.project(memory)

    def start_cache(self, batch_size, max_length):
        """An empty cache for `max_length` steps; see `MultiHeadAttention`."""
        return self.self_attention.start_cache(batch_size, max_length)

    def step(
        self,
        x,
        index,
        cache,
        cross,
        memory_mask=None,
        self_attention_mask=None,
        return_scores=False,
    ):
        """Reads one place: the same as row `index` of `call`, by way of the cache.

        Args:
            x: float `(rows, 1, hidden_dim)`.
            index: int scalar, or int `(rows,)` where rows stand at different places.
            cache: from `start_cache` or the step before. It may have r times fewer
                rows than `x`, with room for `r * max_length` entries; see
                `MultiHeadAttention.update_cache`.
            cross: from `project_memory`; may have fewer rows than `x`, each then
                read by equally many rows that are next to each other.
            memory_mask: optional bool `(rows of cross, keys)`.
            self_attention_mask: bool `(rows of cache, r, r * max_length)`, needed
                where rows share a cache: the entries that each may see.
            return_scores: bool.

        Returns:
            x `(rows, 1, hidden_dim)` and the new cache; with `return_scores` also
            the cross-attention probabilities `(rows, num_heads, 1, keys)`.
        """
        x = ops.convert_to_tensor(x, dtype=self.compute_dtype)
        position = ops.reshape(ops.cast(index, "int32"), (-1, 1))
        entries = ops.arange(ops.shape(cache["key"])[2], dtype="int32")
        if self_attention_mask is None:
            self_attention_mask = (entries <= position)[:, None]
        sharing = ops.shape(x)[0] // ops.shape(cache["key"])[0]
        y = self._enter(x, self.self_attention_norm)
        cache = self.self_attention.update_cache(cache, y, index)
        y = self.self_attention.attend(
            y,
            cache["key"],
            cache["value"],
            attention_mask=self_attention_mask,
            query_positions=position,
            key_positions=(entries // sharing)[None],
        )
        x = self._leave(x, y, self.self_attention_norm)
        y = self.cross_attention.attend(
            self._enter(x, self.cross_attention_norm),
            *cross,
            attention_mask=(
                None if memory_mask is None else padding_attention_mask(memory_mask)
            ),
            return_scores=return_scores,
        )
        result = self._finish(x, y, return_scores)
        return (result[0], cache, result[1]) if return_scores else (result, cache)

    def compute_output_shape(self, x_shape, memory_shape=None):
        return tuple(x_shape)

    def compute_output_spec(self, x, memory, *args, return_scores=False, **kwargs):
        scores_shape = (x.shape[0], self.num_heads, x.shape[1], memory.shape[1])
        y = keras.KerasTensor(x.shape, dtype=self.compute_dtype)
        scores = keras.KerasTensor(scores_shape, dtype=self.compute_dtype)
        return (y, scores) if return_scores else y
