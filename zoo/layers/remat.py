"""Rematerialisation: less memory in training, for a second forward pass."""

import keras
from keras import ops


def rematerialized(layer, *tensors, training, **options):
    """What `layer(*tensors, **options)` gives, with nothing kept for its gradient.

    The way back computes the inside of the layer again
    ([Chen et al., 2016](https://arxiv.org/abs/1604.06174)), with the same random draws:
    random states are among what goes in, where Keras's own `RematScope` would draw
    anew.

    Args:
        layer: keras.Layer, built.
        tensors: what gradients flow through.
        training: bool or None. On the way back nobody else would tell.
        options: whatever else the layer takes.
    """
    weights, states = layer.trainable_variables, layer.non_trainable_variables
    # Read now: on the way back the variables have gone on.
    random = [ops.stop_gradient(state) for state in states]

    def pure(*values):
        own, inputs = values[: len(weights)], values[len(weights) :]
        mapping = [*zip(weights, own, strict=True), *zip(states, random, strict=True)]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            outputs = layer(*inputs, training=training, **options)
        return outputs, *(scope.get_current_value(state) for state in states)

    values = [variable.value for variable in weights]
    outputs, *later = keras.remat(pure)(*values, *tensors)
    for state, value in zip(states, later, strict=True):
        state.assign(value)
    return outputs


def rematerialize(model):
    """Lets all stacks of blocks in a model keep nothing of their insides in training.

    >>> rematerialize(translator.model)  # before it is compiled
    """
    stacks = [layer for layer in model._flatten_layers() if hasattr(layer, "remat")]
    for stack in stacks:
        stack.remat = True
