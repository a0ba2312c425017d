"""What every layer and every architecture must keep, checked by one line each."""

import dataclasses
import inspect
import tempfile
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

# A bfloat16 has 8 significant bits, so a feature of a normalised vector (about 1 to
# 4) is known to 2^-7 to 2^-6, and a few layers may each turn one such rounding.
TOLERANCE = {"float32": 1e-5, "mixed_bfloat16": 2**-4}


def gradient(function, x):
    """d function(x) / dx of a scalar function, as an array, on any backend."""
    x = ops.convert_to_tensor(x, dtype="float32")
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return ops.convert_to_numpy(tape.gradient(y, x))
    if keras.config.backend() == "jax":
        import jax

        return ops.convert_to_numpy(jax.grad(function)(x))
    x.requires_grad_(True)
    function(x).backward()
    return ops.convert_to_numpy(x.grad)


def assert_layer_contract(layer, *inputs, output_shape, untrained=(), **options):
    """Checks what all layers promise, on one example call.

    Args:
        layer: a layer that was not called yet.
        inputs: float or int arrays, the positional call arguments.
        output_shape: tuple of ints, or a list of them for several outputs.
        untrained: ends of paths of weights that get no gradient, by design.
        options: further call arguments; arrays or plain values.
    """
    shapes = [x.shape for x in inputs]
    first_shape = output_shape[0] if isinstance(output_shape, list) else output_shape
    assert layer.compute_output_shape(*shapes) == first_shape

    before = layer.get_config()
    outputs = _flat(layer(*inputs, **options))
    expected = output_shape if isinstance(output_shape, list) else [output_shape]
    assert [x.shape for x in outputs] == expected
    assert layer.get_config() == before

    clone = _assert_build_makes_every_weight(layer, shapes)
    _assert_close(clone(*inputs, **options), outputs)
    _assert_saves_and_reloads(layer, inputs, options, outputs)
    _assert_mixed_precision_everywhere(layer, inputs, options)
    _assert_every_weight_trains(layer, inputs, options, untrained)


def _flat(outputs):
    return [ops.convert_to_numpy(x) for x in keras.tree.flatten(outputs)]


def _assert_close(outputs, expected):
    for ours, theirs in zip(_flat(outputs), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6, rtol=1e-5)


def _copy(layer):
    """Through the same form in which a saved model keeps its layers."""
    config = keras.saving.serialize_keras_object(layer)
    return keras.saving.deserialize_keras_object({**config, "build_config": None})


def _assert_build_makes_every_weight(layer, shapes):
    clone = _copy(layer)
    assert clone.get_config() == layer.get_config()
    accepted = len(inspect.signature(clone.build).parameters)
    clone.build(*shapes[:accepted])
    assert [w.shape for w in clone.weights] == [w.shape for w in layer.weights]
    clone.set_weights(layer.get_weights())
    return clone


def _assert_saves_and_reloads(layer, inputs, options, expected):
    """Symbolic = eager, with free axes, and again after saving to a file."""
    arrays = {k: v for k, v in options.items() if isinstance(v, np.ndarray)}
    plain = {k: v for k, v in options.items() if k not in arrays}

    def placeholder(x):
        free = [None] * max(1, x.ndim - 1)
        shape = (*free, *x.shape[len(free) :])
        return keras.Input(
            batch_shape=shape, dtype=keras.backend.standardize_dtype(x.dtype)
        )

    symbols = [placeholder(x) for x in inputs]
    named = {k: placeholder(v) for k, v in arrays.items()}
    model = keras.Model([symbols, named], _copy(layer)(*symbols, **named, **plain))
    model.set_weights(layer.get_weights())
    data = [list(inputs), arrays]
    _assert_close(model(data), expected)
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        loaded = keras.saving.load_model(f"{folder}/model.keras")
        _assert_close(loaded(data), expected)
        model.save_weights(f"{folder}/model.weights.h5")
        for weight in loaded.weights:
            weight.assign(np.zeros(weight.shape))
        loaded.load_weights(f"{folder}/model.weights.h5")
        _assert_close(loaded(data), expected)


def _assert_mixed_precision_everywhere(layer, inputs, options):
    config = {**layer.get_config(), "dtype": "mixed_bfloat16"}
    half = type(layer).from_config(config)
    for output in keras.tree.flatten(half(*inputs, **options)):
        assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    for sublayer in half._flatten_layers():
        assert sublayer.compute_dtype == "bfloat16", sublayer.path
        assert sublayer.variable_dtype == "float32", sublayer.path


def _assert_every_weight_trains(layer, inputs, options, untrained):
    """Each weight moves the output, but for those named in `untrained`."""

    def loss(outputs):
        y = keras.tree.flatten(outputs)[0]
        # Any fixed weights do; equal ones would be cancelled by a norm.
        return ops.sum(y * ops.reshape(ops.sin(ops.arange(0.0, ops.size(y))), y.shape))

    slopes = _weight_gradients(loss, layer, inputs, options)
    for weight, slope in zip(layer.trainable_weights, slopes, strict=True):
        trains = np.abs(ops.convert_to_numpy(slope)).max() > 1e-5
        assert trains != weight.path.endswith(tuple(untrained)), weight.path


def _weight_gradients(loss, layer, inputs, options):
    """d loss(layer(...)) / d weight, of each weight that trains, on any backend."""
    values = [weight.value for weight in layer.trainable_weights]
    if not values:
        return []
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            y = loss(layer(*inputs, **options))
        return tape.gradient(y, values)
    if keras.config.backend() == "jax":
        import jax

        others = [weight.value for weight in layer.non_trainable_variables]

        def stateless(values):
            return loss(layer.stateless_call(values, others, *inputs, **options)[0])

        return jax.grad(stateless)(values)
    loss(layer(*inputs, **options)).backward()
    return [value.grad for value in values]


@dataclasses.dataclass(frozen=True)
class MaskCase:
    """One architecture, as the mask contract sees it.

    An architecture reads named streams of places (`source`, `target`, ...) and gives
    outputs for the places of one of them, the last. A batch holds for each stream
    `s`: `s` `(rows, length, ...)`, `s_mask` bool `(rows, length)` and, only when
    packed, `s_segment_ids` and `s_positions` int `(rows, length)`.

    Args:
        name: str, for the test's name.
        make: dtype policy name -> built model with random weights.
        streams: names, the one with outputs last.
        place: (rng, shape) -> array of places, e.g. token ids or vectors.
        call: (model, batch) -> outputs `(rows, length, features)`.
        shifted: (model, batch, delta) -> outputs, where `delta` float
            `(rows, length, hidden_dim)` is added to the vectors of the last stream.
        causal: bool. Outputs may see no later place of the last stream.
        decode: optional (model, batch, rowwise) -> outputs, made place by place with
            a cache; `rowwise`: the index is given for each row.
        filler: what stands on padding.
        hidden_dim: int.
    """

    name: str
    make: Callable
    streams: tuple
    place: Callable
    call: Callable
    shifted: Callable
    causal: bool = False
    decode: Callable | None = None
    filler: float = 0
    hidden_dim: int = 16

    def examples(self, count=3, seed=0):
        """Dicts of arrays `(length, ...)`, each of its own length."""
        rng = np.random.default_rng(seed)
        return [
            {
                # Unlike lengths, so that streams cannot be mixed up unnoticed.
                stream: self.place(rng, 3 + (2 * i + 3 * k) % 5 + k)
                for k, stream in enumerate(self.streams)
            }
            for i in range(count)
        ]

    def batch(self, examples, padding=0):
        """One example a row, padded to the longest and `padding` places more."""
        batch = {}
        for stream in self.streams:
            rows = [example[stream] for example in examples]
            length = max(map(len, rows)) + padding
            batch[stream] = np.stack([self._fill(row, length) for row in rows])
            lengths = np.array([[len(row)] for row in rows])
            batch[f"{stream}_mask"] = np.arange(length) < lengths
        return batch

    def packed(self, examples, padding=0):
        """All examples in one row, with segments and restarted positions."""
        batch = {}
        for stream in self.streams:
            rows = [example[stream] for example in examples]
            length = sum(map(len, rows)) + padding
            segments = [np.full(len(row), i + 1) for i, row in enumerate(rows)]
            positions = [np.arange(len(row)) for row in rows]
            segment_ids, positions = (
                np.pad(np.concatenate(x), (0, padding))[None].astype("int32")
                for x in (segments, positions)
            )
            batch[stream] = self._fill(np.concatenate(rows), length)[None]
            batch[f"{stream}_mask"] = segment_ids > 0
            batch[f"{stream}_segment_ids"] = segment_ids
            batch[f"{stream}_positions"] = positions
        return batch

    def _fill(self, row, length):
        filled = np.full((length, *row.shape[1:]), self.filler, dtype=row.dtype)
        filled[: len(row)] = row
        return filled

    def outputs(self, model, batch):
        """float32 array `(rows, length, features)`."""
        return _numpy(self.call(model, batch))

    def influence(self, model, batch, place):
        """How much each place of the last stream moves the outputs at `place`.

        Returns:
            float array `(rows, length)`: sizes of the gradients.
        """
        length = batch[self.streams[-1]].shape[:2]
        delta = np.zeros((*length, self.hidden_dim), "float32")

        def output(delta):
            y = ops.cast(self.shifted(model, batch, delta)[:, place], "float32")
            # Any fixed weights do; equal ones would be cancelled by a norm.
            return ops.sum(y * ops.sin(ops.arange(y.shape[-1], dtype="float32")))

        return np.abs(gradient(output, delta)).sum(axis=-1)


def _numpy(x):
    return ops.convert_to_numpy(ops.cast(x, "float32"))
