"""Greedy translation one token a call, with the state passed in and out."""

import tensorflow as tf

from zoo.tasks.generation import length_buckets
from zoo.tasks.stream_state import (
    specs,
    stacked,
    stacked_cache,
    unstacked,
    unstacked_cache,
)
from zoo.tasks.translation_graph import longest_answer, source_pieces


def start(texts, task):
    """string `(n,)` -> the state before the first token, tensors of `n` rows.

    Returns:
        dict: `translation` string, the text so far, and `finished` bool, both
        `(n,)`; the rest is for `step` only:
        `pieces` int32 `(n, P, S)`, what is still to translate, the present one first;
        `done` string `(n,)`, the translation of the pieces before it;
        `token_ids` int32 `(n, T)`, the present piece's translation so far;
        `index` int32 `(n,)`, its length; `crosses` and `cache`, keys and values
        `(n, layers, 2, heads, length, head_dim)`.
    """
    count = tf.size(texts)
    max_length = task.model.max_length
    rows, owner = source_pieces(
        texts, task.source_tokenizer, task.cut_tables, max_length
    )
    rows = rows.with_row_splits_dtype(tf.int64)
    pieces = tf.RaggedTensor.from_value_rowids(
        rows, owner, nrows=tf.cast(count, tf.int64)
    ).to_tensor()
    buckets = tf.constant(length_buckets(max_length))
    length = tf.reduce_min(tf.boolean_mask(buckets, buckets >= tf.shape(pieces)[2]))
    # At least one place, so that an empty request has something to look at.
    more = tf.maximum(1 - tf.shape(pieces)[1], 0)
    pieces = tf.pad(pieces, [[0, 0], [0, more], [0, length - tf.shape(pieces)[2]]])
    longest = tf.minimum(longest_answer(length), max_length)
    return {
        "translation": tf.fill([count], ""),
        "finished": pieces[:, 0, 0] == 0,
        "done": tf.fill([count], ""),
        "pieces": pieces,
        "token_ids": tf.zeros([count, longest], tf.int32),
        "index": tf.zeros([count], tf.int32),
        "crosses": _crosses(pieces[:, 0], task),
        "cache": stacked_cache(task.model.start_cache(count, longest)),
    }


def step(state, task):
    """One more token for every row that is not finished; the state as in `start`."""
    model, tokenizer = task.model, task.target_tokenizer
    index, token_ids = state["index"], state["token_ids"]
    source_ids = state["pieces"][:, 0]
    last = tf.gather(token_ids, tf.maximum(index - 1, 0), axis=1, batch_dims=1)
    logits, cache = model.step(
        tf.where(index == 0, tokenizer.start_token_id, last),
        index,
        unstacked_cache(state["cache"]),
        unstacked(state["crosses"]),
        memory_mask=source_ids != 0,
    )
    running = ~state["finished"]
    token = tf.argmax(logits, axis=-1, output_type=tf.int32)
    here = tf.range(tf.shape(token_ids)[1]) == index[:, None]
    token_ids = tf.where(here & running[:, None], token[:, None], token_ids)
    index += tf.cast(running, tf.int32)
    limits = longest_answer(tf.math.count_nonzero(source_ids, axis=1, dtype=tf.int32))
    limits = tf.minimum(limits, model.max_length)
    piece_ended = running & ((token == tokenizer.end_token_id) | (index >= limits))
    text = _join(state["done"], tokenizer.detokenize(token_ids))
    text = tf.where(running, text, state["translation"])
    pieces = tf.where(
        piece_ended[:, None, None],
        tf.pad(state["pieces"][:, 1:], [[0, 0], [0, 1], [0, 0]]),
        state["pieces"],
    )
    goes_on = piece_ended & (pieces[:, 0, 0] != 0)
    return {
        "translation": text,
        "finished": state["finished"] | (piece_ended & ~goes_on),
        "done": tf.where(piece_ended, text, state["done"]),
        "pieces": pieces,
        "token_ids": tf.where(goes_on[:, None], 0, token_ids),
        "index": tf.where(goes_on, 0, index),
        "crosses": tf.cond(
            tf.reduce_any(goes_on),
            lambda: _crosses(pieces[:, 0], task),
            lambda: state["crosses"],
        ),
        "cache": stacked_cache(cache),
    }


def state_signature(task):
    """The TensorSpecs of the state, in the order that `step` takes them."""
    return specs(
        task.model,
        {
            "translation": ([None], tf.string),
            "finished": ([None], tf.bool),
            "done": ([None], tf.string),
            "pieces": ([None, None, None], tf.int32),
            "token_ids": ([None, None], tf.int32),
            "index": ([None], tf.int32),
        },
    )


def _crosses(source_ids, task):
    memory, _ = task.model.encode(source_ids)
    return stacked(task.model.project_memory(memory))


def _join(done, text):
    gap = tf.where((done == "") | (text == ""), "", " ")
    return tf.strings.join([done, gap, text])
