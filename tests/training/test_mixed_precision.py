"""Two thousand steps in half the precision, and every number stays finite."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.data.generated import date_pairs
from zoo.data.generated_scenes import captioned_scenes
from zoo.data.morse import morse_sounds

SMALL = {"num_layers": 2, "hidden_dim": 32, "num_heads": 2, "intermediate_dim": 64}


def translation(dtype):
    pairs = date_pairs("train", size=300)
    lines = pairs.map(lambda pair: pair["source"])
    translator = zoo.Translator.from_preset(
        "translator_tiny",
        tokenizer=zoo.text.learn_tokenizer(lines, 400),
        dtype=dtype,
        **SMALL,
    )
    return translator, translator.batches(pairs, batch_tokens=512, packed=True)


def masked_words(dtype):
    lines = date_pairs("train", size=300).map(lambda pair: {"text": pair["source"]})
    task = zoo.MaskedLM.from_preset(
        "bert_tiny",
        tokenizer=zoo.text.learn_tokenizer(
            lines.map(lambda line: line["text"]), 200, kind="word_piece", at_most=True
        ),
        dtype=dtype,
        **SMALL,
    )
    return task, task.batches(lines, row_length=32, batch_size=8)


def captions(dtype):
    scenes = captioned_scenes("train").take(20)
    lines = scenes.flat_map(lambda e: scenes.from_tensor_slices(e["captions"]))
    captioner = zoo.ImageCaptioner.from_preset(
        "captioner_mini",
        tokenizer=zoo.text.learn_tokenizer(lines, 340, at_most=True),
        dtype=dtype,
    )
    return captioner, captioner.batches(scenes, batch_tokens=80)


def speech(dtype):
    sounds = morse_sounds("train").take(20)
    lines = sounds.map(lambda sound: sound["transcript"])
    recognizer = zoo.SpeechRecognizer.from_preset(
        "speech_tiny",
        tokenizer=zoo.text.learn_tokenizer(lines, 300, at_most=True),
        sample_rate_hz=8_000,
        num_mels=20,
        filters=16,
        dtype=dtype,
        **{**SMALL, "num_decoder_layers": 1},
    )
    return recognizer, recognizer.batches(sounds, batch_seconds=30)


class Losses(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(logs["loss"])


FAMILIES = [translation, masked_words, captions, speech]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("make", FAMILIES)
def test_nothing_becomes_infinite(make, dtype):
    losses = trained(make, dtype, 2000)
    assert losses[-1] < losses[0]


def test_the_first_steps_are_finite():
    assert len(trained(translation, "mixed_float16", 20)) == 20


def trained(make, dtype, num_steps):
    """The losses, once all numbers were looked at."""
    keras.utils.set_random_seed(1)
    task, batches = make(dtype)
    losses = Losses()
    task.model.fit(
        batches.repeat(),
        steps_per_epoch=num_steps,
        epochs=1,
        shuffle=False,
        callbacks=[losses],
        verbose=0,
    )
    assert np.isfinite(losses.seen).all()
    for weight in task.model.weights:
        if weight.dtype == "float32":
            assert tf.reduce_all(tf.math.is_finite(weight.value))
    scales = dtype == "mixed_float16"
    assert (
        isinstance(task.model.optimizer, keras.optimizers.LossScaleOptimizer) == scales
    )
    return losses.seen
