"""A text to scores of classes."""

import keras

from zoo.layers import Dropout
from zoo.models.with_encoder import encoder_config, with_encoder


@keras.saving.register_keras_serializable(package="zoo")
class ClassificationModel(keras.Model):
    """Reads a text, or a pair of texts, and scores each class.

    The head of [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 4.1.
    With `B` batch, `L` length, `D` hidden_dim, `C` num_classes:

        token_ids (B, L) -> encoder -> pooled_output (B, D) -> dense -> logits (B, C)

    Args:
        encoder: `TextEncoder` with a pooler.
        num_classes: int.
        dropout: float. On what the dense layer reads.

    Call arguments:
        inputs: as `TextEncoder` takes them.

    Returns:
        logits `(B, C)`.
    """

    def __init__(self, encoder, num_classes, dropout=0.1, **kwargs):
        super().__init__(**{"dtype": encoder.dtype_policy, **kwargs})
        if encoder.pooler is None:
            raise ValueError(
                "ClassificationModel got an encoder without a pooler, which it reads. "
                'Make it with pooler="tanh".'
            )
        self.encoder = encoder
        self.num_classes = num_classes
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.classifier = keras.layers.Dense(
            num_classes,
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            dtype=self.dtype_policy,
            name="classifier",
        )

    def build(self, input_shape=None):
        if not self.encoder.built:
            self.encoder.build()
        self.classifier.build((None, self.encoder.hidden_dim))

    def call(self, inputs, training=None):
        # `fit` tells only a model whose `call` names `training` that it trains.
        return self.classifier(self.dropout(self.encoder(inputs)["pooled_output"]))

    def get_config(self):
        return {
            **super().get_config(),
            "encoder": encoder_config(self.encoder),
            "num_classes": self.num_classes,
            "dropout": self.dropout.rate,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**with_encoder(config))
