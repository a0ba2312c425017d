"""A spectrogram, seen as a picture, to a sequence of a quarter of its frames."""

import keras
from keras import ops

_SIZE = 3
_NUM_HALVINGS = 2  # of the frames


@keras.saving.register_keras_serializable(package="zoo")
class SpectrogramEmbedding(keras.layers.Layer):
    """Gives one vector for four frames, by convolutions over time and frequency.

    The front end of [Dong et al., 2018](https://ieeexplore.ieee.org/document/8462506),
    kernels of 3 x 3 with stride 2, here with more of them over the frequencies. What
    was learned of a sound holds for one that is a little higher, as another speaker
    says it; `FrameEmbedding` learns each frequency alone. What the mask leaves out
    counts as zeros before each convolution, so padding changes no vector.

    Args:
        hidden_dim: int. Size of a vector.
        filters: list of int, two at least. Channels of each convolution; all halve the
            frequencies, the first two halve the frames.

    Call arguments:
        frames: float tensor `(batch, frames, features)`.
        padding_mask: optional bool tensor `(batch, frames)`.

    Returns:
        float tensor `(batch, ceil(frames / 4), hidden_dim)` and its mask or None.
    """

    def __init__(self, hidden_dim, filters=(32, 64, 64), **kwargs):
        super().__init__(**kwargs)
        if len(filters) < _NUM_HALVINGS:
            raise ValueError(
                f"SpectrogramEmbedding got filters={filters}. Two convolutions halve "
                "the frames: pass the channels of two at least, such as (32, 64)."
            )
        self.hidden_dim = hidden_dim
        self.filters = tuple(filters)
        self.convolutions = [
            keras.layers.Conv2D(
                width,
                _SIZE,
                strides=(2 if i < _NUM_HALVINGS else 1, 2),
                padding="valid",
                data_format="channels_last",
                activation="relu",
                dtype=self.dtype_policy,
                name=f"convolve_{i}",
            )
            for i, width in enumerate(self.filters)
        ]
        self.project = keras.layers.Dense(
            hidden_dim, dtype=self.dtype_policy, name="project"
        )

    def build(self, frames_shape):
        features, channels = frames_shape[-1], 1
        for convolve in self.convolutions:
            convolve.build((None, None, features + _SIZE - 1, channels))
            features, channels = (features + 1) // 2, convolve.filters
        self.project.build((None, None, features * channels))

    def call(self, frames, padding_mask=None):
        x, mask = frames[..., None], padding_mask
        around = (_SIZE // 2, _SIZE // 2)
        for convolve in self.convolutions:
            if mask is not None:
                x = x * ops.cast(mask, x.dtype)[..., None, None]
                mask = mask[:, :: convolve.strides[0]]
            x = convolve(ops.pad(x, ((0, 0), around, around, (0, 0))))
        rows, places = ops.shape(x)[:2]
        x = ops.reshape(x, (rows, places, x.shape[2] * x.shape[3]))
        return self.project(x), mask

    def compute_output_shape(self, frames_shape, padding_mask_shape=None):
        rows, frames, _ = frames_shape
        return (rows, None if frames is None else -(-frames // 4), self.hidden_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "filters": self.filters,
        }
