"""Worker: our translation model, compiled as `zoo.Translator` compiles it."""

import keras

from benchmarks.worker import serve
from benchmarks.workers.keras_fit import facts, fit_repetitions, labelled
from zoo import presets
from zoo.tasks.training_defaults import compile_translation_model


def build(options):
    """Options: `size`, `vocabulary_size`, `batches` (a file), `steps`."""
    keras.utils.set_random_seed(0)
    model = presets.translation_model(options["size"], options["vocabulary_size"])
    compile_translation_model(model)
    batches = labelled(options["batches"])
    return fit_repetitions(model, batches, options["steps"]), facts(model)


if __name__ == "__main__":
    serve(build)
