import keras
from keras import ops

from zoo.layers import (
    Dropout,
    SinusoidalPositionEncoding,
    TokenEmbedding,
    TransformerDecoder,
    TransformerEncoder,
)
from zoo.layers.feed_forward import plain_activation
from zoo.models.decoder_model import DecoderModel, segment_mask


@keras.saving.register_keras_serializable(package="zoo")
class TranslationModel(DecoderModel):
    """Reads source tokens, predicts the next target token at every position.

    The encoder-decoder Transformer of
    [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762). With `B` batch, `S`
    source and `T` target length, `D` hidden_dim, `V` target vocabulary size:

        source_ids (B, S)           -> encode -> memory (B, S, D), mask (B, S)
        target_ids (B, T), memory   -> decode -> logits (B, T, V)

    Args:
        vocabulary_size: int. Number of tokens of the source, and of the target
            unless `target_vocabulary_size` is given.
        target_vocabulary_size: int, optional. Makes two vocabularies.
        num_layers, num_heads, hidden_dim, intermediate_dim: int. Sizes of the
            encoder and of the decoder.
        dropout: float. On embeddings and on the output of every sublayer.
        max_length: int. Longest source and longest target, in tokens.
        norm_first: bool. Pre-norm instead of the paper's post-norm.
        activation: str. As `zoo.layers.FeedForward` takes it.
        tie_embeddings: bool. One matrix for source, target and output (with two
            vocabularies: for target and output).

    Call arguments:
        inputs: dict of int32 tensors; 0 is padding. `source_ids` `(B, S)` and
            `target_ids` `(B, T)`, which begins with the start token. Packed rows
            (several pairs a row) add `source_segment_ids`, `source_positions`
            `(B, S)` and `target_segment_ids`, `target_positions` `(B, T)`.

    Returns:
        logits `(B, T, V)`.
    """

    def __init__(
        self,
        vocabulary_size,
        target_vocabulary_size=None,
        num_layers=6,
        num_heads=8,
        hidden_dim=512,
        intermediate_dim=2048,
        dropout=0.1,
        *,
        max_length=256,
        norm_first=False,
        activation="relu",
        tie_embeddings=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if max_length < 2:
            raise ValueError(
                f"TranslationModel got max_length={max_length}. A text has a token and "
                "the end token at least: pass 2 or more."
            )
        self.vocabulary_size = vocabulary_size
        self.target_vocabulary_size = target_vocabulary_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.dropout = dropout
        self.max_length = max_length
        self.norm_first = norm_first
        self.activation = activation
        self.tie_embeddings = tie_embeddings

        def embedding(size, name):
            return TokenEmbedding(size, hidden_dim, dtype=self.dtype_policy, name=name)

        target_size = target_vocabulary_size or vocabulary_size
        self.source_embedding = embedding(vocabulary_size, "source_embedding")
        self.target_embedding = self.source_embedding
        if target_vocabulary_size or not tie_embeddings:
            self.target_embedding = embedding(target_size, "target_embedding")
        self.output_embedding = self.target_embedding
        if not tie_embeddings:
            self.output_embedding = embedding(target_size, "output_embedding")
        self.position_encoding = SinusoidalPositionEncoding(
            dtype=self.dtype_policy, name="position_encoding"
        )
        self.embedding_dropout = Dropout(
            dropout, dtype=self.dtype_policy, name="embedding_dropout"
        )
        sizes = {
            "num_layers": num_layers,
            "num_heads": num_heads,
            "hidden_dim": hidden_dim,
            "intermediate_dim": intermediate_dim,
            "dropout": dropout,
            "norm_first": norm_first,
            "activation": activation,
            "dtype": self.dtype_policy,
        }
        self.encoder = TransformerEncoder(**sizes, name="encoder")
        self.decoder = TransformerDecoder(**sizes, name="decoder")

    def build(self, input_shape=None):
        for layer in (
            self.source_embedding,
            self.target_embedding,
            self.output_embedding,
        ):
            if not layer.built:
                layer.build((None, None))
        vectors = (None, None, self.hidden_dim)
        for layer in (
            self.position_encoding,
            self.embedding_dropout,
            self.encoder,
            self.decoder,
        ):
            layer.build(vectors)

    def call(self, inputs, training=None):
        # Handed on, for on JAX `fit` tells this call alone that the model trains.
        packed = {name for name in inputs if name.endswith("segment_ids")}
        if len(packed) == 1:
            raise ValueError(
                f"TranslationModel got {packed.pop()} alone. Packed rows need "
                "source_segment_ids and target_segment_ids."
            )
        memory, memory_mask = self.encode(
            inputs["source_ids"],
            segment_ids=inputs.get("source_segment_ids"),
            positions=inputs.get("source_positions"),
            training=training,
        )
        return self.decode(
            inputs["target_ids"],
            memory,
            memory_mask=memory_mask,
            segment_ids=inputs.get("target_segment_ids"),
            positions=inputs.get("target_positions"),
            memory_segment_ids=inputs.get("source_segment_ids"),
            training=training,
        )

    def encode(self, source_ids, segment_ids=None, positions=None, training=None):
        """int `(B, S)` -> memory `(B, S, D)` and its mask, bool `(B, S)`."""
        mask = ops.not_equal(source_ids, 0)  # the one place where ids become a mask
        x = self.embed(self.source_embedding, source_ids, positions, training)
        segments = segment_mask(segment_ids, segment_ids)
        x = self.encoder(
            x, padding_mask=mask, attention_mask=segments, training=training
        )
        return x, mask

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "target_vocabulary_size": self.target_vocabulary_size,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "intermediate_dim": self.intermediate_dim,
            "dropout": self.dropout,
            "max_length": self.max_length,
            "norm_first": self.norm_first,
            "activation": plain_activation(self.activation),
            "tie_embeddings": self.tie_embeddings,
        }
