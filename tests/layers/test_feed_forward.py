import keras
import numpy as np
import pytest

from tests.contracts import assert_layer_contract
from zoo.layers import FeedForward

X = np.random.default_rng(0).normal(size=(2, 3, 8)).astype("float32")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"activation": "gelu", "dropout": 0.1},
        {"activation": "swiglu", "use_bias": False},
        {"activation": "geglu"},
        {"activation": keras.activations.tanh},
    ],
    ids=["relu", "gelu with dropout", "swiglu without biases", "geglu", "a function"],
)
def test_layer_contract(options):
    assert_layer_contract(FeedForward(8, 16, **options), X, output_shape=(2, 3, 8))


def dense(layer, x):
    return x @ layer.kernel.numpy() + layer.bias.numpy()


def test_plain_formula():
    layer = FeedForward(8, 16)
    y = layer(X)
    expected = dense(layer.contract, np.maximum(dense(layer.expand, X), 0))
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_gated_formula():
    layer = FeedForward(8, 16, activation="swiglu")
    y = layer(X)
    gate = dense(layer.gate, X)
    hidden = gate / (1 + np.exp(-gate)) * dense(layer.expand, X)
    np.testing.assert_allclose(y, dense(layer.contract, hidden), atol=1e-5)


def test_dropout_is_between_the_layers_and_in_training_only():
    layer = FeedForward(8, 16, dropout=0.5)
    assert np.abs(layer(X, training=True) - layer(X)).max() > 1e-3
    np.testing.assert_array_equal(layer(X), layer(X))


def test_wrong_size():
    with pytest.raises(ValueError, match=r"hidden_dim=4.*axis is 8.*hidden_dim=8"):
        FeedForward(4, 16)(X)


@pytest.mark.parametrize("activation", ["relu", "gelu", "gelu_tanh"])
def test_on_tensorflow_bias_and_activation_are_part_of_the_matrix_product(activation):
    tf = pytest.importorskip("tensorflow")
    from tests.executed_nodes import executed_nodes

    layer = FeedForward(8, 16, activation)
    layer.build(X.shape)
    function = tf.function(layer, autograph=False)
    nodes = executed_nodes(lambda: function(X))
    fused = [n.attr["fused_ops"].list.s for n in nodes if "FusedMatMul" in n.op]
    name = {"relu": b"Relu", "gelu": b"GeluExact", "gelu_tanh": b"GeluApproximate"}
    expected = [[b"BiasAdd"], [b"BiasAdd", name[activation]]]
    if activation != "relu" and not any(n.op.startswith("_Mkl") for n in nodes):
        expected[1].pop()  # only oneDNN has these
    assert sorted(map(list, fused)) == expected
