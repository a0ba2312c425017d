"""Worker: KerasNLP's BertMaskedLM, trained by `fit` as a plain graph.

It is compiled as it compiles itself (Adam, accuracy at the masks), but for XLA, with
which it trains no faster on a CPU.
"""

import keras
import keras_nlp
import numpy as np

from benchmarks.sizes import ENCODERS
from benchmarks.worker import serve
from benchmarks.workers.keras_fit import facts, fit_repetitions, labelled


def build(options):
    """Options: `size`, `vocabulary_size`, `batches` (a file), `steps`."""
    keras.utils.set_random_seed(0)
    size = ENCODERS[options["size"]]
    model = keras_nlp.models.BertMaskedLM(
        keras_nlp.models.BertBackbone(
            vocabulary_size=options["vocabulary_size"],
            num_layers=size.num_layers,
            num_heads=size.num_heads,
            hidden_dim=size.hidden_dim,
            intermediate_dim=size.intermediate_dim,
            dropout=size.dropout,
        )
    )
    model.compile(jit_compile=False)
    batches = [
        (_inputs(inputs), labels, weights)
        for inputs, labels, weights in labelled(options["batches"])
    ]
    versions = f"keras_nlp {keras_nlp.__version__}, {facts(model)['versions']}"
    repeat = fit_repetitions(model, batches, options["steps"])
    return repeat, {**facts(model), "versions": versions}


def _inputs(inputs):
    names = ("token_ids", "padding_mask", "mask_positions")
    segment_ids = np.zeros_like(inputs["token_ids"])
    return {**{name: inputs[name] for name in names}, "segment_ids": segment_ids}


if __name__ == "__main__":
    serve(build)
