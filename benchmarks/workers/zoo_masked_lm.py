"""Worker: `zoo.MaskedLM`, its model trained by `fit` with KerasNLP's optimizer."""

import keras

import zoo
from benchmarks.worker import serve
from benchmarks.workers.keras_fit import facts, fit_repetitions, labelled
from benchmarks.workers.masked_words import word_tokenizer


def build(options):
    """Options: `size`, `vocabulary_size`, `batches` (a file), `steps`; `remat`."""
    keras.utils.set_random_seed(0)
    tokenizer = word_tokenizer(options["vocabulary_size"])
    model = zoo.MaskedLM.from_preset(options["size"], tokenizer).model
    if options.get("remat"):
        zoo.layers.rematerialize(model)
    model.compile(
        optimizer=keras.optimizers.Adam(5e-5),
        loss=zoo.losses.SmoothedCrossentropy(label_smoothing=0.0),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy()],
        jit_compile=False,
    )
    batches = labelled(options["batches"])
    return fit_repetitions(model, batches, options["steps"]), facts(model)


if __name__ == "__main__":
    serve(build)
