import keras
import pytest
import tensorflow as tf

import zoo
from tests.tasks.captioned import trained_captioner

# Enough text for a vocabulary, and a language that a model can learn in seconds:
# the target is the source in capitals.
LINES = [
    f"{article} {adjective} {noun} {verb} {article} {noun}."
    for article in ("the", "a")
    for adjective in ("small", "big", "red", "blue")
    for noun in ("dog", "cat", "house", "man")
    for verb in ("runs", "sees", "likes")
]


def pairs(lines):
    return tf.data.Dataset.from_tensor_slices(
        {"source": lines, "target": [line.upper() for line in lines]}
    )


@pytest.fixture(scope="session")
def tokenizer():
    lines = LINES + [line.upper() for line in LINES]
    return zoo.text.learn_tokenizer(lines, vocabulary_size=330)


@pytest.fixture(scope="session")
def translator(tokenizer):
    """A translator to capitals, trained until it mostly works; at most 24 tokens."""
    keras.utils.set_random_seed(0)
    translator = zoo.Translator.from_preset(
        "translator_tiny",
        tokenizer=tokenizer,
        num_layers=1,
        num_heads=2,
        hidden_dim=32,
        intermediate_dim=64,
        dropout=0.0,
        max_length=24,
    )
    translator.model.compile(
        keras.optimizers.Adam(3e-3),
        loss=zoo.losses.SmoothedCrossentropy(),
        jit_compile=False,
    )
    batches = translator.batches(pairs(LINES), batch_tokens=1024)
    translator.model.fit(batches, epochs=40, shuffle=False, verbose=0)
    return translator


@pytest.fixture(scope="session")
def export(translator, tmp_path_factory):
    """The path of the first exported version of `translator`."""
    folder = tmp_path_factory.mktemp("exports") / "capitals"
    return translator.export(str(folder), num_beams=3)


@pytest.fixture(scope="session")
def captioner():
    return trained_captioner()


@pytest.fixture(scope="session")
def captioner_export(captioner, tmp_path_factory):
    """The path of the first exported version of `captioner`."""
    folder = tmp_path_factory.mktemp("exports") / "colours"
    return captioner.export(str(folder), num_beams=3)
