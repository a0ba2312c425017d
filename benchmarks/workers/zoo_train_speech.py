"""Worker: our speech model in training, samples in, compiled as its task does."""

import keras
import numpy as np
import tensorflow as tf

from benchmarks.worker import serve
from benchmarks.workers.forced_recognizer import random_sounds
from benchmarks.workers.keras_fit import facts, without_tuner
from zoo import presets
from zoo.tasks.training_defaults import compile_speech_model


def build(options):
    """Options: those of `speech2text_train`, and `ctc_weight`."""
    keras.utils.set_random_seed(0)
    model = presets.speech_model(options["size"], options["vocabulary_size"])
    compile_speech_model(model, options["ctc_weight"])
    rows, length = options["batch"], options["num_tokens"]
    sounds = random_sounds(rows, options["seconds"], model.sample_rate_hz)
    ids = np.random.default_rng(1).integers(
        4, options["vocabulary_size"], (rows, length)
    )
    inputs = {
        "samples": sounds,
        "num_samples": np.full(rows, sounds.shape[1], "int32"),
        "target_ids": ids,
    }
    labels = {"ctc": ids.astype("int32"), "tokens": ids}
    batch = tf.data.Dataset.from_tensors((inputs, labels)).repeat(options["steps"])
    batch = without_tuner(batch)

    def repeat():
        model.fit(batch, verbose=0, shuffle=False)
        return options["steps"] * rows * options["seconds"]

    return repeat, facts(model)


if __name__ == "__main__":
    serve(build)
