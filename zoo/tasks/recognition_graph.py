"""Bytes of sounds to transcripts, in the graph: what `generate` and the export run."""

import keras
import tensorflow as tf

from zoo.data.resampling import resample, resampled_length
from zoo.data.speech_epochs import PLACES_PER_SECOND
from zoo.data.wav_decoding import decode_wav
from zoo.data.wav_header import MOST_SECONDS, read_header
from zoo.tasks.generation import in_pieces, missing_rows, smallest_at_least
from zoo.tasks.recognition_windows import (
    OVERLAP,
    borders,
    joined,
    loudness,
    parts_of,
    windows_of,
)

_LENGTHS_SECONDS = (1, 2, 4, 8, 12, 16)  # that windows are padded to, or to a whole one
# Windows at once: the most, fewer where CTC's logits, or the scores of a layer's
# attention, were more than so many.
_TOGETHER, _FEWER = 16, 4
_MOST_VALUES = 2**26


# Graphs of their own, for a backend that runs what is around them op by op.
@tf.function(autograph=False, reduce_retracing=True)
def lengths_of(data, sample_rate_hz):
    """How long sounds are, by their headers alone.

    Args:
        data, sample_rate_hz: as in `sounds_of`.

    Returns:
        int64 `(n,)`, samples at that rate, 0 where there is an error; errors as of
        `sounds_of`.
    """

    def length(data):
        header = read_header(data)
        rate = tf.maximum(header["rate"], 1)
        return resampled_length(header["count"], rate, sample_rate_hz), header["error"]

    specs = tf.TensorSpec([], tf.int64), tf.TensorSpec([], tf.string)
    return tf.map_fn(length, data, fn_output_signature=specs)


@tf.function(autograph=False, reduce_retracing=True)
def sounds_of(data, sample_rate_hz):
    """Decodes and resamples sounds; one that cannot be decoded has no samples.

    Args:
        data: string `(n,)`, the bytes of WAV files.
        sample_rate_hz: int. The model's.

    Returns:
        RaggedTensor float32 `(n, None)`, without samples where all are 0; what is wrong
        with each, string `(n,)`, `""` where nothing is.
    """

    def decoded(data):
        samples, rate, error = decode_wav(data)
        is_silent = tf.reduce_all(samples == 0.0)
        samples = samples[: tf.where(is_silent, 0, tf.size(samples))]
        return resample(samples, tf.maximum(rate, 1), sample_rate_hz), error

    sound = tf.RaggedTensorSpec([None], tf.float32, ragged_rank=0)
    return tf.map_fn(
        decoded,
        data,
        # One after the other: at its own rate a sound may take many times as much.
        parallel_iterations=1,
        fn_output_signature=(sound, tf.TensorSpec([], tf.string)),
    )


def search_sounds(
    data, seeds, encode, decode, task, width, *, by_ctc=False, max_length=None
):
    """Transcribes any number of sounds of any length, in batches of few shapes.

    No more than an hour of sound is held decoded at a time.

    Args:
        data: string `(n,)`, the bytes of WAV files.
        seeds: int32 `(n,)`.
        encode: callable. samples float32 `(batch, samples)` and their numbers int32
            `(batch,)` -> memory and mask.
        decode: callable. memory, mask, the most tokens of each row int32 `(batch,)`,
            seeds -> ids int32 `(batch, width, any)`, scores float32 `(batch, width)`
            and the places of the ids in the memory.
        task: `zoo.SpeechRecognizer`.
        width: int. Transcripts of each sound.
        by_ctc: bool. Whether `decode` may give a token for every place.
        max_length: int32 scalar. The most tokens of any window, if not by CTC.

    Returns:
        ids, a RaggedTensor int32 `(n * width, None)`; where in the sound each was, in
        places of 40 ms, of the same shape; scores float32 `(n, width)`; errors string
        `(n,)`. A sound with an error has empty transcripts of score 0.
    """
    rate = task.model.sample_rate_hz
    ends = tf.cumsum(lengths_of(data, rate)[0])

    def search(begin, ids, places, lengths, *before):
        length_before = tf.where(begin > 0, ends[begin - 1], 0)
        most = length_before + MOST_SECONDS * rate
        end = tf.searchsorted(ends, most[tf.newaxis], side="right")[0]
        end = tf.maximum(end, begin + 1)
        found = _search_together(
            *(data[begin:end], seeds[begin:end], encode, decode, task, width),
            *(by_ctc, max_length),
        )
        new_ids, new_places, scores, errors = found
        new = (
            *(new_ids.flat_values, new_places.flat_values, new_ids.row_lengths()),
            *(scores, errors),
        )
        old = (ids, places, lengths, *before)
        return end, *(tf.concat(pair, axis=0) for pair in zip(old, new, strict=True))

    flat, rows = tf.TensorShape([None]), tf.TensorShape([None, width])
    nothing = [
        *(tf.zeros([0], dtype) for dtype in (tf.int32, tf.int32, tf.int64)),
        *(tf.zeros([0, width]), tf.zeros([0], tf.string)),
    ]
    _, ids, places, lengths, scores, errors = tf.while_loop(
        lambda begin, *_: begin < tf.size(data),
        search,
        [tf.constant(0), *nothing],
        shape_invariants=[tf.TensorShape([]), flat, flat, flat, rows, flat],
        parallel_iterations=1,
    )
    ids, places = (tf.RaggedTensor.from_row_lengths(x, lengths) for x in (ids, places))
    return ids, places, scores, errors


def _search_together(data, seeds, encode, decode, task, width, by_ctc, max_length):
    """`search_sounds` of sounds that are held decoded together."""
    model = task.model
    rate = model.sample_rate_hz
    sounds, errors = sounds_of(data, rate)
    window, per_place = int(model.max_seconds * rate), rate // PLACES_PER_SECOND
    overlap = int(OVERLAP * window)
    longest = window // per_place + 1 if by_ctc else model.max_length
    limit = longest
    if max_length is not None and not by_ctc:
        limit = tf.minimum(max_length, longest)
    windows = owner, starts, ends = windows_of(sounds.row_lengths(), window, overlap)
    order = tf.argsort(ends - starts)
    num_places = tf.reduce_max(tf.concat([ends - starts, [0]], axis=0)) // per_place
    values = tf.cast(model.vocabulary_size, num_places.dtype)
    values = tf.maximum(values, model.num_heads * num_places)
    num_values = _TOGETHER * num_places * values
    lengths = [min(seconds * rate, window) for seconds in _LENGTHS_SECONDS]
    lengths = tf.constant([*lengths, window])
    # Windows of one sound draw differently.
    seeds = tf.gather(seeds, owner) + tf.cast(starts, tf.int32)

    def transcribe_piece(here):
        piece = parts_of(sounds, *(tf.gather(x, order[here]) for x in windows))
        num_samples = tf.cast(piece.row_lengths(), tf.int32)
        # Of silence a decoder makes up words, where it never learned from any.
        is_silent = tf.reduce_max(tf.abs(piece), axis=1) <= 0.0
        num_samples = tf.where(is_silent, 0, num_samples)
        count = tf.size(num_samples)
        missing = missing_rows(count)
        samples = piece.to_tensor()
        length = smallest_at_least(lengths, tf.shape(samples)[1])
        # Only what is compiled needs one of few shapes: here the search alone.
        if keras.backend.backend() == "tensorflow":
            lacks = tf.maximum(per_place - tf.shape(samples)[1], 0)
            memory, mask = encode(tf.pad(samples, [[0, 0], [0, lacks]]), num_samples)
            places = length // per_place + 1 - tf.shape(memory)[1]
            late = [[0, missing], [0, places]]
            memory, mask = tf.pad(memory, [*late, [0, 0]]), tf.pad(mask, late)
        else:
            early = [[0, missing], [0, length - tf.shape(samples)[1]]]
            memory, mask = encode(
                tf.pad(samples, early), tf.pad(num_samples, early[:1])
            )
        num_samples = tf.pad(num_samples, [[0, missing]])
        # No token takes less than a place; the end takes none.
        limits = tf.minimum(limit, num_samples // per_place + 1)
        limits = tf.where(num_samples > 0, limits, 0)
        ids, scores, places = decode(
            memory,
            mask,
            limits,
            tf.pad(tf.gather(seeds, order[here]), [[0, missing]]),
        )
        after = [[0, 0], [0, 0], [0, longest - tf.shape(ids)[2]]]
        ids, places = (tf.pad(x[:count], after) for x in (ids, places))
        return ids, scores[:count], places

    tokens = tf.TensorSpec([None, width, longest], tf.int32)
    scores = tf.TensorSpec([None, width], tf.float32)
    results = in_pieces(
        transcribe_piece,
        tf.size(order),
        [tokens, scores, tokens],
        most=tf.where(num_values > _MOST_VALUES, _FEWER, _TOGETHER),
    )
    back = tf.argsort(order)
    ids, scores, places = (tf.gather(x, back) for x in results)
    loud = loudness(sounds, *windows, overlap, per_place)
    since, until = borders(ids, places, owner, starts, loud, per_place)
    count = tf.size(data, tf.int64)
    ids, places = joined(
        *(ids, places, owner, starts, since, until, count, per_place),
    )
    scores = tf.math.unsorted_segment_mean(scores, owner, count)
    return ids, places, scores, errors


def text_of(token_ids, tokenizer):
    """int32 `(n, T)` -> string `(n,)`; CTC may hear a space where nothing follows."""
    return tf.strings.strip(tokenizer.detokenize(token_ids))


def detokenized(ids, scores, tokenizer):
    """Ragged ids `(n * width, None)`, scores -> transcripts and scores, best first."""
    width = scores.shape[1]
    transcripts = tf.reshape(text_of(ids.to_tensor(), tokenizer), [-1, width])
    # Samples come as they were drawn.
    order = tf.argsort(scores, direction="DESCENDING", stable=True)
    return (
        tf.gather(transcripts, order, batch_dims=1),
        tf.gather(scores, order, batch_dims=1),
    )
