"""Images to vectors of patches."""

import numpy as np
import pytest
from keras import ops

from tests.contracts import assert_layer_contract, gradient
from zoo.layers import PatchEmbedding

IMAGES = np.random.default_rng(0).normal(size=(2, 8, 12, 3)).astype("float32")


@pytest.mark.parametrize("stem", ["linear", "convolutional"])
def test_layer_contract(stem):
    layer = PatchEmbedding(4, 16, stem=stem)
    assert_layer_contract(layer, IMAGES, output_shape=(2, 6, 16))


def test_a_patch_is_a_linear_function_of_its_pixels():
    layer = PatchEmbedding(4, 16)
    vectors = ops.convert_to_numpy(layer(IMAGES))
    kernel = ops.convert_to_numpy(layer.project.kernel).reshape(48, 16)
    number = 0
    for top in (0, 4):
        for left in (0, 4, 8):
            pixels = IMAGES[:, top : top + 4, left : left + 4].reshape(2, 48)
            expected = pixels @ kernel
            np.testing.assert_allclose(vectors[:, number], expected, atol=1e-5)
            number += 1
    assert number == vectors.shape[1]


@pytest.mark.parametrize("patch_size", [1, 2, 8])
def test_a_convolutional_stem_sees_the_patch_and_little_around_it(patch_size):
    layer = PatchEmbedding(patch_size, 16, stem="convolutional")
    images = np.random.default_rng(1).normal(size=(1, 64, 64, 3)).astype("float32")
    vectors = layer(images)
    side = 64 // patch_size
    assert vectors.shape == (1, side * side, 16)
    place = side // 2 * side + side // 2  # begins at pixel 32, 32

    def feature(x):
        return ops.sum(layer(x)[:, place] ** 2)

    seen = np.abs(gradient(feature, images)).max(axis=(0, 3)) > 0
    rows, columns = np.nonzero(seen)
    assert seen[32 : 32 + patch_size, 32 : 32 + patch_size].all()
    for places in (rows, columns):
        assert places.min() >= 32 - patch_size
        assert places.max() <= 32 + 2 * patch_size


def test_neighbours_in_the_batch_do_not_change_a_patch():
    layer = PatchEmbedding(4, 16, stem="convolutional")
    np.testing.assert_allclose(layer(IMAGES)[:1], layer(IMAGES[:1]), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stem": "conv"}, "stem='conv'. Choose 'linear' or 'convolutional'"),
        ({"patch_size": 0}, "patch_size=0. Pass 1 or more"),
        ({"patch_size": 12, "stem": "convolutional"}, "patch_size=12.*a power of 2"),
    ],
)
def test_what_cannot_be_made_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        PatchEmbedding(**{"patch_size": 4, "hidden_dim": 16, **options})


def test_images_that_are_no_multiple_of_a_patch_are_refused():
    layer = PatchEmbedding(4, 16)
    layer(IMAGES)
    with pytest.raises(ValueError, match="images of 8 x 10 pixels. Pass such whose"):
        layer(IMAGES[:, :, :10])
