"""The encoder of a captioner learns words first."""

import keras
import numpy as np
import pytest

import zoo
from tests.tasks.captioned import CAPTIONS, examples
from zoo.models import residual_network


@pytest.fixture(scope="module")
def tokenizer():
    return zoo.text.learn_tokenizer(CAPTIONS * 20, vocabulary_size=290)


def captioner(tokenizer, image_encoder):
    keras.utils.set_random_seed(0)
    return zoo.ImageCaptioner.from_preset(
        "captioner_tiny",
        tokenizer=tokenizer,
        image_encoder=image_encoder,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=32,
    )


def named(network):
    """Its output has a name, as those of KerasHub's backbones."""
    return keras.Model(network.input, {"features": network.output})


@pytest.mark.parametrize(
    "image_encoder",
    [
        lambda: residual_network(16, (8, 16), num_blocks=1),
        lambda: zoo.ImageEncoder(16, 8, 1, 2, 16, 32),
    ],
    ids=["residual", "transformer"],
)
def test_the_encoder_learns_and_the_decoder_stays(tokenizer, image_encoder):
    task = captioner(tokenizer, image_encoder())
    own = {id(v) for v in task.model.image_encoder.trainable_variables}
    before = {v.path: v.numpy() for v in task.model.trainable_variables}
    words = zoo.tasks.ImageWords(task, examples())
    words.compile(5e-3)
    batches = words.batches(batch_size=8)
    history = words.model.fit(batches, epochs=20, shuffle=False, verbose=0).history
    assert history["loss"][-1] < 0.9 * history["loss"][0]
    for variable in task.model.trainable_variables:
        is_same = np.array_equal(before[variable.path], variable.numpy())
        assert is_same != (id(variable) in own), variable.path


def test_before_it_learns_it_knows_how_common_words_are(tokenizer):
    network = named(residual_network(16, (8,), num_blocks=1))
    words = zoo.tasks.ImageWords(captioner(tokenizer, network), examples())
    bias = words.model.get_layer("scores").bias.numpy()
    shares = 1 / (1 + np.exp(-bias))
    (before,) = tokenizer.tokenize(["before"]).to_list()
    (red,) = tokenizer.tokenize(["red"]).to_list()
    np.testing.assert_allclose(shares[before], 1, atol=0.01)  # in all captions
    assert abs(min(shares[red]) - 8 / 20) < 0.01  # in 8 of 20
    assert shares[0] < 0.01


def test_a_frozen_encoder_is_refused(tokenizer):
    network = residual_network(16, (8,), num_blocks=1)
    network.trainable = False
    with pytest.raises(ValueError, match="frozen.*Set its trainable to True"):
        zoo.tasks.ImageWords(captioner(tokenizer, network), examples())


def test_examples_of_another_form_are_refused(tokenizer):
    task = captioner(tokenizer, residual_network(16, (8,), num_blocks=1))
    with pytest.raises(ValueError, match="captions"):
        zoo.tasks.ImageWords(task, examples().map(lambda e: {"image": e["image"]}))
