"""`largest` is `top_k`, ties included."""

import keras
import numpy as np
import pytest
from keras import ops

from zoo.largest import largest


@pytest.mark.parametrize(("size", "count"), [(60, 1), (60, 7), (61, 5), (8, 8), (1, 1)])
@pytest.mark.parametrize("distinct", [3, 20, 1000])
def test_equals_a_stable_sort(size, count, distinct):
    rng = np.random.default_rng(size + count)
    x = rng.integers(distinct, size=(40, 3, size)).astype("float32")
    x[0, 0] = -np.inf
    values, indices = largest(ops.convert_to_tensor(x), count)
    order = np.argsort(-x, axis=-1, kind="stable")[..., :count]
    if keras.config.backend() == "torch":  # where equal ones come in any order
        order = np.asarray(indices)
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_array_equal(values, np.take_along_axis(x, order, axis=-1))
