"""Frames of sound to a sequence of a quarter of their number."""

import keras
from keras import ops

# Two convolutions over time, each over 5 frames and every second one.
_SIZE = 5


@keras.saving.register_keras_serializable(package="zoo")
class FrameEmbedding(keras.layers.Layer):
    """Gives one vector for four frames, by two convolutions with gates.

    The subsampling of [Wang et al., 2020](https://arxiv.org/abs/2010.05171), fairseq's
    `Conv1dSubsampler`: kernels of 5 frames, stride 2, gated linear units. What the mask
    leaves out counts as zeros before each of them, so padding changes no vector.

    Args:
        hidden_dim: int. Size of a vector.
        filters: int, even. Channels of the first convolution, before its gate.

    Call arguments:
        frames: float tensor `(batch, frames, features)`.
        padding_mask: optional bool tensor `(batch, frames)`.

    Returns:
        float tensor `(batch, ceil(frames / 4), hidden_dim)` and its mask or None.
    """

    def __init__(self, hidden_dim, filters=1024, **kwargs):
        super().__init__(**kwargs)
        if filters % 2 or filters < 2:
            raise ValueError(
                f"FrameEmbedding got filters={filters}. Half are gates: pass "
                "an even number such as 1024."
            )
        self.hidden_dim = hidden_dim
        self.filters = filters
        self.halvings = [
            keras.layers.Conv1D(
                width,
                _SIZE,
                strides=2,
                padding="valid",
                data_format="channels_last",
                dtype=self.dtype_policy,
                name=f"halve_{i}",
            )
            for i, width in enumerate((filters, 2 * hidden_dim))
        ]

    def build(self, frames_shape):
        features = frames_shape[-1]
        for halve in self.halvings:
            halve.build((None, None, features))
            features = halve.filters // 2

    def call(self, frames, padding_mask=None):
        x, mask = frames, padding_mask
        for halve in self.halvings:
            if mask is not None:
                x = x * ops.cast(mask, x.dtype)[..., None]
                mask = mask[:, ::2]
            # The same zeros on both sides: "same" would shift by the length's parity.
            x = halve(ops.pad(x, ((0, 0), (_SIZE // 2, _SIZE // 2), (0, 0))))
            values, gates = ops.split(x, 2, axis=-1)
            x = values * ops.sigmoid(gates)
        return x, mask

    def compute_output_shape(self, frames_shape, padding_mask_shape=None):
        rows, frames, _ = frames_shape
        return (rows, None if frames is None else -(-frames // 4), self.hidden_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "filters": self.filters,
        }
