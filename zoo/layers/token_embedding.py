"""Token ids to vectors, and vectors back to scores over the vocabulary."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class TokenEmbedding(keras.layers.Layer):
    """Looks up a learned vector for each token; the same matrix can predict tokens.

    Tying input and output halves the weights of a small model
    ([Press and Wolf, 2017](https://arxiv.org/abs/1608.05859)); the scale by
    `sqrt(hidden_dim)` is section 3.4 of
    [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762).

    Args:
        vocabulary_size: int.
        hidden_dim: int.
        scale: bool. Multiply the vectors looked up by `sqrt(hidden_dim)`.

    Call arguments:
        token_ids: int tensor `(batch, length)`, below `vocabulary_size`.

    Returns:
        float tensor `(batch, length, hidden_dim)`.
    """

    def __init__(self, vocabulary_size, hidden_dim, scale=True, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.hidden_dim = hidden_dim
        self.scale = scale

    def build(self, token_ids_shape=None):
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.vocabulary_size, self.hidden_dim),
            initializer=keras.initializers.RandomNormal(stddev=self.hidden_dim**-0.5),
        )

    def call(self, token_ids):
        token_ids = ops.cast(token_ids, "int32")
        x = ops.cast(ops.take(self.embeddings, token_ids, axis=0), self.compute_dtype)
        return x * self.hidden_dim**0.5 if self.scale else x

    def logits(self, x):
        """(..., hidden_dim) -> (..., vocabulary_size): `x @ embeddings^T`."""
        # Two axes, so that the transpose becomes part of the matrix product.
        rows = ops.reshape(x, (-1, self.hidden_dim))
        rows = ops.cast(rows, self.compute_dtype)
        table = ops.cast(self.embeddings, self.compute_dtype)
        logits = ops.matmul(rows, ops.transpose(table))
        return ops.reshape(logits, (*ops.shape(x)[:-1], self.vocabulary_size))

    def compute_output_shape(self, token_ids_shape):
        return (*token_ids_shape, self.hidden_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "hidden_dim": self.hidden_dim,
            "scale": self.scale,
        }
