"""A greedy caption one token a call, with the state passed in and out."""

import tensorflow as tf

from zoo.tasks.captioning_graph import pixels_of
from zoo.tasks.stream_state import greedy_step, specs, stacked, stacked_cache


def start(data, task):
    """string `(n,)`, bytes of images -> the state before the first token.

    Returns:
        dict of tensors of `n` rows: `caption` string, the text so far, `error` string
        and `finished` bool, all `(n,)`; the rest is for `step` only: `token_ids` int32
        `(n, T)`; `index` int32 `(n,)`, how many there are; `crosses` and `cache`, keys
        and values `(n, layers, 2, heads, length, head_dim)`.
    """
    model, count = task.model, tf.size(data)
    images, errors = pixels_of(data, model.image_size)
    return {
        "caption": tf.fill([count], ""),
        "error": errors,
        "finished": errors != "",
        "token_ids": tf.zeros([count, model.max_length], tf.int32),
        "index": tf.zeros([count], tf.int32),
        "crosses": stacked(model.project_memory(model.encode(images))),
        "cache": stacked_cache(model.start_cache(count, model.max_length)),
    }


def step(state, task):
    """One more token for every row that is not finished; the state as in `start`."""
    new = greedy_step(state, task.model, task.tokenizer, task.model.max_length)
    text = task.tokenizer.detokenize(new["token_ids"])
    return {**state, **new, "caption": text}


def state_signature(task):
    """The TensorSpecs of the state, in the order that `step` takes them."""
    return specs(
        task.model,
        {
            "caption": ([None], tf.string),
            "error": ([None], tf.string),
            "finished": ([None], tf.bool),
            "token_ids": ([None, None], tf.int32),
            "index": ([None], tf.int32),
        },
    )
