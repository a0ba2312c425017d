"""A text to scores of labels for each of its tokens."""

import keras

from zoo.layers import Dropout
from zoo.models.with_encoder import encoder_config, with_encoder


@keras.saving.register_keras_serializable(package="zoo")
class LabellingModel(keras.Model):
    """Reads a text and scores each label at each of its tokens.

    The head of [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 5.3.
    With `B` batch, `L` length, `D` hidden_dim, `N` num_labels:

        token_ids (B, L) -> encoder -> sequence_output (B, L, D) -> dense -> (B, L, N)

    Args:
        encoder: `TextEncoder`; a pooler is not needed.
        num_labels: int.
        dropout: float. On what the dense layer reads.

    Call arguments:
        inputs: as `TextEncoder` takes them.

    Returns:
        logits `(B, L, N)`.
    """

    def __init__(self, encoder, num_labels, dropout=0.1, **kwargs):
        super().__init__(**{"dtype": encoder.dtype_policy, **kwargs})
        self.encoder = encoder
        self.num_labels = num_labels
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.classifier = keras.layers.Dense(
            num_labels,
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            dtype=self.dtype_policy,
            name="classifier",
        )

    def build(self, input_shape=None):
        if not self.encoder.built:
            self.encoder.build()
        self.classifier.build((None, None, self.encoder.hidden_dim))

    def call(self, inputs, training=None):
        # `fit` tells only a model whose `call` names `training` that it trains.
        return self.classifier(self.dropout(self.encoder(inputs)["sequence_output"]))

    def get_config(self):
        return {
            **super().get_config(),
            "encoder": encoder_config(self.encoder),
            "num_labels": self.num_labels,
            "dropout": self.dropout.rate,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**with_encoder(config))
