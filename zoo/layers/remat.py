"""Rematerialisation: less memory in training, for a second forward pass."""

import keras
from keras import ops


def rematerialized(layer, *tensors, training, **options):
    """What `layer(*tensors, **options)` gives, with nothing kept for its gradient.

    The way back computes the inside of the layer again
    ([Chen et al., 2016](https://arxiv.org/abs/1604.06174)), with the same random draws:
    random states are among what goes in, where Keras's own `RematScope` would draw
    anew. In mixed precision all weights go in rounded, those of norms too.

    Args:
        layer: keras.Layer, built.
        tensors: what gradients flow through.
        training: bool or None. On the way back nobody else would tell.
        options: whatever else the layer takes.
    """
    weights, states = layer.trainable_variables, layer.non_trainable_variables
    # Read now: on the way back the variables have gone on.
    read = [ops.stop_gradient(state) for state in states]
    # Frozen weights among them are only read.
    seeds = [x for x in states if not keras.backend.is_float_dtype(x.dtype)]

    def pure(*values):
        own, inputs = values[: len(weights)], values[len(weights) :]
        mapping = [*zip(weights, own, strict=True), *zip(states, read, strict=True)]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            outputs = layer(*inputs, training=training, **options)
        return outputs, *(scope.get_current_value(seed) for seed in seeds)

    values = [variable.value for variable in weights]
    outputs, *later = keras.remat(pure)(*values, *tensors)
    for seed, value in zip(seeds, later, strict=True):
        seed.assign(value)
    return outputs


def rematerialize(model):
    """Lets all stacks of blocks in a model keep nothing of their insides in training.

    >>> rematerialize(translator.model)  # before it is compiled
    """
    stacks = [layer for layer in model._flatten_layers() if hasattr(layer, "remat")]
    for stack in stacks:
        stack.remat = True
