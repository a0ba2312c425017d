"""TensorFlow's CTC beside Keras's."""

import keras
import numpy as np

from tests.contracts import gradient
from zoo.tasks.sparse_ctc import SparseCTC


def test_sparse_ctc_and_its_gradient_are_those_of_keras():
    labels = np.array([[1, 1, 4, 0], [2, 3, 2, 4], [3, 0, 0, 0]])
    logits = np.random.default_rng(1).normal(0, 2, (3, 9, 5)).astype("float32")
    logits[2, 4:] = [0, -1e9, -1e9, -1e9, -1e9]  # padding, as a model gives it
    weights = np.array([1.0, 0.5, 2.0], "float32")
    losses = [loss(reduction="sum") for loss in (SparseCTC, keras.losses.CTC)]
    ours, keras_ = (
        gradient(lambda x, f=f: f(labels, x, sample_weight=weights), logits)
        for f in losses
    )
    values = [float(f(labels, logits, sample_weight=weights)) for f in losses]
    np.testing.assert_allclose(*values, rtol=1e-5)
    np.testing.assert_allclose(ours, keras_, atol=1e-5)


def test_sparse_ctc_of_no_labels_is_nothing():
    labels = np.array([[1, 2], [0, 0]])
    logits = np.random.default_rng(1).normal(0, 2, (2, 5, 3)).astype("float32")
    logits[1] = [0, -1e9, -1e9]
    loss = SparseCTC(reduction="none")
    assert loss(labels, logits).numpy()[1] == 0 < loss(labels, logits).numpy()[0]
    slope = gradient(lambda x: SparseCTC()(labels, x), logits)
    assert np.isfinite(slope).all() and not slope[1].any() and slope[0].any()
