import keras
import numpy as np
import pytest

from tests.contracts import assert_layer_contract, gradient
from zoo.layers import LayerNorm

rng = np.random.default_rng(0)
X = rng.normal(size=(2, 3, 8)).astype("float32")


def test_layer_contract():
    assert_layer_contract(LayerNorm(epsilon=1e-3), X, output_shape=(2, 3, 8))


@pytest.mark.parametrize("offset", [0, 100])
@pytest.mark.parametrize("epsilon", [1e-5, 0.1])
def test_equals_keras(epsilon, offset):
    ours, theirs = LayerNorm(epsilon), keras.layers.LayerNormalization(epsilon=epsilon)
    for layer in (ours, theirs):
        layer.build(X.shape)
        layer.set_weights([np.linspace(0.5, 2, 8), np.linspace(-1, 1, 8)])
    x = X + np.float32(offset)
    expected = (x - x.mean(-1, keepdims=True)) / np.sqrt(
        x.var(-1, keepdims=True, dtype="float64") + epsilon
    ) * np.linspace(0.5, 2, 8) + np.linspace(-1, 1, 8)
    # Of a float32 near 100 the last bit is worth 8e-6.
    tolerance = 1e-5 if offset == 0 else 1e-4
    np.testing.assert_allclose(ours(x), expected, atol=tolerance)
    np.testing.assert_allclose(ours(X), theirs(X), atol=1e-5)
    slopes = [
        gradient(lambda x, f=f: keras.ops.sum(f(x) ** 3), X) for f in (ours, theirs)
    ]
    np.testing.assert_allclose(*slopes, atol=1e-4, rtol=1e-4)


def test_half_precision_input_has_float32_statistics():
    layer = LayerNorm(dtype="mixed_bfloat16")
    x = keras.ops.cast(100 + X, "bfloat16")
    exact = LayerNorm()(keras.ops.cast(x, "float32"))
    y = keras.ops.cast(layer(x), "float32")
    # One rounding to 8 significant bits, of numbers below 4.
    np.testing.assert_allclose(y, exact, atol=2**-7)
