"""A small convolutional network as the encoder of a captioner."""

import keras
import numpy as np
import pytest
from keras import ops

from zoo.models import CaptioningModel, residual_network

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype("uint8")


def test_each_stage_halves_the_image():
    network = residual_network(32, widths=(8, 16, 24), num_blocks=2)
    assert network.output_shape == (None, 2, 2, 24)
    assert network(IMAGES).shape == (3, 2, 2, 24)
    assert residual_network((32, 40), (8,), 1).output_shape == (None, 8, 10, 8)
    # A stem, and two blocks of two convolutions in each stage, one on each way beside.
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds.count("Conv2D") == 1 + 3 * (2 * 2 + 1)
    assert kinds.count("BatchNormalization") == kinds.count("Conv2D")


def test_a_block_begins_as_its_shortcut():
    one, three = (residual_network(32, (8, 16), num_blocks=n) for n in (1, 3))
    # The weights of the stem and of every stage's first block; the others are new.
    own = [layer for layer in one.layers if layer.weights]
    blocks = [layer for layer in three.layers if layer.weights]
    stem, stage = 2, 6
    taken = blocks[:stem] + blocks[stem : stem + stage]
    later = stem + stage + 2 * 4
    taken += blocks[later : later + stage]
    for layer, other in zip(own, taken, strict=True):
        other.set_weights(layer.get_weights())
    np.testing.assert_allclose(one(IMAGES), three(IMAGES), atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_a_captioner_with_it_is_saved_and_read(tmp_path, dtype):
    keras.utils.set_random_seed(0)
    network = residual_network(32, (8, 16), num_blocks=1, dtype=dtype)
    model = CaptioningModel(network, 30, 1, 2, 16, 32, dtype=dtype)
    model.build()
    assert model.image_size == (32, 32)
    assert model.on_image(np.zeros((1, 16))).shape == (1, 4, 4)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    inputs = {"images": IMAGES, "target_ids": np.array([[1, 5, 6]] * 3)}
    expected, found = (ops.convert_to_numpy(m(inputs)) for m in (model, again))
    np.testing.assert_array_equal(found, expected)
    assert {layer.compute_dtype for layer in again.image_encoder.layers[1:]} == {
        model.compute_dtype
    }
