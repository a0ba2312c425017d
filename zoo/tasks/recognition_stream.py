"""A greedy transcript one token a call, with the state passed in and out."""

import tensorflow as tf

from zoo.data.speech_epochs import PLACES_PER_SECOND
from zoo.tasks.recognition_explanation import of_rows, one_window
from zoo.tasks.recognition_graph import text_of
from zoo.tasks.stream_state import greedy_step, specs, stacked, stacked_cache


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
    samples, num_samples, errors = one_window(data, model)
    memory, mask = of_rows(model.encode, samples, num_samples)
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
    new = greedy_step(
        state, task.model, task.tokenizer, state["limit"], state["memory_mask"]
    )
    text = text_of(new["token_ids"], task.tokenizer)
    return {**state, **new, "transcript": text}


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
