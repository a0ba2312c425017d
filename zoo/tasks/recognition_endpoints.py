"""The signatures of an exported recogniser."""

import functools

import tensorflow as tf

from zoo.tasks.recognition_explanation import explain, short_enough
from zoo.tasks.recognition_graph import detokenized, search_sounds, text_of
from zoo.tasks.recognition_stream import start, state_signature, step


def recognition_endpoints(decode, attention, width, task, by_ctc):
    """Functions and input signatures by name, as `zoo.export` takes them.

    Args:
        decode: callable of the number of transcripts wanted, and then as
            `zoo.tasks.recognition_graph.search_sounds` takes it.
        attention: callable of `zoo.tasks.recognition_functions`.
        width: int. The transcripts that `decode` gives to each sound.
        task: `zoo.SpeechRecognizer`.
        by_ctc: bool. Whether `decode` may give a token for every place.
    """

    def search(audio_bytes, num_results):
        return search_sounds(
            audio_bytes,
            tf.zeros_like(audio_bytes, tf.int32),  # a search draws nothing
            task.model.encode,
            functools.partial(decode, num_results),
            task,
            width,
            by_ctc=by_ctc,
        )

    def n_best(audio_bytes):
        ids, _, scores, errors = search(audio_bytes, width)
        transcripts, scores = detokenized(ids, scores, task.tokenizer)
        return {"transcripts": transcripts, "scores": scores, "error": errors}

    def serving_default(audio_bytes):
        ids, _, scores, errors = search(audio_bytes, 1)
        # A search leaves those after the first empty.
        transcripts = text_of(ids[::width].to_tensor(), task.tokenizer)
        return {"transcript": transcripts, "score": scores[:, 0], "error": errors}

    def explained(audio_bytes):
        ids, places, _, _ = search(short_enough(audio_bytes, task.model)[0], 1)
        ids, places = (x[::width].to_tensor() for x in (ids, places))
        return explain(audio_bytes, ids, places, attention, task)

    sounds = [tf.TensorSpec([None], tf.string, name="audio_bytes")]
    state = state_signature(task)

    def next_state(*tensors):
        return step(dict(zip(state, tensors, strict=True)), task)

    return {
        "serving_default": (serving_default, sounds),
        "n_best": (n_best, sounds),
        "explain": (explained, sounds),
        "start": (lambda audio_bytes: start(audio_bytes, task), sounds),
        "step": (next_state, list(state.values())),
    }
