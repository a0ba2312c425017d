"""The model sizes that all peers take, and how many operations a token needs.

Standard library only: workers in the peers' environment import it.
"""

from typing import NamedTuple


class Size(NamedTuple):
    """An encoder, or an encoder-decoder with `num_layers` in each of the two."""

    num_layers: int
    num_heads: int
    hidden_dim: int
    intermediate_dim: int
    dropout: float


SIZES = {
    "translator_tiny": Size(4, 4, 128, 256, 0.3),
    "translator_base": Size(6, 8, 512, 2048, 0.1),
}

ENCODERS = {
    "bert_mini": Size(4, 4, 256, 1024, 0.1),
    "minilm_l6": Size(6, 12, 384, 1536, 0.1),
    "bert_small": Size(4, 8, 512, 2048, 0.1),
    "bert_base": Size(12, 12, 768, 3072, 0.1),
}


class CaptionerSize(NamedTuple):
    """An encoder of square images, and the layers of a decoder of its sizes."""

    image_size: int
    patch_size: int
    num_layers: int
    num_heads: int
    hidden_dim: int
    intermediate_dim: int
    num_decoder_layers: int


CAPTIONERS = {"captioner_base": CaptionerSize(224, 16, 12, 12, 768, 3072, 6)}


class SpeechSize(NamedTuple):
    """Layers of an encoder and of a decoder of the same sizes; filters before them."""

    num_layers: int
    num_decoder_layers: int
    num_heads: int
    hidden_dim: int
    intermediate_dim: int
    filters: int
    dropout: float


SPEECH = {"speech_small": SpeechSize(12, 6, 4, 256, 2048, 1024, 0.1)}

FORWARD_AND_BACKWARD = 3  # a product's gradients are two products of its size


def encoder_token_flops(size, length):
    """Operations of an encoder's matrix products for one token of a text.

    The four projections, feed-forward and two attention products.
    """
    dim = size.hidden_dim
    layer = 4 * dim * dim + 2 * dim * size.intermediate_dim + 2 * length * dim
    return 2 * size.num_layers * layer


def source_token_flops(size, length):
    """Operations of the matrix products for one source token of a sentence.

    The encoder's, and the decoder's keys and values of it.
    """
    keys_and_values = 2 * size.hidden_dim * size.hidden_dim
    return encoder_token_flops(size, length) + 2 * size.num_layers * keys_and_values


def target_token_flops(size, source_length, target_length, vocabulary_size):
    """Operations of the matrix products for one target token of a sentence.

    Self-attention (over the whole target: a fused kernel saves the future's half
    for nobody here), cross-attention without keys and values, feed-forward, and
    the logits.
    """
    dim = size.hidden_dim
    attention = 2 * (source_length + target_length) * dim
    layer = 6 * dim * dim + 2 * dim * size.intermediate_dim + attention
    return 2 * (size.num_layers * layer + dim * vocabulary_size)


def training_flops(size, source_length, target_length, vocabulary_size):
    """Operations of one training step's products, for one sentence pair."""
    source = source_length * source_token_flops(size, source_length)
    target = target_length * target_token_flops(
        size, source_length, target_length, vocabulary_size
    )
    return FORWARD_AND_BACKWARD * (source + target)


def masked_lm_flops(size, length, num_masks, vocabulary_size):
    """Operations of one training step's products, for one row with so many masks.

    Only what stands at the masks needs to be predicted.
    """
    head = 2 * size.hidden_dim * (size.hidden_dim + vocabulary_size)
    row = length * encoder_token_flops(size, length) + num_masks * head
    return FORWARD_AND_BACKWARD * row


def masked_batch_flops(size, batch, vocabulary_size):
    """Operations of one training step's products, for a batch of arrays."""
    lengths = (batch["token_ids"] != 0).sum(axis=1)
    masks = (batch["sample_weight"] > 0).sum(axis=1)
    return sum(
        masked_lm_flops(size, int(length), int(count), vocabulary_size)
        for length, count in zip(lengths, masks, strict=True)
    )
