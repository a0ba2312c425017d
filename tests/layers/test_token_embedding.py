import keras
import numpy as np
import pytest
from keras import ops

from tests.contracts import assert_layer_contract
from zoo.layers import TokenEmbedding

IDS = np.array([[1, 2, 3], [4, 5, 0]], "int32")


@pytest.mark.parametrize("scale", [True, False])
def test_layer_contract(scale):
    layer = TokenEmbedding(7, 4, scale=scale)
    assert_layer_contract(layer, IDS, output_shape=(2, 3, 4))


def test_scale_is_the_root_of_hidden_dim():
    layer = TokenEmbedding(7, 4)
    layer.build()
    table = layer.embeddings.numpy()
    np.testing.assert_allclose(layer(IDS), 2 * table[IDS], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("shape", [(2, 4), (2, 3, 4)])
def test_logits_are_products_with_the_same_table(dtype, shape):
    layer = TokenEmbedding(7, 4, dtype=dtype)
    layer.build()
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    logits = layer.logits(x)
    assert keras.backend.standardize_dtype(logits.dtype) == layer.compute_dtype
    expected = x @ np.array(layer.embeddings).T
    # bfloat16 rounds table, inputs and products by up to 2^-9 of themselves each.
    tolerance = {"float32": 1e-5, "mixed_bfloat16": 2e-2}[dtype]
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.cast(logits, "float32")),
        expected,
        rtol=tolerance,
        atol=tolerance,
    )


def test_vectors_start_with_unit_length_on_average():
    layer = TokenEmbedding(1000, 64)
    layer.build()
    lengths = np.linalg.norm(layer.embeddings.numpy(), axis=1)
    assert lengths.mean() == pytest.approx(1, abs=0.05)
