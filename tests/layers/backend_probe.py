"""Runs the layers on the backend that KERAS_BACKEND names, from given weights.

    python -m tests.layers.backend_probe INPUTS.npz OUTPUTS.npz

`test_backends.py` runs it once a backend and compares what it writes.
"""

import sys

import keras
import numpy as np
from keras import ops

from zoo.layers import (
    Dropout,
    SinusoidalPositionEncoding,
    TokenEmbedding,
    TransformerDecoder,
    TransformerEncoder,
    segment_attention_mask,
)

OPTIONS = {
    "modern": {
        "norm_first": True,
        "norm": "rms",
        "activation": "swiglu",
        "num_key_value_heads": 1,
        "positions": "rotary",
    },
    "alibi": {"num_key_value_heads": 2, "positions": "alibi"},
}


class Probe(keras.Model):
    """Token ids of a source and a target -> logits, through every kind of layer."""

    def __init__(self, **options):
        super().__init__()
        self.embedding = TokenEmbedding(11, 8)
        self.positions = SinusoidalPositionEncoding()
        self.encoder = TransformerEncoder(1, 4, 8, 16, **options)
        self.decoder = TransformerDecoder(1, 4, 8, 16, **options)

    def build(self, input_shape=None):
        self.embedding.build()
        self.encoder.build((None, None, 8))
        self.decoder.build((None, None, 8))

    def encode(self, inputs):
        mask = ops.not_equal(inputs["source"], 0)
        x = self.embedding(inputs["source"])
        segments = segment_attention_mask(inputs["segments"], inputs["segments"])
        x = x + self.positions(x)
        return self.encoder(x, padding_mask=mask, attention_mask=segments), mask

    def call(self, inputs):
        memory, memory_mask = self.encode(inputs)
        y = self.embedding(inputs["target"])
        y = self.decoder(y + self.positions(y), memory, memory_mask=memory_mask)
        return self.embedding.logits(y)

    def decode_by_step(self, inputs, rowwise):
        memory, memory_mask = self.encode(inputs)
        target = inputs["target"]
        x = self.embedding(target)
        x = x + self.positions(x)
        crosses = self.decoder.project_memory(memory)
        caches = self.decoder.start_cache(len(target), target.shape[1] + 1)
        steps = []
        for i in range(target.shape[1]):
            index = np.full(len(target), i, "int32") if rowwise else i
            y, caches = self.decoder.step(
                x[:, i : i + 1], index, caches, crosses, memory_mask=memory_mask
            )
            steps.append(self.embedding.logits(y))
        return ops.concatenate(steps, axis=1)


def compiled(function):
    """In one piece where compiling it in pieces takes long."""
    if keras.config.backend() == "jax":
        import jax

        return jax.jit(function)
    return function


def run(model, inputs):
    """Outputs, by all ways, then the weights after three steps of training."""
    results = compiled(
        lambda inputs: {
            "call": model(inputs),
            "steps": model.decode_by_step(inputs, rowwise=False),
            "rowwise_steps": model.decode_by_step(inputs, rowwise=True),
        }
    )(inputs)
    model.compile(
        # Plain descent: an adaptive one would blow up roundings of small gradients.
        optimizer=keras.optimizers.SGD(0.1),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=keras.config.backend() == "jax",
    )
    labels = (inputs["target"] * 3) % 11
    model.fit(inputs, labels, epochs=3, batch_size=3, verbose=0, shuffle=False)
    results["trained"] = np.concatenate([w.numpy().ravel() for w in model.weights])
    return {name: ops.convert_to_numpy(value) for name, value in results.items()}


def dropped_share():
    x = Dropout(0.25, seed=0)(ops.ones((400, 50)), training=True)
    return ops.convert_to_numpy(ops.mean(ops.cast(ops.equal(x, 0), "float32")))


def main(inputs_path, outputs_path):
    arrays = dict(np.load(inputs_path))
    inputs = {name: arrays[name] for name in ("source", "target", "segments")}
    outputs = {"dropped": dropped_share()}
    for name, options in OPTIONS.items():
        model = Probe(**options)
        model.build()
        rng = np.random.default_rng(0)
        model.set_weights([rng.normal(size=w.shape) * 0.3 for w in model.weights])
        for key, value in run(model, inputs).items():
            outputs[f"{name}/{key}"] = value
    outputs["imported_tensorflow"] = np.array("tensorflow" in sys.modules)
    np.savez(outputs_path, **outputs)


if __name__ == "__main__":
    main(*sys.argv[1:])
