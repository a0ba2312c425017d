"""A text with tokens masked to scores of what stood there."""

import keras
from keras import ops

from zoo.layers import LayerNorm
from zoo.layers.feed_forward import activation_function
from zoo.models.encoder_model import EncoderModel


@keras.saving.register_keras_serializable(package="zoo")
class MaskedLanguageModel(EncoderModel):
    """Reads a text with some tokens masked and predicts them.

    Task 1 of [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 3.1.
    With `B` batch, `L` length, `P` masked places a row, `E` embedding_dim, `V`
    vocabulary_size:

        token_ids (B, L) -> encoder -> the vectors at mask_positions (B, P, D)
            -> dense, activation, norm (B, P, E) -> @ token embeddings^T (B, P, V)

    Args:
        encoder: `TextEncoder`; a pooler is not needed.
        next_sentence: bool. Also hold the layer that says whether the second text of
            a pair follows the first, section 3.1's task 2, which published checkpoints
            have. It reads the encoder's `pooled_output`: see `next_sentence_logits`.

    Call arguments:
        inputs: as `TextEncoder` takes them, and
            `mask_positions`: optional int `(B, P)`, the places to predict; all without.

    Returns:
        logits `(B, P, V)`, or `(B, L, V)`.
    """

    def __init__(self, encoder, next_sentence=False, **kwargs):
        super().__init__(encoder, **kwargs)
        self.transform = keras.layers.Dense(
            encoder.embedding_dim,
            activation=activation_function(encoder.activation),
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            dtype=self.dtype_policy,
            name="transform",
        )
        self.norm = LayerNorm(
            epsilon=encoder.norm_epsilon, dtype=self.dtype_policy, name="norm"
        )
        self.next_sentence = None
        if next_sentence:
            self.next_sentence = keras.layers.Dense(
                2, dtype=self.dtype_policy, name="next_sentence"
            )

    def build(self, input_shape=None):
        super().build()
        self.transform.build((None, None, self.encoder.hidden_dim))
        self.norm.build((None, None, self.encoder.embedding_dim))
        self.bias = self.add_weight(
            name="bias", shape=(self.encoder.vocabulary_size,), initializer="zeros"
        )
        if self.next_sentence is not None:
            self.next_sentence.build((None, self.encoder.hidden_dim))

    def call(self, inputs, training=None):
        # Handed on, for on JAX `fit` tells this call alone that the model trains.
        x = self.encoder(inputs, training=training)["sequence_output"]
        positions = inputs.get("mask_positions")
        if positions is not None:
            x = ops.take_along_axis(x, ops.expand_dims(positions, axis=-1), axis=1)
        return self.predict_tokens(x)

    def predict_tokens(self, x):
        """The encoder's vectors `(..., D)` -> logits `(..., V)`."""
        logits = self.encoder.token_embedding.logits(self.norm(self.transform(x)))
        return logits + ops.cast(self.bias, logits.dtype)

    def next_sentence_logits(self, inputs):
        """`(B, 2)`: scores of "it follows" and "it does not"."""
        return self.next_sentence(self.encoder(inputs)["pooled_output"])

    def get_config(self):
        return {
            **super().get_config(),
            "next_sentence": self.next_sentence is not None,
        }
