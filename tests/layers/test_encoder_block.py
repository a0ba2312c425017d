import numpy as np
import pytest

from tests.contracts import assert_layer_contract
from tests.layers.keras_nlp_weights import copy_to_keras_nlp
from zoo.layers import TransformerEncoderBlock

rng = np.random.default_rng(0)
X = rng.normal(size=(2, 5, 8)).astype("float32")
PADDING_MASK = np.array([[True] * 5, [True] * 3 + [False] * 2])
ATTENTION_MASK = (rng.random((2, 5, 5)) < 0.6) | np.eye(5, dtype=bool)
POSITIONS = np.array([[0, 1, 2, 0, 1], [5, 6, 7, 8, 9]], "int32")

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
        TransformerEncoderBlock(4, 8, 16, dropout=0.1, **options),
        X,
        padding_mask=PADDING_MASK,
        attention_mask=ATTENTION_MASK,
        positions=POSITIONS,
        return_scores=return_scores,
        output_shape=[(2, 5, 8), (2, 4, 5, 5)] if return_scores else (2, 5, 8),
    )


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_equals_keras_nlp(norm_first, activation):
    keras_nlp = pytest.importorskip("keras_nlp")
    ours = TransformerEncoderBlock(
        4, 8, 16, norm_first=norm_first, activation=activation, use_key_bias=True
    )
    ours.build(X.shape)
    for weight in ours.weights:
        weight.assign(rng.normal(size=weight.shape))
    theirs = keras_nlp.layers.TransformerEncoder(
        16, 4, normalize_first=norm_first, activation=activation
    )
    theirs.build(X.shape)
    copy_to_keras_nlp(ours, theirs)
    for masks in (
        {},
        {"padding_mask": PADDING_MASK},
        {"padding_mask": PADDING_MASK, "attention_mask": ATTENTION_MASK},
    ):
        expected = theirs(X, **masks)
        np.testing.assert_allclose(ours(X, **masks), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("norm_first", [False, True])
def test_dropout_is_on_both_sublayers_in_training_only(norm_first):
    """What is dropped from both sublayers leaves the input itself."""
    block = TransformerEncoderBlock(4, 8, 16, dropout=0.996, norm_first=norm_first)
    np.testing.assert_array_equal(block(X), block(X))
    y = np.array(block(X, training=True))
    if not norm_first:
        np.testing.assert_allclose(y.mean(axis=-1), 0, atol=1e-5)
        centred = X - X.mean(axis=-1, keepdims=True)
        expected = centred / X.std(axis=-1, keepdims=True)
    else:
        expected = X
    assert (np.abs(y - expected) < 1e-3).mean() > 0.5


@pytest.mark.parametrize("norm", ["batch", None])
def test_unknown_norm(norm):
    with pytest.raises(ValueError, match=f"norm={norm!r}.*'layer' or 'rms'"):
        TransformerEncoderBlock(4, 8, 16, norm=norm)
