import keras
import numpy as np
import pytest

from tests.contracts import assert_layer_contract
from tests.layers.keras_nlp_weights import copy_to_keras_nlp
from zoo.layers import TransformerDecoderBlock

rng = np.random.default_rng(0)
X = rng.normal(size=(2, 5, 8)).astype("float32")
MEMORY = rng.normal(size=(2, 7, 8)).astype("float32")
MASKS = {
    "padding_mask": np.array([[True] * 5, [True] * 3 + [False] * 2]),
    "memory_mask": np.array([[True] * 4 + [False] * 3, [True] * 7]),
}
EXTRA_MASKS = {
    "self_attention_mask": (rng.random((2, 5, 5)) < 0.6) | np.eye(5, dtype=bool),
    "cross_attention_mask": (rng.random((2, 5, 7)) < 0.6) | (np.arange(7) == 0),
}
THEIR_NAMES = {
    "padding_mask": "decoder_padding_mask",
    "memory_mask": "encoder_padding_mask",
    "self_attention_mask": "decoder_attention_mask",
    "cross_attention_mask": "encoder_attention_mask",
}
MODERN = {
    "norm_first": True,
    "norm": "rms",
    "activation": "swiglu",
    "num_key_value_heads": 2,
    "positions": "rotary",
}


@pytest.mark.parametrize("return_scores", [False, True])
@pytest.mark.parametrize("options", [{}, {"positions": "alibi"}, MODERN], ids=str)
def test_layer_contract(options, return_scores):
    assert_layer_contract(
        TransformerDecoderBlock(4, 8, 16, dropout=0.1, **options),
        X,
        MEMORY,
        **MASKS,
        **EXTRA_MASKS,
        positions=np.array([[0, 1, 2, 0, 1], [5, 6, 7, 8, 9]], "int32"),
        return_scores=return_scores,
        output_shape=[(2, 5, 8), (2, 4, 5, 7)] if return_scores else (2, 5, 8),
    )


@pytest.mark.parametrize("norm_first", [False, True])
def test_equals_keras_nlp(norm_first):
    keras_nlp = pytest.importorskip("keras_nlp")
    ours = TransformerDecoderBlock(4, 8, 16, norm_first=norm_first, use_key_bias=True)
    ours.build(X.shape)
    for weight in ours.weights:
        weight.assign(rng.normal(size=weight.shape))
    theirs = keras_nlp.layers.TransformerDecoder(16, 4, normalize_first=norm_first)
    theirs.build(X.shape, MEMORY.shape)
    copy_to_keras_nlp(ours, theirs)
    for masks in ({}, MASKS, {**MASKS, **EXTRA_MASKS}):
        expected = theirs(X, MEMORY, **{THEIR_NAMES[k]: m for k, m in masks.items()})
        y = ours(X, MEMORY, **masks)
        np.testing.assert_allclose(y, expected, atol=1e-5, rtol=1e-5)


def test_memory_may_have_another_size():
    """As when image features are read without a projection of their own."""
    memory = rng.normal(size=(2, 7, 6)).astype("float32")
    block = TransformerDecoderBlock(4, 8, 16)
    assert block(X, memory).shape == (2, 5, 8)
    built = TransformerDecoderBlock(4, 8, 16)
    built.build(X.shape, memory.shape)
    assert [w.shape for w in built.weights] == [w.shape for w in block.weights]


@pytest.mark.parametrize("rowwise", [False, True])
def test_beams_step_as_rows_of_their_own(rowwise):
    block = TransformerDecoderBlock(4, 8, 16, norm_first=True)
    block.build(X.shape)
    beams = rng.normal(size=(6, 3, 8)).astype("float32")
    cross = block.project_memory(MEMORY)
    memory_mask = MASKS["memory_mask"]
    cache = block.start_cache(6, 4)
    expected = block(
        beams,
        MEMORY.repeat(3, axis=0),
        memory_mask=memory_mask.repeat(3, axis=0),
        return_scores=True,
    )
    for i in range(3):
        index = np.full(6, i) if rowwise else i
        y, cache, scores = block.step(
            beams[:, i : i + 1], index, cache, cross, memory_mask, return_scores=True
        )
        np.testing.assert_allclose(y[:, 0], expected[0][:, i], atol=1e-5)
        np.testing.assert_allclose(scores[:, :, 0], expected[1][:, :, i], atol=1e-5)


def test_half_precision_stays_so_through_a_step():
    block = TransformerDecoderBlock(4, 8, 16, dtype="mixed_bfloat16")
    block.build(X.shape)
    cache, cross = block.start_cache(2, 4), block.project_memory(MEMORY)
    y, new_cache = block.step(X[:, :1], 0, cache, cross)
    for tensor in (y, new_cache["key"], cache["key"]):
        assert keras.backend.standardize_dtype(tensor.dtype) == "bfloat16"
