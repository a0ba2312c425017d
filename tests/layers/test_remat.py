"""Computed twice, a gradient is the same, random draws included."""

import keras
import numpy as np
import pytest

import zoo
from tests.on_backend import run_on

tf = pytest.importorskip("tensorflow")
IDS = np.random.default_rng(0).integers(1, 30, (3, 7)).astype("int32")
IDS[1, 4:] = 0


def model(num_layers=1, **options):
    keras.utils.set_random_seed(5)
    model = zoo.models.TranslationModel(
        30,
        num_layers=num_layers,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=16,
        **options,
    )
    model.build()
    return model


def gradients(model):
    """Function without arguments, of a training step's loss and gradients."""
    loss = zoo.losses.SmoothedCrossentropy()

    def step():
        with tf.GradientTape() as tape:
            inputs = {"source_ids": IDS, "target_ids": IDS}
            value = loss(IDS, model(inputs, training=True))
        weights = [weight.value for weight in model.trainable_variables]
        return value, tape.gradient(value, weights)

    return step


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("wrap", [lambda step: step, tf.function], ids=["eager", "tf"])
def test_the_gradient_is_the_same(wrap, norm_first):
    plain = model(dropout=0.3, norm_first=norm_first)
    twice = model(dropout=0.3, norm_first=norm_first)
    zoo.layers.rematerialize(twice)
    steps = wrap(gradients(plain)), wrap(gradients(twice))
    for _ in range(2):  # random states go on
        (loss, expected), (its_loss, actual) = (step() for step in steps)
        np.testing.assert_allclose(loss, its_loss, rtol=1e-6)
        for x, y in zip(expected, actual, strict=True):
            x, y = (tf.convert_to_tensor(each) for each in (x, y))
            np.testing.assert_allclose(x, y, rtol=0, atol=1e-5)
    for x, y in zip(plain.variables, twice.variables, strict=True):
        np.testing.assert_array_equal(x.numpy(), y.numpy())


def num_products(model):
    graph = tf.function(gradients(model)).get_concrete_function().graph.as_graph_def()
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    return sum(node.op in ("MatMul", "BatchMatMulV2") for node in nodes)


def test_it_is_computed_twice():
    plain, twice = model(), model()
    zoo.layers.rematerialize(twice)
    assert num_products(twice) > 1.2 * num_products(plain)


def test_scores_are_there_on_request():
    twice = model(num_layers=2, dropout=0.0)
    encoder = twice.encoder
    x = np.random.default_rng(1).normal(size=(2, 5, 8)).astype("float32")
    expected, _ = encoder(x, return_scores=True)
    zoo.layers.rematerialize(twice)
    actual, scores = encoder(x, return_scores=True)
    assert len(scores) == 2
    np.testing.assert_allclose(actual, expected, atol=1e-6)
    np.testing.assert_allclose(encoder(x), expected, atol=1e-6)


JAX = """
import sys
import numpy as np
from tests.layers.test_remat import IDS, model
import zoo

losses = []
for twice in (False, True):
    it = model(dropout=0.3)
    if twice:
        zoo.layers.rematerialize(it)
    it.compile("adam", zoo.losses.SmoothedCrossentropy())
    inputs = {"source_ids": IDS, "target_ids": IDS}
    losses.append([float(it.train_on_batch(inputs, IDS)) for _ in range(3)])
np.testing.assert_allclose(*losses, rtol=1e-6)
assert losses[0][0] != losses[0][2]
print("the same")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "backend", ["jax", pytest.param("torch", marks=pytest.mark.slow)]
)
def test_other_backends_compute_the_same(backend):
    assert run_on(backend, "-c", JAX).endswith("the same\n")
