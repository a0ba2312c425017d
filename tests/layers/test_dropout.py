import keras
import numpy as np
import pytest
from keras import ops

from tests.contracts import assert_layer_contract, gradient
from zoo.layers import Dropout

X = np.ones((40, 50, 100), "float32")


def test_layer_contract():
    x = np.ones((2, 3, 8), "float32")
    assert_layer_contract(Dropout(0.1, seed=1), x, output_shape=(2, 3, 8))


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.001, 0.999])
def test_share_of_zeros_and_mean(rate):
    y = np.array(Dropout(rate, seed=0)(X, training=True))
    # Rounded to a multiple of 1/256 where that is neither 0 nor 1.
    rounded = round(rate * 256) / 256
    share = rounded if 0 < rounded < 1 else rate
    deviation = (share * (1 - share) / X.size) ** 0.5
    assert (y == 0).mean() == pytest.approx(share, abs=5 * deviation)
    np.testing.assert_allclose(y[y > 0], 1 / (1 - share), rtol=1e-5)


@pytest.mark.parametrize("dim", [1, 3, 4, 5, 128])
def test_every_feature_is_as_likely(dim):
    x = np.ones((20_000, dim), "float32")
    y = np.array(Dropout(0.25, seed=0)(x, training=True))
    assert y.shape == x.shape
    deviation = (0.25 * 0.75 / len(x)) ** 0.5
    np.testing.assert_allclose((y == 0).mean(axis=0), 0.25, atol=5 * deviation)


def test_features_drop_independently():
    x = np.ones((50_000, 8), "float32")
    dropped = np.array(Dropout(0.5, seed=0)(x, training=True)) == 0
    off_diagonal = np.corrcoef(dropped.T) - np.eye(8)
    assert np.abs(off_diagonal).max() < 5 / len(x) ** 0.5


def test_calls_differ_and_the_seed_repeats_them():
    first, second = (Dropout(0.5, seed=3) for _ in range(2))
    draws = [np.array(first(X[0], training=True)) for _ in range(2)]
    assert (draws[0] != draws[1]).any()
    np.testing.assert_array_equal(draws[0], second(X[0], training=True))


def test_out_of_training_it_does_nothing():
    np.testing.assert_array_equal(Dropout(0.5)(X), X)
    np.testing.assert_array_equal(Dropout(0.0)(X, training=True), X)


def test_gradient_flows_where_kept():
    layer = Dropout(0.5, seed=0)
    slope = gradient(lambda x: ops.sum(layer(x, training=True)), X[0])
    kept = np.array(Dropout(0.5, seed=0)(X[0], training=True))
    np.testing.assert_array_equal(slope, kept)


@pytest.mark.parametrize("shape", [(None, None, 6), (None, None)])
def test_free_axes(shape):
    """Also where the last axis is free, as in attention probabilities."""
    tf = pytest.importorskip("tensorflow")

    layer = Dropout(0.5, seed=0)
    dropped = tf.function(lambda x: layer(x, training=True))
    spec = tf.TensorSpec(shape, "float32")
    x = np.ones((7, 5, 6)[-len(shape) :], "float32")
    y = np.array(dropped.get_concrete_function(spec)(tf.constant(x)))
    assert set(np.unique(y)) == {0.0, 2.0}


def test_bfloat16():
    y = Dropout(0.5, dtype="mixed_bfloat16")(X[0], training=True)
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"


@pytest.mark.parametrize("rate", [-0.1, 1.0, 10])
def test_wrong_rate(rate):
    with pytest.raises(ValueError, match=f"rate={rate}.*below 1"):
        Dropout(rate)
