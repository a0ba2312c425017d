"""Pixels to vectors of patches: the encoder of the vision Transformer."""

import numbers

import keras
from keras import ops

from zoo.layers import (
    Dropout,
    LearnedPositionEmbedding,
    PatchEmbedding,
    SinusoidsOfGrid,
    TransformerEncoder,
)
from zoo.layers.feed_forward import plain_activation


@keras.saving.register_keras_serializable(package="zoo")
class ImageEncoder(keras.Model):
    """Reads an image and gives a vector for each of its patches.

    [Dosovitskiy et al., 2020](https://arxiv.org/abs/2010.11929), without the token
    that classifies; before they are trained its positions are sinusoids. With `B`
    batch, `H` x `W` pixels, `N` patches, `D` hidden_dim:

        images (B, H, W, 3) -> patches + positions (B, N, D) -> encoder -> (B, N, D)

    Args:
        image_size: (int, int) or int. Height and width in pixels.
        patch_size, stem: as in `zoo.layers.PatchEmbedding`.
        num_layers, num_heads, hidden_dim, intermediate_dim: int.
        dropout: float. On the embeddings and on the output of every sublayer.
        norm_first: bool. Pre-norm, as in the paper.
        activation: as `zoo.layers.FeedForward` takes it.
        norm_epsilon: float.

    Call arguments:
        images: `(B, H, W, 3)`, RGB from 0 to 255, any type.

    Returns:
        float `(B, N, D)`.
    """

    def __init__(
        self,
        image_size,
        patch_size=16,
        num_layers=12,
        num_heads=12,
        hidden_dim=768,
        intermediate_dim=3072,
        dropout=0.1,
        *,
        stem="linear",
        norm_first=True,
        activation="gelu",
        norm_epsilon=1e-6,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if isinstance(image_size, numbers.Integral):
            image_size = (image_size, image_size)
        self.image_size = tuple(int(side) for side in image_size)
        if patch_size > 0 and any(side % patch_size for side in self.image_size):
            raise ValueError(
                f"ImageEncoder got image_size={self.image_size} and "
                f"patch_size={patch_size}. Pass sides that are multiples of the patch."
            )
        self.patch_size = patch_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.dropout = dropout
        self.stem = stem
        self.norm_first = norm_first
        self.activation = activation
        self.norm_epsilon = norm_epsilon
        self.patch_embedding = PatchEmbedding(
            *(patch_size, hidden_dim, stem),
            dtype=self.dtype_policy,
            name="patch_embedding",
        )
        rows, columns = (side // patch_size for side in self.image_size)
        self.position_embedding = LearnedPositionEmbedding(
            rows * columns,
            SinusoidsOfGrid(rows, columns),
            dtype=self.dtype_policy,
            name="position_embedding",
        )
        self.embedding_dropout = Dropout(
            dropout, dtype=self.dtype_policy, name="embedding_dropout"
        )
        self.encoder = TransformerEncoder(
            num_layers,
            num_heads,
            hidden_dim,
            intermediate_dim,
            dropout=dropout,
            norm_first=norm_first,
            activation=activation,
            norm_epsilon=norm_epsilon,
            dtype=self.dtype_policy,
            name="encoder",
        )

    # As a functional model has them, so that either can read the images of another.
    @property
    def input_shape(self):
        return (None, *self.image_size, 3)

    @property
    def output_shape(self):
        rows, columns = (side // self.patch_size for side in self.image_size)
        return (None, rows * columns, self.hidden_dim)

    def build(self, input_shape=None):
        self.patch_embedding.build((None, *self.image_size, 3))
        vectors = (None, None, self.hidden_dim)
        self.position_embedding.build(vectors)
        self.encoder.build(vectors)

    def call(self, images, training=None):
        # Handed on, for on JAX `fit` tells this call alone that the model trains.
        for found, expected in zip(images.shape[1:3], self.image_size, strict=True):
            if found not in (None, expected):
                raise ValueError(
                    f"ImageEncoder(image_size={self.image_size}) got images of "
                    f"{tuple(images.shape[1:3])} pixels. Resize them, or make it with "
                    "that size."
                )
        x = ops.cast(images, self.compute_dtype) / 127.5 - 1.0
        x = self.patch_embedding(x)
        x = x + self.position_embedding(x)
        x = self.embedding_dropout(x, training=training)
        return self.encoder(x, training=training)

    def get_config(self):
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "patch_size": self.patch_size,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "intermediate_dim": self.intermediate_dim,
            "dropout": self.dropout,
            "stem": self.stem,
            "norm_first": self.norm_first,
            "activation": plain_activation(self.activation),
            "norm_epsilon": self.norm_epsilon,
        }
