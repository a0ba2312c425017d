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


def greedy_step(state, model, tokenizer, limit, memory_mask=None):
    """One more token for every row that is not finished.

    Args:
        state: dict with `token_ids` `(n, model.max_length)`, `index`, `finished`,
            `crosses` and `cache`.
        limit: int32, broadcast to `(n,)`. The most tokens of a row.
        memory_mask: bool `(n, places)`.

    Returns:
        what changes of the state: `token_ids`, `index`, `finished`, `cache`.
    """
    index, token_ids = state["index"], state["token_ids"]
    last = tf.gather(token_ids, tf.maximum(index - 1, 0), axis=1, batch_dims=1)
    logits, cache = model.step(
        tf.where(index == 0, tokenizer.start_token_id, last),
        tf.minimum(index, model.max_length - 1),
        unstacked_cache(state["cache"]),
        unstacked(state["crosses"]),
        memory_mask=memory_mask,
    )
    running = ~state["finished"]
    token = tf.argmax(logits, axis=-1, output_type=tf.int32)
    here = tf.range(model.max_length) == index[:, tf.newaxis]
    token_ids = tf.where(here & running[:, tf.newaxis], token[:, tf.newaxis], token_ids)
    index += tf.cast(running, tf.int32)
    ended = (token == tokenizer.end_token_id) | (index >= limit)
    return {
        "token_ids": token_ids,
        "index": index,
        "finished": state["finished"] | ended,
        "cache": stacked_cache(cache),
    }
