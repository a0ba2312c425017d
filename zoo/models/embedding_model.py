"""A text to one vector."""

import keras
from keras import ops

from zoo.models.encoder_model import EncoderModel

_SMALLEST = 1e-24  # of a squared length to divide by


@keras.saving.register_keras_serializable(package="zoo")
class EmbeddingModel(EncoderModel):
    """Reads a text and gives a vector that is near those of texts that mean alike.

    The pooling of [Reimers and Gurevych, 2019](https://arxiv.org/abs/1908.10084),
    section 3. With `B` batch, `L` length, `D` hidden_dim:

        token_ids (B, L) -> encoder -> (B, L, D) -> mean or first -> embedding (B, D)

    Args:
        encoder: `TextEncoder`; a pooler is not needed.
        pooling: `"mean"` over the real tokens, or `"cls"`, the first token's vector.
        normalize: bool. Vectors of length 1.

    Call arguments:
        inputs: as `TextEncoder` takes them, one text a row.

    Returns:
        float32 `(B, D)`; zeros for a row of padding alone.
    """

    def __init__(self, encoder, pooling="mean", normalize=True, **kwargs):
        if pooling not in ("mean", "cls"):
            raise ValueError(f"pooling={pooling!r}. Choose 'mean' or 'cls'.")
        super().__init__(encoder, **kwargs)
        self.pooling = pooling
        self.normalize = normalize

    def call(self, inputs, training=None):
        # Handed on, for on JAX `fit` tells this call alone that the model trains.
        vectors = self.encoder(inputs, training=training)["sequence_output"]
        vectors = ops.cast(vectors, "float32")
        real = inputs.get("padding_mask")
        if real is None:
            real = ops.not_equal(inputs["token_ids"], self.encoder.pad_token_id)
        real = ops.expand_dims(ops.cast(real, "float32"), axis=-1)
        if self.pooling == "cls":
            pooled = vectors[:, 0] * real[:, 0]
        else:
            count = ops.maximum(ops.sum(real, axis=1), 1.0)
            pooled = ops.sum(vectors * real, axis=1) / count
        if not self.normalize:
            return pooled
        squared = ops.sum(ops.square(pooled), axis=-1, keepdims=True)
        # A row of zeros has a slope of 0, where a square root would have none.
        return pooled * ops.rsqrt(ops.maximum(squared, _SMALLEST))

    def get_config(self):
        return {
            **super().get_config(),
            "pooling": self.pooling,
            "normalize": self.normalize,
        }
