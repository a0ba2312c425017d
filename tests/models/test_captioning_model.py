"""Images and tokens to the next tokens: the encoder, the decoder, other backbones."""

import keras
import numpy as np
import pytest
from keras import ops

from zoo.losses import SmoothedCrossentropy
from zoo.models import CaptioningModel, ImageEncoder

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (2, 16, 24, 3)).astype("uint8")
IDS = np.array([[1, 5, 7, 9, 0], [1, 8, 6, 0, 0]])
SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32}


def image_encoder(**options):
    return ImageEncoder((16, 24), patch_size=8, **{**SIZES, **options})


def captioner(encoder=None, **options):
    keras.utils.set_random_seed(0)
    encoder = encoder or image_encoder()
    model = CaptioningModel(encoder, 30, **{**SIZES, "dropout": 0.2, **options})
    model.build()
    return model


def network(shape=(16, 24, 3)):
    """A small convolutional network, as keras.applications has large ones."""
    images = keras.Input(shape)
    x = keras.layers.Rescaling(1 / 255)(images)
    x = keras.layers.Conv2D(12, 4, strides=4, activation="relu")(x)
    return keras.Model(images, x, name="network")


def logits(model, **inputs):
    return ops.convert_to_numpy(
        model({"images": IMAGES, "target_ids": IDS, **inputs}, training=False)
    )


def test_the_patch_divides_the_image():
    with pytest.raises(ValueError, match=r"\(16, 20\) and patch_size=8. Pass sides"):
        ImageEncoder((16, 20), patch_size=8)


@pytest.mark.parametrize("stem", ["linear", "convolutional"])
def test_shapes(stem):
    model = captioner(image_encoder(stem=stem))
    assert model.encode(IMAGES).shape == (2, 6, 16)
    assert logits(model).shape == (2, 5, 30)


def test_an_answer_depends_on_the_image_and_on_where_things_are():
    model = captioner()
    first = logits(model)
    assert np.abs(first - logits(model, images=IMAGES[::-1])).max() > 1e-3
    turned = IMAGES[:, :, ::-1]
    assert np.abs(first - logits(model, images=turned)).max() > 1e-3
    same = logits(model, images=IMAGES.astype("float32"))
    np.testing.assert_allclose(same, first, atol=1e-5)


def test_neighbours_do_not_change_an_answer():
    model = captioner()
    alone = model({"images": IMAGES[1:], "target_ids": IDS[1:, :3]}, training=False)
    np.testing.assert_allclose(logits(model)[1:, :3], alone, atol=1e-5)


def test_captions_of_one_image_share_a_row():
    model = captioner()
    packed = {
        "images": IMAGES[:1],
        "target_ids": np.array([[1, 5, 7, 9, 1, 8, 6, 0]]),
        "target_segment_ids": np.array([[1, 1, 1, 1, 2, 2, 2, 0]]),
        "target_positions": np.array([[0, 1, 2, 3, 0, 1, 2, 0]]),
    }
    row = ops.convert_to_numpy(model(packed, training=False))[0]
    apart = logits(model, images=np.repeat(IMAGES[:1], 2, axis=0))
    np.testing.assert_allclose(row[:4], apart[0, :4], atol=1e-5)
    np.testing.assert_allclose(row[4:7], apart[1, :3], atol=1e-5)


@pytest.mark.parametrize("make", [captioner, lambda: captioner(network())])
def test_a_reloaded_model_gives_the_same(make, tmp_path):
    model = make()
    model.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras")
    assert reloaded.get_config().keys() == model.get_config().keys()
    np.testing.assert_allclose(logits(reloaded), logits(model), atol=1e-6)


def test_a_map_of_features_is_a_memory_and_may_stay_as_it_is():
    backbone = network()
    model = captioner(backbone)
    assert model.encode(IMAGES).shape == (2, 24, 16)  # 4 x 6 places
    backbone.trainable = False
    names = {weight.path.split("/")[0] for weight in model.trainable_weights}
    assert "network" not in names and len(model.trainable_weights) > 10
    model.compile(keras.optimizers.SGD(1.0), SmoothedCrossentropy(), jit_compile=False)
    before = [weight.numpy() for weight in backbone.weights]
    model.train_on_batch({"images": IMAGES, "target_ids": IDS}, IDS)
    for weight, old in zip(backbone.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)


def test_a_frozen_encoder_stays_frozen_when_it_is_reloaded(tmp_path):
    encoder = image_encoder()
    encoder.trainable = False
    model = captioner(encoder)
    model.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(reloaded.trainable_weights) == len(model.trainable_weights)
    assert not reloaded.image_encoder.trainable_weights


def test_every_weight_trains():
    model = captioner(image_encoder(stem="convolutional"), tie_embeddings=False)
    model.compile(keras.optimizers.SGD(1.0), SmoothedCrossentropy(), jit_compile=False)
    before = [weight.numpy() for weight in model.trainable_weights]
    model.train_on_batch({"images": IMAGES, "target_ids": IDS}, IDS)
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert (weight.numpy() != old).any(), weight.path


def test_half_precision_reaches_the_image_encoder():
    model = captioner(image_encoder(dtype="mixed_bfloat16"))
    assert model.compute_dtype == "bfloat16"
    outputs = model({"images": IMAGES, "target_ids": IDS})
    assert ops.dtype(outputs) == "bfloat16"


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"image_size=\(16, 24\).* got .*\(24, 16\)"):
        image_encoder()(np.swapaxes(IMAGES, 1, 2))


def vision_transformer(shape=(32, 32, 3)):
    keras_nlp = pytest.importorskip("keras_nlp")
    return keras_nlp.models.ViTBackbone(
        shape, 8, num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=16
    )


def test_places_lie_where_they_are_in_an_image_that_is_no_square():
    model = captioner(vision_transformer((24, 56, 3)))
    seen = model.on_image(np.arange(22)[np.newaxis])
    np.testing.assert_array_equal(seen[0], np.arange(1, 22).reshape(3, 7))
    images, x = keras.Input((24, 56, 3)), keras.layers.Reshape((4, 1008))
    strip = captioner(keras.Model(images, x(images)))
    assert strip.on_image(np.arange(4)[np.newaxis]).shape == (1, 1, 4)


def test_an_encoder_keeps_its_own_dtype(tmp_path):
    model = captioner(image_encoder(dtype="mixed_bfloat16"), dtype="float32")
    again = CaptioningModel.from_config(model.get_config())
    assert again.compute_dtype == "float32"
    assert again.image_encoder.compute_dtype == "bfloat16"
    config = {**captioner().get_config(), "dtype": "bfloat16"}
    narrow = CaptioningModel.from_config(config)
    assert narrow.image_encoder.compute_dtype == "bfloat16"


def residual_network():
    return keras.applications.MobileNetV3Small(
        (32, 32, 3), include_top=False, weights=None, minimalistic=True
    )


@pytest.mark.parametrize(
    ("make", "grid"), [(vision_transformer, (4, 4)), (residual_network, (1, 1))]
)
def test_backbones_of_keras_nlp_and_keras_read_the_images(make, grid, tmp_path):
    encoder = make()
    encoder.trainable = False
    model = captioner(encoder)
    assert model.image_size == (32, 32)
    images = RNG.integers(0, 256, (2, 32, 32, 3)).astype("uint8")
    places = model.encode(images).shape[1]
    seen = model.on_image(np.tile(np.arange(places), (2, 1)))
    assert seen.shape == (2, *grid)
    # A token for the class stands before those of the image.
    last = np.arange(places)[-grid[0] * grid[1] :].reshape(grid)
    np.testing.assert_array_equal(seen[0], last)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert not again.image_encoder.trainable_weights
    expected = logits(model, images=images)
    np.testing.assert_allclose(logits(again, images=images), expected, atol=1e-6)


def pooled():
    images = keras.Input((16, 24, 3))
    return keras.Model(images, keras.layers.GlobalAveragePooling2D()(images))


def two_inputs():
    images = [keras.Input((16, 24, 3)), keras.Input((16, 24, 3))]
    return keras.Model(images, keras.layers.Add()(images))


def test_an_output_may_have_a_name():
    images = keras.Input((16, 24, 3))
    encoder = keras.Model(images, {"x": keras.layers.Conv2D(4, 8, 8)(images)})
    assert captioner(encoder).encode(IMAGES).shape == (2, 6, 16)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (pooled(), r"output \(None, 3\).*include_top=False"),
        (keras.Sequential([]), "unknown shape.*begins with keras.Input"),
        ("imagenet", "image_encoder 'imagenet'.*Pass a Keras model"),
        (network((16, 24, 1)), r"input \(None, 16, 24, 1\)"),
        (two_inputs(), r"input \[\(None, 16, 24, 3\), "),
    ],
)
def test_a_network_that_does_not_fit_is_refused(encoder, message):
    with pytest.raises(ValueError, match=message):
        captioner(encoder)
