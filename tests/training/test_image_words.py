"""An encoder of images learns words first."""

import keras
import numpy as np
import pytest

import zoo
from tests.tasks.captioned import CAPTIONS, examples
from tests.training.tiny import Interrupt
from zoo.models import residual_network


@pytest.fixture(scope="module")
def tokenizer():
    return zoo.text.learn_tokenizer(CAPTIONS * 20, vocabulary_size=290)


def captioner(tokenizer, image_encoder=None):
    keras.utils.set_random_seed(0)
    network = image_encoder or residual_network(16, (8, 16), num_blocks=1)
    return zoo.ImageCaptioner.from_preset(
        "captioner_tiny",
        tokenizer=tokenizer,
        image_encoder=network,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=32,
    )


def learn(captioner, run_dir, epochs=3, **options):
    return zoo.training.learn_image_words(
        *(captioner, examples()),
        epochs=epochs,
        run_dir=run_dir,
        batch_size=8,
        verbose=0,
        **options,
    )


def test_the_encoder_learns_and_the_decoder_stays(tokenizer, tmp_path):
    task = captioner(tokenizer)
    own = {id(v) for v in task.model.image_encoder.trainable_variables}
    before = {v.path: v.numpy() for v in task.model.trainable_variables}
    history = learn(task, tmp_path / "words", epochs=25, learning_rate=5e-3)
    assert history["loss"][-1] < 0.9 * history["loss"][0]
    for variable in task.model.trainable_variables:
        is_same = np.array_equal(before[variable.path], variable.numpy())
        assert is_same != (id(variable) in own), variable.path


def test_it_goes_on_as_if_it_had_not_been_interrupted(tokenizer, tmp_path):
    undisturbed = captioner(tokenizer)
    history = learn(undisturbed, tmp_path / "undisturbed")
    with pytest.raises(KeyboardInterrupt):
        learn(captioner(tokenizer), tmp_path / "words", callbacks=[Interrupt(2)])
    resumed = captioner(tokenizer)
    assert learn(resumed, tmp_path / "words")["loss"] == history["loss"]
    pairs = zip(
        undisturbed.model.image_encoder.get_weights(),
        resumed.model.image_encoder.get_weights(),
        strict=True,
    )
    assert all(np.array_equal(one, other) for one, other in pairs)


def test_a_transformer_learns_words_too(tokenizer, tmp_path):
    task = captioner(tokenizer, zoo.ImageEncoder(16, 8, 1, 2, 16, 32))
    losses = learn(task, tmp_path / "words", epochs=1)["loss"]
    assert np.isfinite(losses).all()
