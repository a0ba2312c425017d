"""Compiles a function of a model's weights on whichever backend runs."""

import weakref

import keras
import tensorflow as tf
from keras import ops

if keras.backend.backend() == "jax":
    import jax
if keras.backend.backend() == "torch":
    import torch


def compiled(function, model, jit_compile=True):
    """Compiles `function`, which takes and gives TensorFlow tensors either way.

    On TensorFlow it becomes a `tf.function`, by XLA unless `jit_compile=False`. On
    JAX it is jitted, with the weights of `model` as arguments, so that later
    training is seen; on Torch it runs as it is. Text work stays in TensorFlow.
    """
    if keras.backend.backend() == "tensorflow":
        return tf.function(
            function,
            jit_compile=jit_compile,
            autograph=False,
            reduce_retracing=not jit_compile,  # a plain graph takes any shape
        )
    if keras.backend.backend() == "jax":
        function = _jitted(function, model)
    return bridged(function)


def bridged(function):
    """Lets a function of the backend's tensors take and give TensorFlow tensors.

    Nothing is differentiated: on Torch no gradients are kept ready.
    """
    if keras.backend.backend() == "tensorflow":
        return function
    if keras.backend.backend() == "torch":
        function = torch.no_grad()(function)

    def between(*arguments):
        arguments = keras.tree.map_structure(
            lambda x: ops.convert_to_tensor(x.numpy()), arguments
        )
        return keras.tree.map_structure(
            lambda x: tf.constant(ops.convert_to_numpy(x)), function(*arguments)
        )

    return between


def graph_function(function, *signature):
    """A `tf.function` of strings to answers, traced once; elsewhere as it is.

    Away from TensorFlow the model within runs on another backend, see `compiled`.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    return tf.function(function, input_signature=list(signature), autograph=False)


class CompiledFunctions:
    """Keeps compiled functions by key, for as long as the model's weights stay.

    A graph goes on with the weights that it was traced with. `enable_lora` and
    `quantize` put others in their place: then everything is made anew.
    """

    def __init__(self):
        self._functions = {}
        self._weights = []

    def get(self, key, make, weights):
        """The function kept under `key`, made by `make()` where there is none."""
        same = len(weights) == len(self._weights) and all(
            seen() is weight
            for seen, weight in zip(self._weights, weights, strict=True)
        )
        if not same:
            self._functions.clear()
            self._weights = [weakref.ref(weight) for weight in weights]
        if key not in self._functions:
            self._functions[key] = make()
        return self._functions[key]


def _jitted(function, model):
    @jax.jit
    def stateless(values, arguments):
        mapping = zip(model.variables, values, strict=True)
        with keras.StatelessScope(state_mapping=list(mapping)):
            return function(*arguments)

    def stateful(*arguments):
        return stateless([variable.value for variable in model.variables], arguments)

    return stateful


def should_jit_compile():
    """What `compile` shall take: XLA is left off in training on a TensorFlow CPU.

    It compiles long for every shape there and trains no faster. Under a
    `tf.distribute.Strategy` it is left off too: it cannot compile what sums gradients.
    """
    if keras.backend.backend() == "tensorflow" and (
        tf.distribute.has_strategy() or not tf.config.list_physical_devices("GPU")
    ):
        return False
    return "auto"
