"""Tensors to tensors: the pieces of every Transformer, on every Keras backend."""

from zoo.layers.attention import MultiHeadAttention
from zoo.layers.decoder_block import TransformerDecoderBlock
from zoo.layers.dropout import Dropout
from zoo.layers.encoder_block import TransformerEncoderBlock
from zoo.layers.feed_forward import FeedForward
from zoo.layers.frame_embedding import FrameEmbedding
from zoo.layers.layer_norm import LayerNorm
from zoo.layers.log_mel import LogMel
from zoo.layers.masks import (
    causal_attention_mask,
    combine_attention_masks,
    padding_attention_mask,
    segment_attention_mask,
    sliding_window_attention_mask,
)
from zoo.layers.patch_embedding import PatchEmbedding
from zoo.layers.positions import (
    LearnedPositionEmbedding,
    SinusoidalPositionEncoding,
    SinusoidsOfGrid,
    alibi_bias,
    rotate,
)
from zoo.layers.remat import rematerialize
from zoo.layers.spectrogram_embedding import SpectrogramEmbedding
from zoo.layers.token_embedding import TokenEmbedding
from zoo.layers.transformer import TransformerDecoder, TransformerEncoder

__all__ = [
    "Dropout",
    "FeedForward",
    "FrameEmbedding",
    "LayerNorm",
    "LearnedPositionEmbedding",
    "LogMel",
    "MultiHeadAttention",
    "PatchEmbedding",
    "SinusoidalPositionEncoding",
    "SinusoidsOfGrid",
    "SpectrogramEmbedding",
    "TokenEmbedding",
    "TransformerDecoder",
    "TransformerDecoderBlock",
    "TransformerEncoder",
    "TransformerEncoderBlock",
    "alibi_bias",
    "causal_attention_mask",
    "combine_attention_masks",
    "padding_attention_mask",
    "rematerialize",
    "rotate",
    "segment_attention_mask",
    "sliding_window_attention_mask",
]
