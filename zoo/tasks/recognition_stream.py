"""A greedy transcript one token a call, with the state passed in and out."""

import tensorflow as tf

from zoo.data.speech_epochs import PLACES_PER_SECOND
from zoo.tasks.recognition_explanation import one_window
from zoo.tasks.stream_state import (
    specs,
    stacked,
    stacked_cache,
    unstacked,
    unstacked_cache,
)


def start(data, task):
    """string `(n,)`, bytes of WAV files -> the state before the first token.

    Returns:
        dict of tensors of `n` rows: `transcript` string, the text so far, `error`
        string and `finished` bool, all `(n,)`; the rest is for `step` only: `token_ids`
        int32 `(n, T)`; `index` and `limit` int32 `(n,)`, how many there are and may be;
        `memory_mask` bool `(n, places)`; `crosses` and `cache`, keys and values `(n,
        layers, 2, heads, length, head_dim)`.
    """
    model, count = task.model, tf.size(data)
    samples, num_samples, errors = one_window(data, model.sample_rate_hz)
    memory, mask = model.encode(samples, num_samples)
    per_place = model.sample_rate_hz // PLACES_PER_SECOND
    return {
        "transcript": tf.fill([count], ""),
        "error": errors,
        "finished": num_samples == 0,
        "token_ids": tf.zeros([count, model.max_length], tf.int32),
        "index": tf.zeros([count], tf.int32),
        "limit": tf.minimum(num_samples // per_place + 1, model.max_length),
        "memory_mask": mask,
        "crosses": stacked(model.project_memory(memory)),
        "cache": stacked_cache(model.start_cache(count, model.max_length)),
    }


def step(state, task):
    """One more token for every row that is not finished; the state as in `start`."""
    model, tokenizer = task.model, task.tokenizer
    index, token_ids = state["index"], state["token_ids"]
    last = tf.gather(token_ids, tf.maximum(index - 1, 0), axis=1, batch_dims=1)
    logits, cache = model.step(
        tf.where(index == 0, tokenizer.start_token_id, last),
        tf.minimum(index, model.max_length - 1),
        unstacked_cache(state["cache"]),
        unstacked(state["crosses"]),
        memory_mask=state["memory_mask"],
    )
    running = ~state["finished"]
    token = tf.argmax(logits, axis=-1, output_type=tf.int32)
    here = tf.range(model.max_length) == index[:, tf.newaxis]
    token_ids = tf.where(here & running[:, tf.newaxis], token[:, tf.newaxis], token_ids)
    index += tf.cast(running, tf.int32)
    ended = (token == tokenizer.end_token_id) | (index >= state["limit"])
    return {
        **state,
        "transcript": tokenizer.detokenize(token_ids),
        "finished": state["finished"] | ended,
        "token_ids": token_ids,
        "index": index,
        "cache": stacked_cache(cache),
    }


def state_signature(task):
    """The TensorSpecs of the state, in the order that `step` takes them."""
    return specs(
        task.model,
        {
            "transcript": ([None], tf.string),
            "error": ([None], tf.string),
            "finished": ([None], tf.bool),
            "token_ids": ([None, None], tf.int32),
            "index": ([None], tf.int32),
            "limit": ([None], tf.int32),
            "memory_mask": ([None, None], tf.bool),
        },
        num_layers=task.model.num_decoder_layers,
    )
