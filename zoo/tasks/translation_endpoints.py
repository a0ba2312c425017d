"""The signatures of an exported translator."""

import functools

import tensorflow as tf

from zoo.tasks.translation_explanation import explain
from zoo.tasks.translation_graph import join_pieces, search_texts
from zoo.tasks.translation_stream import start, state_signature, step


def translation_endpoints(decode, num_beams, task):
    """Functions and input signatures by name, as `zoo.export` takes them.

    Args:
        decode: callable of the number of answers wanted, and then as
            `zoo.tasks.generation.decode_in_pieces` takes it.
        num_beams: int. The answers that `decode` gives to each row.
        task: `zoo.Translator`.
    """

    best, all_answers = (functools.partial(decode, n) for n in (1, num_beams))

    def n_best(text):
        _, owner, token_ids, scores = _search(text, all_answers, task, num_beams)
        answers, scores = join_pieces(
            owner, token_ids, scores, tf.size(text), task.target_tokenizer
        )
        return {"translations": answers, "scores": scores}

    def serving_default(text):
        _, owner, token_ids, scores = _search(text, best, task, num_beams)
        answers, scores = join_pieces(
            owner, token_ids[:, :1], scores[:, :1], tf.size(text), task.target_tokenizer
        )
        return {"translation": answers[:, 0], "score": scores[:, 0]}

    texts = [tf.TensorSpec([None], tf.string, name="text")]
    state = state_signature(task)

    def next_state(*tensors):
        return step(dict(zip(state, tensors, strict=True)), task)

    return {
        "serving_default": (serving_default, texts),
        "n_best": (n_best, texts),
        "explain": (lambda text: explained(text, best, num_beams, task), texts),
        "start": (lambda text: start(text, task), texts),
        "step": (next_state, list(state.values())),
    }


def explained(text, decode, num_beams, task):
    """string `(n,)` -> `translation` string `(n,)`, and its explanation."""
    rows, owner, token_ids, scores = _search(text, decode, task, num_beams)
    translation, _ = join_pieces(
        owner, token_ids[:, :1], scores[:, :1], tf.size(text), task.target_tokenizer
    )
    explanation = explain(rows, owner, token_ids[:, 0], tf.size(text), task)
    return {"translation": translation[:, 0], **explanation}


def _search(text, decode, task, num_beams):
    seeds = tf.zeros_like(text, tf.int32)  # a search draws nothing
    return search_texts(text, seeds, decode, task, num_beams)
