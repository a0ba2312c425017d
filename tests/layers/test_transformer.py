import inspect

import keras
import numpy as np
import pytest

from tests.contracts import assert_layer_contract
from tests.layers.keras_nlp_weights import copy_to_keras_nlp
from zoo.layers import (
    TransformerDecoder,
    TransformerDecoderBlock,
    TransformerEncoder,
    TransformerEncoderBlock,
)
from zoo.layers.block import TransformerBlock

rng = np.random.default_rng(0)
X = rng.normal(size=(2, 5, 8)).astype("float32")
MEMORY = rng.normal(size=(2, 7, 8)).astype("float32")
MEMORY_MASK = np.array([[True] * 4 + [False] * 3, [True] * 7])
NORM_FIRST = {"norm_first": True, "norm": "rms", "positions": "alibi"}


@pytest.mark.parametrize("return_scores", [False, True])
@pytest.mark.parametrize("options", [{}, NORM_FIRST], ids=str)
def test_encoder_contract(options, return_scores):
    shape = [(2, 7, 8), *[(2, 4, 7, 7)] * 2] if return_scores else (2, 7, 8)
    assert_layer_contract(
        TransformerEncoder(2, 4, 8, 16, 0.1, **options),
        MEMORY,
        padding_mask=MEMORY_MASK,
        return_scores=return_scores,
        output_shape=shape,
    )


@pytest.mark.parametrize("return_scores", [False, True])
@pytest.mark.parametrize("options", [{}, NORM_FIRST], ids=str)
def test_decoder_contract(options, return_scores):
    shape = [(2, 5, 8), *[(2, 4, 5, 7)] * 2] if return_scores else (2, 5, 8)
    assert_layer_contract(
        TransformerDecoder(2, 4, 8, 16, 0.1, **options),
        X,
        MEMORY,
        memory_mask=MEMORY_MASK,
        return_scores=return_scores,
        output_shape=shape,
    )


@pytest.mark.parametrize("norm_first", [False, True])
def test_stacks_equal_keras_nlp(norm_first):
    """A pre-norm stack ends with a norm, which KerasNLP leaves to its models."""
    keras_nlp = pytest.importorskip("keras_nlp")
    options = {"norm_first": norm_first, "use_key_bias": True}
    encoder = TransformerEncoder(2, 4, 8, 16, **options)
    decoder = TransformerDecoder(2, 4, 8, 16, **options)
    encoder.build(MEMORY.shape)
    decoder.build(X.shape)
    memory, y = MEMORY, X
    for block in encoder.blocks:
        theirs = keras_nlp.layers.TransformerEncoder(16, 4, normalize_first=norm_first)
        theirs.build(MEMORY.shape)
        copy_to_keras_nlp(block, theirs)
        memory = theirs(memory, padding_mask=MEMORY_MASK)
    memory = encoder.final_norm(memory) if norm_first else memory
    for block in decoder.blocks:
        theirs = keras_nlp.layers.TransformerDecoder(16, 4, normalize_first=norm_first)
        theirs.build(X.shape, MEMORY.shape)
        copy_to_keras_nlp(block, theirs)
        y = theirs(y, memory, encoder_padding_mask=MEMORY_MASK)
    y = decoder.final_norm(y) if norm_first else y
    ours = encoder(MEMORY, padding_mask=MEMORY_MASK)
    np.testing.assert_allclose(ours, memory, atol=1e-5)
    np.testing.assert_allclose(decoder(X, ours, memory_mask=MEMORY_MASK), y, atol=1e-5)


def test_a_step_gives_the_scores_of_every_block():
    decoder = TransformerDecoder(3, 4, 8, 16)
    decoder.build(X.shape)
    _, expected = decoder(X, MEMORY, memory_mask=MEMORY_MASK, return_scores=True)
    caches, crosses = decoder.start_cache(2, 5), decoder.project_memory(MEMORY)
    for i in range(5):
        _, caches, scores = decoder.step(
            X[:, i : i + 1], i, caches, crosses, MEMORY_MASK, return_scores=True
        )
        assert len(scores) == 3
        for ours, theirs in zip(scores, expected, strict=True):
            np.testing.assert_allclose(ours[:, :, 0], theirs[:, :, i], atol=1e-5)


# Keras warns of each layer without a kernel to quantize.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
def test_every_dense_layer_quantizes():
    """Reachable by Keras's own traversal, so `quantize` and LoRA work."""
    encoder = TransformerEncoder(2, 4, 8, 16)
    model = keras.Sequential([keras.Input((None, 8)), encoder])
    expected = np.array(model(X))
    model.quantize("int8")
    dense = [
        layer
        for layer in encoder._flatten_layers()
        if isinstance(layer, keras.layers.Dense)
    ]
    assert len(dense) == 2 * 6
    assert {layer.quantization_mode for layer in dense} == {"int8"}
    np.testing.assert_allclose(model(X), expected, atol=0.1)


@pytest.mark.parametrize(
    "layer_class",
    [
        TransformerEncoder,
        TransformerDecoder,
        TransformerEncoderBlock,
        TransformerDecoderBlock,
    ],
)
def test_every_argument_is_in_the_config(layer_class):
    """None equals its default, so one that is left out or mixed up shows."""
    arguments = {
        "num_heads": 4,
        "hidden_dim": 8,
        "intermediate_dim": 16,
        "dropout": 0.1,
        "activation": "geglu",
        "norm_first": True,
        "norm": "rms",
        "attention_dropout": 0.2,
        "num_key_value_heads": 2,
        "positions": "alibi",
        "norm_epsilon": 1e-3,
        "use_key_bias": True,
        "name": "named",
        "trainable": False,
    }
    assert inspect.signature(TransformerBlock).parameters.keys() <= (
        {*arguments, "kwargs"}
    )
    if layer_class in (TransformerEncoder, TransformerDecoder):
        arguments["num_layers"] = 2
    config = layer_class(**arguments).get_config()
    assert {name: config[name] for name in arguments} == arguments
    layer = layer_class.from_config(config)
    assert layer.get_config() == config
    for norm in layer._flatten_layers():
        if isinstance(norm, keras.layers.RMSNormalization):
            assert norm.epsilon == 1e-3


def test_no_layers():
    with pytest.raises(ValueError, match="TransformerEncoder got num_layers=0"):
        TransformerEncoder(0, 4, 8, 16)
