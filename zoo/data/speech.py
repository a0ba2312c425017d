"""Sounds with transcripts to batches for training a speech model."""

import logging

import numpy as np
import tensorflow as tf

from zoo.data import sound_views
from zoo.data.epoch_dataset import epoch_dataset
from zoo.data.resampling import resample
from zoo.data.speech_epochs import PLACES_PER_SECOND, SpeechEpochs
from zoo.data.tokenized_texts import check_examples
from zoo.data.unusable import Unusable
from zoo.data.wav_decoding import decode_wav

_logger = logging.getLogger(__name__)


def speech_batches(
    examples,
    tokenizer,
    *,
    sample_rate_hz,
    num_mels=80,
    max_length=256,
    max_seconds=20,
    batch_seconds=200,
    most_sounds=None,
    augmented=True,
    most_joined=1,
    num_buckets=6,
    shuffle=True,
    seed=0,
    first_epoch=0,
    batches_per_update=1,
):
    """Decodes and tokenizes a corpus once and serves it in batches of few shapes.

    With `augmented`, every epoch hears each sound at another speed, louder or softer,
    perhaps in noise, with some frames and bands hidden. With `most_joined`, some of the
    rows are several sounds with silence between them, so that short ones teach long
    ones. Epochs are as in `zoo.data.translation_batches`: a batch is a pure function
    of (seed, epoch, step), and each sound is heard once an epoch.

    Sounds that cannot be decoded, have no transcript with a word in it or are too short
    for theirs are left out with a warning that names them; if they are more than 2 %,
    that is an error. So are those of more than `max_seconds` or `max_length`, without
    that bound. The samples of all others are held in memory.

    Args:
        examples: `tf.data.Dataset` of `{"audio", "transcript"}`: the bytes of a WAV
            file, and a string.
        tokenizer: a `zoo.text` tokenizer with start and end.
        sample_rate_hz, num_mels: int. Of the model; sounds are resampled to it.
        max_length: int. The most ids of a row, the end included.
        max_seconds: float. The most of a sound, and of several in a row.
        batch_seconds: float. The most of a batch, where a token counts as a 25th.
        most_sounds: int. The most rows of a batch, None for as many as that holds.
        augmented: bool.
        most_joined: int. The most sounds of a row.
        num_buckets: int. The most (batch, samples, target) shapes.
        Others: as in `zoo.data.translation_batches`.

    Returns:
        `tf.data.Dataset` of (inputs, labels, sample_weight): inputs are `samples`
        float32 `(batch, samples)`, `num_samples` `(batch,)`, `target_ids`
        `(batch, length)` and, if augmented, `hidden_frames`, `hidden_mels` and
        `mel_scales`; labels
        are `tokens` `(batch, length)`, the next target ids, and `ctc`, the same
        without the end; weights are `(batch, length)` with mean 1, and `(batch,)` so
        that the mean of CTC's loss is one over tokens too.
    """
    check_transcribed_sounds(examples)
    corpus = SpeechCorpus(
        examples, tokenizer, sample_rate_hz, max_length, max_seconds, augmented
    )
    epochs = SpeechEpochs(
        corpus,
        num_mels=num_mels,
        max_length=max_length,
        max_seconds=max_seconds,
        batch_places=int(batch_seconds * PLACES_PER_SECOND),
        most_rows=most_sounds,
        augmented=augmented,
        most_joined=most_joined,
        num_buckets=num_buckets,
        shuffle=shuffle,
        seed=seed,
        batches_per_update=batches_per_update,
    )
    return epoch_dataset(epochs, epochs.signature, first_epoch)


class SpeechCorpus:
    """Sounds at the model's rate, and the ids of their transcripts.

    Attributes:
        lengths: int `(sounds,)`. Samples of each.
        num_ids: int `(sounds,)`. Of each transcript, without start and end.
        places_needed: int `(sounds,)`. What CTC needs for each transcript.
        samples_per_place: int.
    """

    def __init__(
        self, examples, tokenizer, sample_rate_hz, max_length, max_seconds, augmented
    ):
        self.sample_rate_hz = sample_rate_hz
        self.samples_per_place = sample_rate_hz // PLACES_PER_SECOND
        self.start_id = tokenizer.start_token_id
        self.end_id = tokenizer.end_token_id
        quickest = sound_views.QUICKEST if augmented else 1.0
        self.samples, self.ids = [], []
        num_too_long = 0
        unusable = Unusable(examples, "sound", "transcript")
        for samples, error, transcript, ids in _heard(
            examples, tokenizer, sample_rate_hz
        ):
            length = sound_views.length_at_speed(len(samples), quickest)
            if not error and _places_needed(ids) > length / self.samples_per_place:
                error = f"{len(samples) / sample_rate_hz:.2f} s are too short for it."
            if not unusable.usable([transcript], error):
                continue
            if len(samples) > max_seconds * sample_rate_hz or len(ids) >= max_length:
                num_too_long += 1
                continue
            self.samples.append(samples)
            self.ids.append(ids)
        unusable.check()
        if not self.samples:
            raise ValueError(
                f"There is nothing to train on: all sounds have more than "
                f"max_seconds={max_seconds:g} or their transcripts more than "
                f"max_length={max_length} ids. Pass larger ones."
            )
        if num_too_long:
            _logger.warning(
                "Left out %d sounds of more than max_seconds=%g, or whose transcripts "
                "have more than max_length=%d ids.",
                *(num_too_long, max_seconds, max_length),
            )
        self.lengths = np.array([len(samples) for samples in self.samples])
        self.num_ids = np.array([len(ids) for ids in self.ids])
        self.places_needed = np.array([_places_needed(ids) for ids in self.ids])

    def row(self, row):
        """A `Row` -> samples float32 `(row.num_samples,)`, ids list of int."""
        silences = [np.zeros(length, np.float32) for length in [*row.silences, 0]]
        parts, ids = [], []
        for sound, speed, silence in zip(row.sounds, row.speeds, silences, strict=True):
            parts += [sound_views.at_speed(self.samples[sound], speed), silence]
            ids += self.ids[sound]
        return np.concatenate(parts), ids


def check_transcribed_sounds(examples):
    """Raises if `examples` are not what `speech_batches` takes."""
    check_examples(examples, ("audio", "transcript"))
    specs = [examples.element_spec[key] for key in ("audio", "transcript")]
    if any(spec.shape.rank != 0 or spec.dtype != tf.string for spec in specs):
        raise ValueError(
            "Sounds are the bytes of WAV files, string scalars, each with its "
            f"transcript, a string scalar. Received: {examples.element_spec}. Pass "
            "examples one by one, as zoo.data.read gives them."
        )


def _heard(examples, tokenizer, sample_rate_hz):
    """Yields (samples float32, error str, transcript bytes, ids list of int)."""

    def decode(example):
        samples, rate, error = decode_wav(example["audio"])
        samples = resample(samples, tf.maximum(rate, 1), sample_rate_hz)
        transcript = example["transcript"]
        return samples, error, transcript, tokenizer.tokenize(transcript)

    decoded = examples.map(
        decode, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    for samples, error, transcript, ids in decoded.as_numpy_iterator():
        yield samples, error.decode(), transcript, ids.tolist()


def _places_needed(ids):
    """Of the memory, for CTC: one a token, and a blank between equal ones."""
    return len(ids) + sum(a == b for a, b in zip(ids, ids[1:], strict=False))
