import keras
import numpy as np
import pytest
from keras import ops

from tests.contracts import gradient
from zoo.losses import (
    ContrastiveCrossentropy,
    SmoothedCrossentropy,
    smoothed_crossentropy,
)

LABELS = np.array([[1, 4, 0], [2, 2, 3]])
LOGITS = np.random.default_rng(0).normal(0, 3, (2, 3, 5)).astype("float32")


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 0.5])
def test_equals_keras_on_one_hot_labels(label_smoothing):
    reference = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=label_smoothing, reduction=None
    )
    np.testing.assert_allclose(
        smoothed_crossentropy(LABELS, LOGITS, label_smoothing),
        reference(np.eye(5)[LABELS], LOGITS),
        rtol=1e-5,
    )


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_the_gradient_by_hand_is_that_of_the_formula(label_smoothing):
    def formula(logits):
        target = ops.one_hot(LABELS, 5) * (1 - label_smoothing) + label_smoothing / 5
        return ops.sum(
            ops.multiply(WEIGHT, -ops.sum(target * ops.log_softmax(logits), axis=-1))
        )

    def by_hand(logits):
        losses = smoothed_crossentropy(LABELS, logits, label_smoothing)
        return ops.sum(ops.multiply(WEIGHT, losses))

    np.testing.assert_allclose(
        gradient(by_hand, LOGITS), gradient(formula, LOGITS), atol=1e-6
    )


WEIGHT = np.array([[1.0, 2.0, 0.0], [0.5, 1.0, 3.0]], "float32")


def test_large_logits_neither_overflow_nor_lose_the_loss():
    logits = np.array([[1e4, -1e4, 0.0]], "float32")
    loss = smoothed_crossentropy(np.array([1]), logits, label_smoothing=0.0)
    np.testing.assert_allclose(loss, [2e4])
    np.testing.assert_allclose(
        gradient(lambda x: ops.sum(smoothed_crossentropy([1], x, 0.0)), logits),
        [[1.0, -1.0, 0.0]],
    )


def test_with_weights_of_mean_one_it_is_the_exact_mean_over_real_tokens():
    real = np.array([[1, 1, 0], [1, 0, 0]], "float32")
    weight = real * real.size / real.sum()
    loss = SmoothedCrossentropy(0.1)(LABELS, LOGITS, sample_weight=weight)
    every = ops.convert_to_numpy(smoothed_crossentropy(LABELS, LOGITS, 0.1))
    np.testing.assert_allclose(loss, every[real == 1].mean(), rtol=1e-6)


def test_half_precision_logits_are_summed_in_float32():
    loss = smoothed_crossentropy(LABELS, ops.cast(LOGITS, "bfloat16"))
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    np.testing.assert_allclose(loss, smoothed_crossentropy(LABELS, LOGITS), rtol=2e-2)


def test_the_config_rebuilds_the_loss():
    loss = keras.losses.deserialize(keras.losses.serialize(SmoothedCrossentropy(0.2)))
    assert isinstance(loss, SmoothedCrossentropy)
    assert loss.label_smoothing == 0.2


def test_a_smoothing_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"must be in \[0, 1\), got 1.5"):
        SmoothedCrossentropy(1.5)


def contrastive_by_loops(labels, rows, temperature):
    """The formula of the docstring, one row at a time."""
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    scores = rows @ rows.T / temperature
    losses = []
    for i, label in enumerate(labels):
        others = [k for k in range(len(labels)) if k != i and labels[k] >= 0]
        total = np.log(np.exp(scores[i, others]).sum())
        partners = [k for k in others if labels[k] == label]
        losses.append(np.mean([total - scores[i, j] for j in partners] or [0.0]))
    return losses


def test_contrastive_loss_is_that_of_its_formula():
    labels = np.array([4, 0, 4, -1, 4, 0, -1])
    rows = np.random.default_rng(0).normal(size=(7, 6)).astype("float32")
    loss = ContrastiveCrossentropy(0.3, reduction=None)
    expected = contrastive_by_loops(labels, rows, 0.3)
    filled = labels >= 0
    np.testing.assert_allclose(
        ops.convert_to_numpy(loss(labels, rows))[filled],
        np.array(expected)[filled],
        rtol=1e-5,
    )
    # Neither the length of a row nor what stands in an unused one plays a part.
    longer = rows * np.array([[1, 2, 3, 4, 5, 6, 7]]).T
    longer[3] = 100.0
    np.testing.assert_allclose(
        ops.convert_to_numpy(loss(labels, longer))[filled],
        np.array(expected)[filled],
        rtol=1e-5,
    )


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_row_of_zeros_has_a_slope(jit_compile):
    tf = pytest.importorskip("tensorflow")
    labels = tf.constant([0, -1, 0, -1])
    rows = tf.constant([[1.0, 2.0], [0.0, 0.0], [2.0, 1.0], [0.0, 0.0]])

    @tf.function(jit_compile=jit_compile)
    def slope(rows):
        with tf.GradientTape() as tape:
            tape.watch(rows)
            loss = ContrastiveCrossentropy()(labels, rows)
        return tape.gradient(loss, rows)

    assert np.isfinite(slope(rows)).all()


def test_contrastive_loss_prefers_partners_that_are_near():
    labels = np.array([0, 1, 0, 1])
    near = np.array([[1, 0], [0, 1], [1, 0.1], [0.1, 1]], "float32")
    far = near[[0, 1, 3, 2]]
    loss = ContrastiveCrossentropy()
    assert loss(labels, near) < 0.01 < 5.0 < loss(labels, far)
    assert loss.get_config()["temperature"] == 0.05
    with pytest.raises(ValueError, match="temperature must be over 0, got 0"):
        ContrastiveCrossentropy(0)
