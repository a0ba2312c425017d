"""Sound to text."""

import math
import numbers

import keras
from keras import ops

from zoo.layers import (
    Dropout,
    FrameEmbedding,
    LogMel,
    SinusoidalPositionEncoding,
    SpectrogramEmbedding,
    TokenEmbedding,
    TransformerDecoder,
    TransformerEncoder,
)
from zoo.layers.feed_forward import plain_activation
from zoo.models.decoder_model import DecoderModel
from zoo.models.mel_frames import first, in_spans, normalized, scaling

BLANK = 0  # of CTC: the token of padding, which no transcript has
_NEVER = -6e4  # as a score, a probability of 0; float16 has it too
LEAST_RATE_HZ = 1_000


@keras.saving.register_keras_serializable(package="zoo")
class SpeechModel(DecoderModel):
    """Hears a sound, predicts the next token of its transcript at every position.

    The Transformer of [Wang et al., 2020](https://arxiv.org/abs/2010.05171), with a
    second output for connectionist temporal classification
    ([Watanabe et al., 2017](https://arxiv.org/abs/1609.06773)). With `B` batch, `N`
    samples, `F` frames, `S` = ceil(F / 4), `T` tokens, `D` hidden_dim, `V` vocabulary:

        samples (B, N)     -> LogMel, of mean 0 and deviation 1 -> (B, F, num_mels)
                           -> encode -> memory (B, S, D), mask (B, S)
        memory             -> ctc_logits (B, S, V)
        target_ids, memory -> decode -> logits (B, T, V)

    Args:
        vocabulary_size: int.
        num_layers, num_decoder_layers: int. Of the encoder, and of the decoder.
        num_heads, hidden_dim, intermediate_dim: int. Of both.
        dropout: float. On embeddings and on the output of every sublayer.
        sample_rate_hz, num_mels: int. As in `zoo.layers.LogMel`.
        filters: int, as in `zoo.layers.FrameEmbedding`; or a list of int, as in
            `zoo.layers.SpectrogramEmbedding`, which is then taken.
        max_length: int. Longest transcript, in tokens.
        max_seconds: float. The longest sound that is heard at once; a recogniser hears
            longer ones in windows. Train with sounds, or joined ones, of that length.
        positions: `"sinusoidal"`, or `"rotary"`, from which the encoder learns faster
            what follows what. The decoder's are sinusoidal.
        norm_first: bool.
        activation: as `zoo.layers.FeedForward` takes it.
        tie_embeddings: bool. One matrix for the decoder's input and output.

    Call arguments:
        inputs: dict. `samples` float `(B, N)` from -1 to 1, of which the first
            `num_samples` int `(B,)` are sound. `target_ids` int `(B, T)` begins with
            the start token, 0 is padding; without it nothing is decoded. In training
            perhaps `hidden_frames` and `hidden_mels`, int `(B, spans, 2)`: what
            SpecAugment hides, from the first number on as many as the second
            ([Park et al., 2019](https://arxiv.org/abs/1904.08779)); and `mel_scales`
            float `(B,)`, from how much further up each band takes its energy, as of a
            speaker with another vocal tract (Jaitly and Hinton, 2013, "Vocal tract
            length perturbation (VTLP) improves speech recognition").

    Returns:
        dict of `ctc`, logits `(B, S, V)` in which 0 is the blank and padding is blank
        for certain, so that a loss passes over it; and, where there are
        `target_ids`, of `tokens`, logits `(B, T, V)`.
    """

    def __init__(
        self,
        vocabulary_size,
        num_layers=12,
        num_decoder_layers=6,
        num_heads=4,
        hidden_dim=256,
        intermediate_dim=2048,
        dropout=0.1,
        *,
        sample_rate_hz=16_000,
        num_mels=80,
        filters=1024,
        max_length=256,
        max_seconds=20.0,
        positions="sinusoidal",
        norm_first=True,
        activation="relu",
        tie_embeddings=True,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)  # bfloat16 is too coarse for sound
        for name, size in (("num_mels", num_mels), ("max_length", max_length)):
            if not isinstance(size, numbers.Integral) or size < 1:
                raise ValueError(
                    f"{name}={size!r} must be a whole number of at least 1."
                )
        is_whole = isinstance(sample_rate_hz, numbers.Integral)
        if not is_whole or sample_rate_hz % 100 or sample_rate_hz < LEAST_RATE_HZ:
            raise ValueError(
                f"sample_rate_hz={sample_rate_hz!r} is no multiple of 100 from "
                f"{LEAST_RATE_HZ:,} up, as frames of 10 ms need it. Pass one such as "
                "16000: sounds of any rate are resampled to it."
            )
        if positions not in ("sinusoidal", "rotary"):
            raise ValueError(
                f"positions={positions!r} is not supported. Pass 'sinusoidal' or "
                "'rotary'."
            )
        if not 1 <= max_seconds <= 120:
            raise ValueError(f"max_seconds must be in 1 ... 120, got {max_seconds}.")
        self.vocabulary_size = vocabulary_size
        self.num_layers = num_layers
        self.num_decoder_layers = num_decoder_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.dropout = dropout
        self.sample_rate_hz = sample_rate_hz
        self.num_mels = num_mels
        self.filters = filters if isinstance(filters, int) else list(filters)
        self.max_length = max_length
        self.max_seconds = max_seconds
        self.positions = positions
        self.norm_first = norm_first
        self.activation = activation
        self.tie_embeddings = tie_embeddings

        def options(name):
            return {"dtype": self.dtype_policy, "name": name}

        self.log_mel = LogMel(sample_rate_hz, num_mels, dtype="float32", name="log_mel")
        is_flat = isinstance(filters, int)
        embedding = FrameEmbedding if is_flat else SpectrogramEmbedding
        self.frame_embedding = embedding(
            hidden_dim, filters, **options("frame_embedding")
        )
        self.target_embedding = TokenEmbedding(
            vocabulary_size, hidden_dim, **options("target_embedding")
        )
        self.output_embedding = self.target_embedding
        if not tie_embeddings:
            self.output_embedding = TokenEmbedding(
                vocabulary_size, hidden_dim, **options("output_embedding")
            )
        self.position_encoding = SinusoidalPositionEncoding(
            **options("position_encoding")
        )
        self.embedding_dropout = Dropout(dropout, **options("embedding_dropout"))
        sizes = {
            "num_heads": num_heads,
            "hidden_dim": hidden_dim,
            "intermediate_dim": intermediate_dim,
            "dropout": dropout,
            "norm_first": norm_first,
            "activation": activation,
        }
        self.encoder = TransformerEncoder(
            num_layers,
            **sizes,
            positions="rotary" if positions == "rotary" else None,
            **options("encoder"),
        )
        self.decoder = TransformerDecoder(
            num_decoder_layers, **sizes, **options("decoder")
        )
        self.ctc_projection = keras.layers.Dense(
            vocabulary_size, **options("ctc_projection")
        )

    def build(self, input_shape=None):
        self.frame_embedding.build((None, None, self.num_mels))
        for embedding in (self.target_embedding, self.output_embedding):
            if not embedding.built:
                embedding.build((None, None))
        vectors = (None, None, self.hidden_dim)
        for layer in (self.encoder, self.decoder, self.ctc_projection):
            layer.build(vectors)

    def call(self, inputs, training=None):
        # Handed on, for on JAX `fit` tells this call alone that the model trains.
        memory, mask = self.encode(
            inputs["samples"],
            inputs["num_samples"],
            hidden_frames=inputs.get("hidden_frames"),
            hidden_mels=inputs.get("hidden_mels"),
            mel_scales=inputs.get("mel_scales"),
            training=training,
        )
        outputs = {"ctc": self.ctc_logits(memory, mask)}
        if "target_ids" in inputs:
            outputs["tokens"] = self.decode(
                inputs["target_ids"],
                memory,
                memory_mask=mask,
                segment_ids=inputs.get("target_segment_ids"),
                positions=inputs.get("target_positions"),
                training=training,
            )
        return outputs

    def encode(
        self,
        samples,
        num_samples,
        hidden_frames=None,
        hidden_mels=None,
        mel_scales=None,
        training=None,
    ):
        """`(B, N)` -> memory `(B, S, D)` and its mask, bool `(B, S)`."""
        num_samples = ops.convert_to_tensor(num_samples, dtype="int32")
        samples = ops.where(
            first(ops.shape(samples)[1], num_samples), samples, ops.zeros_like(samples)
        )
        frames = self.log_mel(samples)
        mask = first(ops.shape(frames)[1], self.log_mel.num_frames(num_samples))
        frames = normalized(frames, mask)
        if mel_scales is not None:
            frames = ops.matmul(frames, scaling(mel_scales, self.num_mels))
        if hidden_frames is not None:
            hidden = in_spans(hidden_frames, ops.shape(frames)[1])[:, :, None]
            frames = ops.where(hidden, 0.0, frames)
        if hidden_mels is not None:
            hidden = in_spans(hidden_mels, self.num_mels)[:, None, :]
            frames = ops.where(hidden, 0.0, frames)
        x, mask = self.frame_embedding(
            ops.cast(frames, self.compute_dtype), padding_mask=mask
        )
        x = x * math.sqrt(self.hidden_dim)
        if self.positions == "sinusoidal":
            x = x + self.position_encoding(x)
        x = self.embedding_dropout(x, training=training)
        return self.encoder(x, padding_mask=mask, training=training), mask

    def ctc_logits(self, memory, mask):
        """`(B, S, D)` -> `(B, S, V)`; what the mask leaves out is blank for certain."""
        return _certain_blank(self.ctc_projection(memory), mask)

    def ctc_logits_of(self, memory, mask, token_ids):
        """`(B, S, D)` and `(B * n, T)` -> those of `ctc_logits` that alignment needs.

        They are those of the blank and of each of the tokens, `(B * n, S, 1 + T)`: a
        small part of the work where the vocabulary is large.
        """
        num_sounds, num_places = ops.shape(memory)[:2]
        num_rows, num_tokens = ops.shape(token_ids)
        ids = ops.pad(token_ids, ((0, 0), (1, 0)), constant_values=BLANK)
        ids = ops.reshape(ids, (num_sounds, -1))
        projection = self.ctc_projection
        if projection.quantization_mode:  # its kernel is no longer one of floats
            logits = ops.take_along_axis(projection(memory), ids[:, None], axis=2)
        else:
            kernel, bias = (
                ops.cast(ops.take(weight, ids, axis=-1), memory.dtype)
                for weight in (projection.kernel, projection.bias)
            )
            logits = ops.einsum("bsd,dbk->bsk", memory, kernel) + bias[:, None]
        logits = ops.reshape(logits, (num_sounds, num_places, -1, 1 + num_tokens))
        logits = _certain_blank(ops.transpose(logits, (0, 2, 1, 3)), mask[:, None])
        return ops.reshape(logits, (num_rows, num_places, 1 + num_tokens))

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "num_layers": self.num_layers,
            "num_decoder_layers": self.num_decoder_layers,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "intermediate_dim": self.intermediate_dim,
            "dropout": self.dropout,
            "sample_rate_hz": self.sample_rate_hz,
            "num_mels": self.num_mels,
            "filters": self.filters,
            "max_length": self.max_length,
            "max_seconds": self.max_seconds,
            "positions": self.positions,
            "norm_first": self.norm_first,
            "activation": plain_activation(self.activation),
            "tie_embeddings": self.tie_embeddings,
        }


def _certain_blank(logits, mask):
    """Makes the blank, which comes first, certain where the mask leaves out."""
    is_blank = ops.arange(ops.shape(logits)[-1]) == BLANK
    certain = ops.cast(ops.where(is_blank, 0.0, _NEVER), logits.dtype)
    return ops.where(mask[..., None], logits, certain)
