"""Compiles a function of a model's weights on whichever backend runs."""

import keras
import tensorflow as tf
from keras import ops

if keras.backend.backend() == "jax":
    import jax


def compiled(function, model, jit_compile=True):
    """Compiles `function`, which takes and gives TensorFlow tensors either way.

    On TensorFlow it becomes a `tf.function`, by XLA unless `jit_compile=False`. On
    JAX it is jitted, with the weights of `model` as arguments, so that later
    training is seen; on Torch it runs as it is. Text work stays in TensorFlow.
    """
    if keras.backend.backend() == "tensorflow":
        return tf.function(function, jit_compile=jit_compile, autograph=False)
    if keras.backend.backend() == "jax":
        function = _jitted(function, model)

    def bridged(*arguments):
        arguments = keras.tree.map_structure(
            lambda x: ops.convert_to_tensor(x.numpy()), arguments
        )
        return keras.tree.map_structure(
            lambda x: tf.constant(ops.convert_to_numpy(x)), function(*arguments)
        )

    return bridged


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

    It compiles long for every shape there and trains no faster.
    """
    if keras.backend.backend() == "tensorflow" and not tf.config.list_physical_devices(
        "GPU"
    ):
        return False
    return "auto"
