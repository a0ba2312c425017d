"""Token ids to vectors: the architecture of BERT and its relatives."""

import keras
from keras import ops

from zoo.layers import (
    Dropout,
    LearnedPositionEmbedding,
    TokenEmbedding,
    TransformerEncoder,
    segment_attention_mask,
)
from zoo.layers.feed_forward import plain_activation


@keras.saving.register_keras_serializable(package="zoo")
class TextEncoder(keras.Model):
    """Reads a text, or a pair of texts, and gives a vector for each of its tokens.

    The encoder of [Devlin et al., 2018](https://arxiv.org/abs/1810.04805). With `B`
    batch, `L` length, `D` hidden_dim:

        token_ids (B, L) + segments + positions -> embed (B, L, D)
            -> encoder -> sequence_output (B, L, D)
            -> the first token's, dense, tanh -> pooled_output (B, D)

    Args:
        vocabulary_size: int.
        num_layers, num_heads, hidden_dim, intermediate_dim: int.
        dropout: float. On the embeddings and on the output of every sublayer.
        attention_dropout: float. On the attention probabilities.
        max_length: int. Number of learned positions.
        embedding_dim: int. Size of the embeddings, which a dense layer then turns into
            `hidden_dim` ([Clark et al., 2020](https://arxiv.org/abs/2003.10555)).
            Defaults to `hidden_dim`, without that layer.
        num_segments: int. Number of segment embeddings; 0 leaves them out.
        positions: `"learned"`, or `"rotary"` or `"alibi"`, which have no longest text.
        norm_first: bool. Pre-norm instead of the paper's post-norm.
        activation: as `zoo.layers.FeedForward` takes it. BERT's own code and
            KerasNLP's approximate GELU; most checkpoints since have `"gelu"`.
        norm_epsilon: float.
        use_key_bias: bool. Biases of keys never train, but published weights hold
            them. See `zoo.layers.MultiHeadAttention`.
        pooler: str. Activation of the dense layer that gives `pooled_output`; None
            leaves both out.
        pad_token_id: int. The token that is padding.
        first_position: int. Rows of the table of positions that lie unused before
            the first; 2 in RoBERTa.

    Call arguments:
        inputs: dict of tensors `(B, L)`.
            `token_ids`: int.
            `segment_ids`: optional int, 0 in the first text and 1 in the second.
            `padding_mask`: optional bool, True on real tokens. Without it,
                `pad_token_id` is padding.
            `document_ids`, `positions`: optional int, for packed rows: 1 for the
                first document of a row, 2 for the second, ..., 0 for padding, and
                places counted from 0 in each.
        return_scores: bool.

    Returns:
        dict of `sequence_output` `(B, L, D)` and `pooled_output` `(B, D)`; with
        `return_scores` also `attention_scores`, a list of the blocks' probabilities
        `(B, num_heads, L, L)`.
    """

    def __init__(
        self,
        vocabulary_size,
        num_layers=12,
        num_heads=12,
        hidden_dim=768,
        intermediate_dim=3072,
        dropout=0.1,
        *,
        attention_dropout=0.1,
        max_length=512,
        embedding_dim=None,
        num_segments=2,
        positions="learned",
        norm_first=False,
        activation="gelu_tanh",
        norm_epsilon=1e-12,
        use_key_bias=False,
        pooler="tanh",
        pad_token_id=0,
        first_position=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if positions not in ("learned", "rotary", "alibi"):
            raise ValueError(
                f"TextEncoder got positions={positions!r}. Choose 'learned' (BERT's), "
                "'rotary' or 'alibi'."
            )
        self.vocabulary_size = vocabulary_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.max_length = max_length
        self.embedding_dim = embedding_dim or hidden_dim
        self.num_segments = num_segments
        self.positions = positions
        self.norm_first = norm_first
        self.activation = activation
        self.norm_epsilon = norm_epsilon
        self.use_key_bias = use_key_bias
        self.pad_token_id = pad_token_id
        self.first_position = first_position
        self.pooler_activation = pooler

        def options(name):
            return {"dtype": self.dtype_policy, "name": name}

        self.token_embedding = TokenEmbedding(
            vocabulary_size,
            self.embedding_dim,
            scale=False,
            **options("token_embedding"),
        )
        self.segment_embedding = None
        if num_segments:
            self.segment_embedding = TokenEmbedding(
                num_segments,
                self.embedding_dim,
                scale=False,
                **options("segment_embedding"),
            )
        self.position_embedding = None
        if positions == "learned":
            self.position_embedding = LearnedPositionEmbedding(
                first_position + max_length, **options("position_embedding")
            )
        self.embedding_projection = None
        if self.embedding_dim != hidden_dim:
            self.embedding_projection = keras.layers.Dense(
                hidden_dim, **options("embedding_projection")
            )
        self.encoder = TransformerEncoder(
            num_layers,
            num_heads,
            hidden_dim,
            intermediate_dim,
            dropout=dropout,
            attention_dropout=attention_dropout,
            norm_first=norm_first,
            activation=activation,
            norm_epsilon=norm_epsilon,
            use_key_bias=use_key_bias,
            positions=None if positions == "learned" else positions,
            **options("encoder"),
        )
        self.embedding_norm = self.encoder.blocks[0].make_norm("embedding_norm")
        self.embedding_dropout = Dropout(dropout, **options("embedding_dropout"))
        self.pooler = None
        if pooler:
            self.pooler = keras.layers.Dense(
                hidden_dim, activation=pooler, **options("pooler")
            )

    def build(self, input_shape=None):
        self.token_embedding.build((None, None))
        if self.segment_embedding is not None:
            self.segment_embedding.build((None, None))
        embedded = (None, None, self.embedding_dim)
        if self.position_embedding is not None:
            self.position_embedding.build(embedded)
        self.embedding_norm.build(embedded)
        if self.embedding_projection is not None:
            self.embedding_projection.build(embedded)
        self.encoder.build((None, None, self.hidden_dim))
        if self.pooler is not None:
            self.pooler.build((None, self.hidden_dim))

    def call(self, inputs, training=None, return_scores=False):
        # Handed on, for on JAX `fit` tells this call alone that the model trains.
        token_ids = inputs["token_ids"]
        padding_mask = inputs.get("padding_mask")
        if padding_mask is None:
            padding_mask = ops.not_equal(token_ids, self.pad_token_id)
        documents, positions = inputs.get("document_ids"), inputs.get("positions")
        same_document = None
        if documents is not None:
            same_document = segment_attention_mask(documents, documents)
        x = self.encoder(
            self.embed(token_ids, inputs.get("segment_ids"), positions, training),
            padding_mask=padding_mask,
            attention_mask=same_document,
            positions=positions,
            return_scores=return_scores,
            training=training,
        )
        x, scores = x if return_scores else (x, None)
        outputs = {"sequence_output": x}
        if self.pooler is not None:
            outputs["pooled_output"] = self.pooler(x[:, 0])
        if return_scores:
            outputs["attention_scores"] = scores
        return outputs

    def embed(self, token_ids, segment_ids=None, positions=None, training=None):
        """int `(B, L)` -> `(B, L, D)`, what the first block reads."""
        x = self.token_embedding(token_ids)
        if self.segment_embedding is not None:
            if segment_ids is None:
                segment_ids = ops.zeros_like(token_ids)
            x = x + self.segment_embedding(segment_ids)
        if self.position_embedding is not None:
            if self.first_position:
                if positions is None:
                    positions = ops.arange(ops.shape(x)[1], dtype="int32")[None]
                positions = positions + self.first_position
            x = x + self.position_embedding(x, positions)
        x = self.embedding_dropout(self.embedding_norm(x), training=training)
        if self.embedding_projection is not None:
            x = self.embedding_projection(x)
        return x

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "intermediate_dim": self.intermediate_dim,
            "dropout": self.dropout,
            "attention_dropout": self.attention_dropout,
            "max_length": self.max_length,
            "embedding_dim": self.embedding_dim,
            "num_segments": self.num_segments,
            "positions": self.positions,
            "norm_first": self.norm_first,
            "activation": plain_activation(self.activation),
            "norm_epsilon": self.norm_epsilon,
            "use_key_bias": self.use_key_bias,
            "pooler": self.pooler
            and keras.activations.serialize(self.pooler.activation),
            "pad_token_id": self.pad_token_id,
            "first_position": self.first_position,
        }
