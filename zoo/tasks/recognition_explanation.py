"""When each piece of a transcript was said, and where its decoder looked."""

import tensorflow as tf

from zoo.data.speech_epochs import PLACES_PER_SECOND
from zoo.tasks.recognition_graph import lengths_of, sounds_of, text_of
from zoo.tasks.requests import decoded


def short_enough(data, model):
    """Sounds of no more than a window, by their headers: others are not decoded.

    Returns:
        string `(n,)`, no bytes in place of those that have an error; errors `(n,)`.
    """
    rate = model.sample_rate_hz
    lengths, errors = lengths_of(data, rate)
    is_long = (lengths > int(model.max_seconds * rate)) & (errors == "")
    too_long = (
        f"The sound is longer than {model.max_seconds:g} seconds, which is the most "
        "that is heard at once here. Cut it, or ask for its transcript alone."
    )
    errors = tf.where(is_long, too_long, errors)
    return tf.where(errors == "", data, ""), errors


def one_window(data, model):
    """Sounds that are heard at once.

    Returns:
        samples float32 `(n, samples)`, their numbers int32 `(n,)`, errors `(n,)`; what
        is longer than a window has an error and no samples.
    """
    sample_rate_hz = model.sample_rate_hz
    data, errors = short_enough(data, model)
    sounds, _ = sounds_of(data, sample_rate_hz)
    num_samples = tf.cast(sounds.row_lengths(), tf.int32)
    # Two places at least: Keras warns of a softmax over one.
    least = 2 * sample_rate_hz // PLACES_PER_SECOND
    longest = tf.reduce_max(tf.concat([num_samples, [least]], axis=0))
    samples = sounds.to_tensor()
    missing = longest - tf.shape(samples)[1]
    return tf.pad(samples, [[0, 0], [0, missing]]), num_samples, errors


def of_rows(function, *tensors):
    """`function` of tensors `(n, ...)`, none too: oneDNN has no convolution of none."""
    count = tf.shape(tensors[0])[0]
    missing = tf.cast(count == 0, tf.int32)
    rows = [tf.pad(x, [[0, missing], *[[0, 0]] * (x.shape.rank - 1)]) for x in tensors]
    return tf.nest.map_structure(lambda x: x[:count], function(*rows))


def explain(data, token_ids, places, attention, task):
    """Reads the cross-attention of transcripts that were found.

    Args:
        data: string `(n,)`, the bytes of WAV files.
        token_ids, places: int32 `(n, length)`, their transcripts, 0 after the last.
        attention: callable of `zoo.tasks.recognition_functions`.
        task: `zoo.SpeechRecognizer`.

    Returns:
        dict, short rows filled with `""` and 0: `transcript` string `(n,)`;
        `target_pieces` string `(n, T)`; `seconds` float32 `(n, T)`, when each piece
        begins, by CTC; `attention` float32 `(n, T, S)`, the mean over heads and layers
        of what each piece saw of each place, of which there are 25 a second; `error`
        string `(n,)`, also of a sound that is longer than a window.
    """
    samples, num_samples, errors = one_window(data, task.model)
    # Two tokens at least, as there are places.
    least = [[0, 0], [0, tf.maximum(2 - tf.shape(token_ids)[1], 0)]]
    token_ids, places = tf.pad(token_ids, least), tf.pad(places, least)
    is_heard = (errors == "")[:, tf.newaxis]
    token_ids = tf.where(is_heard, token_ids, 0)
    lengths = tf.math.count_nonzero(token_ids, axis=1)
    longest = tf.reduce_max(tf.concat([lengths, [0]], axis=0))
    pieces = task.tokenizer.pieces(
        tf.RaggedTensor.from_tensor(token_ids, lengths=lengths)
    )
    start = tf.fill([tf.shape(token_ids)[0], 1], task.tokenizer.start_token_id)
    read = tf.concat([start, token_ids[:, :-1]], axis=1)
    seen = of_rows(attention, samples, num_samples, read)
    is_token = token_ids > 0
    seconds = tf.cast(places, tf.float32) / PLACES_PER_SECOND
    return {
        "transcript": text_of(token_ids, task.tokenizer),
        "target_pieces": pieces.to_tensor(""),
        "seconds": tf.where(is_token, seconds, 0.0)[:, :longest],
        "attention": tf.where(is_token[:, :, tf.newaxis], seen, 0.0)[:, :longest],
        "error": errors,
    }


def explain_one(data, name, transcribe, attention, task):
    """`explain` of one sound, as `zoo.SpeechRecognizer.explain` returns it.

    Args:
        data: list of one bytes.
        name: str. Of the sound, for the error of one that is not heard.
        transcribe: callable without arguments. Ids and places of its transcript,
            RaggedTensors int32 `(1, None)`; not asked where there is an error.
        attention, task: as in `explain`.
    """
    data = tf.constant(data)
    samples, num_samples, errors = one_window(data, task.model)
    if error := decoded(errors)[0]:
        raise ValueError(f"{name}: {error}")
    ids, places, _ = transcribe()
    answer = explain(data, ids.to_tensor(), places.to_tensor(), attention, task)
    return {
        "transcript": decoded(answer["transcript"])[0],
        "samples": samples[0, : int(num_samples[0])].numpy(),
        "target_pieces": decoded(answer["target_pieces"][0]),
        "seconds": answer["seconds"][0].numpy(),
        "attention": answer["attention"][0].numpy(),
    }
