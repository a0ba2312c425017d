"""Images to sequences of vectors."""

import keras
from keras import ops

from zoo.layers.layer_norm import LayerNorm


@keras.saving.register_keras_serializable(package="zoo")
class PatchEmbedding(keras.layers.Layer):
    """Cuts an image into square patches and gives a vector for each, row by row.

    `"linear"` projects the pixels of a patch, eq. 1 of
    [Dosovitskiy et al., 2020](https://arxiv.org/abs/2010.11929). `"convolutional"`
    halves the image with 3x3 convolutions until a patch is a pixel, as in
    [Xiao et al., 2021](https://arxiv.org/abs/2106.14881), section 3, with layer norms
    for batch norms: it is easier to train, and neighbours in a batch stay
    out of it.

    Args:
        patch_size: int. Side of a patch in pixels; with a convolutional stem a power
            of 2.
        hidden_dim: int. Size of a vector.
        stem: `"linear"` or `"convolutional"`.

    Call arguments:
        images: float tensor `(batch, height, width, channels)`; both sides are
            multiples of `patch_size`.

    Returns:
        float tensor `(batch, patches, hidden_dim)`, of height / patch_size rows of
        width / patch_size patches.
    """

    def __init__(self, patch_size, hidden_dim, stem="linear", **kwargs):
        super().__init__(**kwargs)
        if stem not in ("linear", "convolutional"):
            raise ValueError(
                f"PatchEmbedding got stem={stem!r}. Choose 'linear' or 'convolutional'."
            )
        if patch_size < 1 or (stem == "convolutional" and patch_size.bit_count() != 1):
            raise ValueError(
                f"PatchEmbedding got patch_size={patch_size}. Pass 1 or more, and with "
                "stem='convolutional', which halves the image, a power of 2 such as 16."
            )
        self.patch_size = patch_size
        self.hidden_dim = hidden_dim
        self.stem = stem
        self.halvings, self.norms = [], []
        if stem == "linear":
            self.project = self._convolution("project", hidden_dim, patch_size)
            return
        # Narrow where the image is still large: 16 takes D/8, D/4, D/2, D.
        count = patch_size.bit_length() - 1
        for i in range(count):
            width = max(8, hidden_dim >> (count - 1 - i))
            self.halvings.append(
                self._convolution(f"halve_{i}", width, stride=2, size=3)
            )
            self.norms.append(LayerNorm(dtype=self.dtype_policy, name=f"norm_{i}"))
        self.project = self._convolution("project", hidden_dim, stride=1)

    def _convolution(self, name, filters, stride, size=None):
        return keras.layers.Conv2D(
            filters,
            size or stride,
            strides=stride,
            padding="same" if size else "valid",
            data_format="channels_last",
            dtype=self.dtype_policy,
            name=name,
        )

    def build(self, images_shape):
        channels = images_shape[-1]
        for halve, norm in zip(self.halvings, self.norms, strict=True):
            halve.build((None, None, None, channels))
            channels = halve.filters
            norm.build((None, None, None, channels))
        self.project.build((None, None, None, channels))

    def call(self, images):
        for side in images.shape[1:3]:
            if side is not None and side % self.patch_size:
                raise ValueError(
                    f"PatchEmbedding(patch_size={self.patch_size}) got images of "
                    f"{images.shape[1]} x {images.shape[2]} pixels. Pass such whose "
                    "sides are multiples of the patch."
                )
        x = images
        for halve, norm in zip(self.halvings, self.norms, strict=True):
            x = ops.relu(norm(halve(x)))
        x = self.project(x)
        rows, height, width, _ = ops.shape(x)
        return ops.reshape(x, (rows, height * width, self.hidden_dim))

    def compute_output_shape(self, images_shape):
        rows, height, width, _ = images_shape
        patches = None
        if height is not None and width is not None:
            patches = (height // self.patch_size) * (width // self.patch_size)
        return (rows, patches, self.hidden_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "patch_size": self.patch_size,
            "hidden_dim": self.hidden_dim,
            "stem": self.stem,
        }
