"""Several batches an update are one large batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.data.generated import date_pairs

UPDATES, BATCHES = 3, 4


@pytest.fixture(scope="module")
def tokenizer():
    pairs = date_pairs("train", size=200)
    return zoo.text.learn_tokenizer(pairs.map(lambda pair: pair["source"]), 400)


def trained(tokenizer, batches, optimizer):
    """The weights after an epoch."""
    keras.utils.set_random_seed(2)
    translator = zoo.Translator.from_preset(
        "translator_tiny", tokenizer=tokenizer, num_layers=1, dropout=0.0
    )
    translator.model.compile(
        optimizer, loss=zoo.losses.SmoothedCrossentropy(), jit_compile=False
    )
    translator.model.fit(batches(translator), epochs=1, shuffle=False, verbose=0)
    return translator.model.get_weights()


def small(translator):
    """Batches of one shape, with unlike numbers of real tokens."""
    return translator.batches(
        date_pairs("train", size=UPDATES * BATCHES * 8),
        batch_tokens=8 * 64,
        num_buckets=1,
        batches_per_update=BATCHES,
        shuffle=False,
    ).take(UPDATES * BATCHES)


def large(translator):
    batches = [*small(translator)]
    groups = [batches[at : at + BATCHES] for at in range(0, len(batches), BATCHES)]
    whole = [
        tf.nest.map_structure(lambda *parts: tf.concat(parts, axis=0), *group)
        for group in groups
    ]
    first, *others = (tf.data.Dataset.from_tensors(batch) for batch in whole)
    for other in others:
        first = first.concatenate(other)
    return first


def test_accumulated_gradients_are_those_of_the_large_batch(tokenizer):
    options = {"learning_rate": 0.1, "momentum": 0.9, "global_clipnorm": 0.05}
    sgd = keras.optimizers.SGD
    expected = trained(tokenizer, large, sgd(**options))
    accumulated = sgd(**options, gradient_accumulation_steps=BATCHES)
    actual = trained(tokenizer, small, accumulated)
    for x, y in zip(actual, expected, strict=True):
        np.testing.assert_allclose(x, y, rtol=0, atol=1e-6)
    steps = trained(tokenizer, small, sgd(**options))
    assert not np.allclose(steps[0], expected[0], rtol=0, atol=1e-4)
