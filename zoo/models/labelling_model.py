"""A text to scores of labels for each of its tokens."""

import keras

from zoo.models.encoder_model import DenseHeadModel


@keras.saving.register_keras_serializable(package="zoo")
class LabellingModel(DenseHeadModel):
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
        super().__init__(encoder, num_labels, dropout, **kwargs)
        self.num_labels = num_labels

    def call(self, inputs, training=None):
        # Handed on, for on JAX `fit` tells this call alone that the model trains.
        vectors = self.encoder(inputs, training=training)["sequence_output"]
        return self.score(vectors, training)

    def get_config(self):
        return {**super().get_config(), "num_labels": self.num_labels}
