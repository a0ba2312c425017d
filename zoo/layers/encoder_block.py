"""Self-attention, then feed-forward."""

import keras

from zoo.layers.block import TransformerBlock
from zoo.layers.masks import combine_attention_masks, padding_attention_mask


@keras.saving.register_keras_serializable(package="zoo")
class TransformerEncoderBlock(TransformerBlock):
    """One layer of an encoder: every place looks at every place it may see.

    Figure 1, left, of [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762).
    Args as in `TransformerBlock`.

    Call arguments:
        x: float tensor `(batch, length, hidden_dim)`.
        padding_mask: optional bool `(batch, length)`, True on real places.
        attention_mask: optional bool, broadcastable to `(batch, length, length)`.
        positions: optional int `(batch or 1, length)`, for rotary and ALiBi.
        return_scores: bool.

    Returns:
        float tensor `(batch, length, hidden_dim)`; with `return_scores` also the
        attention probabilities `(batch, num_heads, length, length)`.
    """

    def call(
        self,
        x,
        padding_mask=None,
        attention_mask=None,
        positions=None,
        return_scores=False,
    ):
        if padding_mask is not None:
            padding_mask = padding_attention_mask(padding_mask)
        y = self._enter(x, self.self_attention_norm)
        y = self.self_attention(
            y,
            y,
            attention_mask=combine_attention_masks(attention_mask, padding_mask),
            query_positions=positions,
            key_positions=positions,
            return_scores=return_scores,
        )
        y, scores = y if return_scores else (y, None)
        x = self._leave(x, y, self.self_attention_norm)
        x = self._feed(x)
        return (x, scores) if return_scores else x

    def compute_output_shape(self, x_shape):
        return tuple(x_shape)

    def compute_output_spec(self, x, *args, return_scores=False, **kwargs):
        scores_shape = (x.shape[0], self.num_heads, x.shape[1], x.shape[1])
        y = keras.KerasTensor(x.shape, dtype=self.compute_dtype)
        scores = keras.KerasTensor(scores_shape, dtype=self.compute_dtype)
        return (y, scores) if return_scores else y
