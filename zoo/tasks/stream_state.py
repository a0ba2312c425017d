"""Keys and values of all layers in one tensor, to pass out of a graph and in again."""

import tensorflow as tf


def stacked(layers):
    """Pairs of `(n, heads, length, head_dim)` -> `(n, layers, 2, ...)`."""
    return tf.stack([tf.stack(pair, axis=1) for pair in layers], axis=1)


def unstacked(layers):
    """The reverse of `stacked`: a list of pairs."""
    return [tuple(tf.unstack(x, axis=1)) for x in tf.unstack(layers, axis=1)]


def stacked_cache(cache):
    return stacked([(layer["key"], layer["value"]) for layer in cache])


def unstacked_cache(cache):
    return [{"key": key, "value": value} for key, value in unstacked(cache)]


def specs(model, shapes, num_layers=None):
    """TensorSpecs by name: those of `shapes`, and those of `crosses` and `cache`.

    `num_layers` is that of the decoder, where the model has another.
    """
    head_dim = model.hidden_dim // model.num_heads
    keys = [None, num_layers or model.num_layers, 2, model.num_heads, None, head_dim]
    keys = dict.fromkeys(("crosses", "cache"), (keys, model.compute_dtype))
    return {
        name: tf.TensorSpec(shape, dtype, name=name)
        for name, (shape, dtype) in {**shapes, **keys}.items()
    }
