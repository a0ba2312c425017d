"""What the models that are made of a text encoder share."""

import keras

from zoo.layers import Dropout
from zoo.models.text_encoder import TextEncoder
from zoo.models.trained_model import TrainedModel

_NOT_SIZES = ("name", "trainable", "dtype")


class EncoderModel(TrainedModel):
    """Abstract: a `TextEncoder` with something on it, of the same dtype.

    The config holds the encoder's arguments, plain values as the others are.
    """

    def __init__(self, encoder, **kwargs):
        super().__init__(**{"dtype": encoder.dtype_policy, **kwargs})
        self.encoder = encoder

    def build(self, input_shape=None):
        if not self.encoder.built:
            self.encoder.build()

    def get_config(self):
        config = self.encoder.get_config()
        return {
            **super().get_config(),
            "encoder": {key: config[key] for key in config if key not in _NOT_SIZES},
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        encoder = TextEncoder(**config["encoder"], dtype=config.get("dtype"))
        return cls(**{**config, "encoder": encoder})


class DenseHeadModel(EncoderModel):
    """Abstract: scores are a dense layer over the encoder's vectors, with dropout.

    Args:
        encoder: `TextEncoder`.
        num_scores: int.
        dropout: float. On what the dense layer reads.
    """

    def __init__(self, encoder, num_scores, dropout, **kwargs):
        super().__init__(encoder, **kwargs)
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.classifier = keras.layers.Dense(
            num_scores,
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            dtype=self.dtype_policy,
            name="classifier",
        )

    def build(self, input_shape=None):
        super().build()
        self.classifier.build((None, self.encoder.hidden_dim))

    def score(self, vectors, training=None):
        """`(..., hidden_dim)` -> `(..., num_scores)`"""
        return self.classifier(self.dropout(vectors, training=training))

    def get_config(self):
        return {**super().get_config(), "dropout": self.dropout.rate}
