"""Worker: our translation model, trained as `zoo.Translator` compiles it."""

import keras

import zoo
from benchmarks.worker import serve
from benchmarks.workers.keras_fit import facts, fit_repetitions, labelled
from zoo import presets
from zoo.losses import SmoothedCrossentropy


def build(options):
    """Options: `size`, `vocabulary_size`, `batches` (a file), `steps`."""
    keras.utils.set_random_seed(0)
    model = presets.translation_model(options["size"], options["vocabulary_size"])
    model.compile(
        optimizer=keras.optimizers.Adam(1e-4),
        loss=SmoothedCrossentropy(),
        jit_compile=False,
    )
    batches = labelled(options["batches"])
    repeat = fit_repetitions(model, batches, options["steps"])
    return repeat, {**facts(model), "zoo": getattr(zoo, "__version__", "")}


if __name__ == "__main__":
    serve(build)
