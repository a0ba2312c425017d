"""A text to scores of classes."""

import keras

from zoo.models.encoder_model import DenseHeadModel


@keras.saving.register_keras_serializable(package="zoo")
class ClassificationModel(DenseHeadModel):
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
        if encoder.pooler is None:
            raise ValueError(
                "ClassificationModel got an encoder without a pooler, which it reads. "
                'Make it with pooler="tanh".'
            )
        super().__init__(encoder, num_classes, dropout, **kwargs)
        self.num_classes = num_classes

    def call(self, inputs, training=None):
        # Handed on, for on JAX `fit` tells this call alone that the model trains.
        pooled = self.encoder(inputs, training=training)["pooled_output"]
        return self.score(pooled, training)

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}
