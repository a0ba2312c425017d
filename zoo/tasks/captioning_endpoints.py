"""The signatures of an exported captioner."""

import functools

import tensorflow as tf

from zoo.tasks.captioning_explanation import explain
from zoo.tasks.captioning_graph import detokenized, search_images
from zoo.tasks.captioning_stream import start, state_signature, step


def captioning_endpoints(decode, attention, num_beams, task):
    """Functions and input signatures by name, as `zoo.export` takes them.

    Args:
        decode: callable of the number of captions wanted, and then as
            `zoo.tasks.captioning_graph.search_images` takes it.
        attention: callable of `zoo.tasks.captioning_functions`.
        num_beams: int. The captions that `decode` gives to each image.
        task: `zoo.ImageCaptioner`.
    """

    def search(image_bytes, num_results):
        seeds = tf.zeros_like(image_bytes, tf.int32)  # a search draws nothing
        ids, scores, errors = search_images(
            *(image_bytes, seeds, task.model.encode),
            *(functools.partial(decode, num_results), task, num_beams),
        )
        return ids[:, :num_results], scores[:, :num_results], errors

    def n_best(image_bytes):
        ids, scores, errors = search(image_bytes, num_beams)
        captions, scores = detokenized(ids, scores, task.tokenizer)
        return {"captions": captions, "scores": scores, "error": errors}

    def serving_default(image_bytes):
        ids, scores, errors = search(image_bytes, 1)
        captions, scores = detokenized(ids, scores, task.tokenizer)
        return {"caption": captions[:, 0], "score": scores[:, 0], "error": errors}

    def explained(image_bytes):
        ids, _, errors = search(image_bytes, 1)
        explanation = explain(image_bytes, ids[:, 0], attention, task)
        return {**explanation, "error": errors}

    images = [tf.TensorSpec([None], tf.string, name="image_bytes")]
    state = state_signature(task)

    def next_state(*tensors):
        return step(dict(zip(state, tensors, strict=True)), task)

    return {
        "serving_default": (serving_default, images),
        "n_best": (n_best, images),
        "explain": (explained, images),
        "start": (lambda image_bytes: start(image_bytes, task), images),
        "step": (next_state, list(state.values())),
    }
