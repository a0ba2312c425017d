import numpy as np
import pytest
from keras import ops

from zoo.layers.dot_product import attend_fused, attend_with_scores


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_a_row_with_nothing_to_see_is_harmless_beside_a_bias(dtype):
    """Forwards and backwards: -1e9 is -inf in float16, and -inf - -inf is NaN."""
    tf = pytest.importorskip("tensorflow")
    x = np.random.default_rng(0).normal(size=(1, 4, 2, 8))
    query = ops.cast(x, dtype)
    key = ops.swapaxes(query, 1, 2)
    mask = np.tril(np.ones((1, 1, 4, 4), bool))
    mask[:, :, 2] = False
    distance = np.arange(4)[:, None] - np.arange(4)
    bias = np.float32(-0.5 * np.abs(distance))[None, None]
    with tf.GradientTape() as tape:
        tape.watch(query)
        attended = attend_fused(query, key, key, mask, bias)
        total = ops.sum(attended)
    gradient = ops.cast(tape.gradient(total, query), "float32")
    assert np.isfinite(gradient).all()
    assert not ops.cast(attended, "float32")[:, 2].numpy().any()
    expected, _ = attend_with_scores(query, key, key, mask, bias)
    expected, attended = (ops.cast(y, "float32") for y in (expected, attended))
    np.testing.assert_allclose(attended, expected, atol=0.05)


def test_an_empty_batch_is_attended_to():
    x = np.zeros((0, 4, 2, 8), "float32")
    key = ops.swapaxes(x, 1, 2)
    attended, scores = attend_with_scores(x, key, key)
    assert attended.shape == (0, 4, 2, 8)
    assert scores.shape == (0, 2, 4, 4)
