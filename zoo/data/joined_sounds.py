"""Short sounds one after the other, as a test of longer ones."""

import logging

import numpy as np
import tensorflow as tf

from zoo.data.resampling import resample
from zoo.data.sound_views import gaps
from zoo.data.speech import check_transcribed_sounds
from zoo.data.unusable import Unusable
from zoo.data.wav_decoding import decode_wav

_logger = logging.getLogger(__name__)


def joined_sounds(examples, least, most, seed=0):
    """Joins sounds at random, with up to 0.3 s of silence between them.

    >>> next(joined_sounds(digits, 3, 7).as_numpy_iterator())
    {"audio": b"RIFF...", "transcript": b"4 0 7"}

    Args:
        examples: `tf.data.Dataset` of `{"audio", "transcript"}`, as `zoo.data.read`
            gives it. Sounds that cannot be decoded, or have no transcript with a word
            in it, are left out and counted.
        least, most: int. Sounds in a row; the last has those that are left.
        seed: int.

    Returns:
        `tf.data.Dataset` of the same form, the bytes of WAV files of 16 bits; each
        sound is in one of them.
    """
    if not 1 <= least <= most:
        raise ValueError(f"1 <= least <= most expected, got {least} and {most}.")
    check_transcribed_sounds(examples)
    sounds, transcripts, rate = [], [], 0
    unusable = Unusable(examples, "sound", "transcript")
    for example in examples.as_numpy_iterator():
        samples, found, error = decode_wav(example["audio"])
        texts = unusable.usable([example["transcript"]], error.numpy().decode())
        if texts:
            rate = rate or int(found)
            sounds.append(resample(samples, found, rate).numpy())
            transcripts += texts
    if not sounds:
        raise ValueError(
            f"There is nothing to join: no sound can be used. {unusable.told}"
        )
    if unusable.messages:
        _logger.warning(
            "Joined all but %d of %d sounds, which cannot be used. %s",
            *(len(unusable.messages), unusable.number, unusable.told),
        )
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(sounds))
    audio, texts = [], []
    while len(order):
        size = generator.integers(least, most, endpoint=True)
        chosen, order = order[:size], order[size:]
        silences = [*gaps(len(chosen) - 1, rate, generator), 0]
        parts = [
            np.pad(sounds[i], (0, silence))
            for i, silence in zip(chosen, silences, strict=True)
        ]
        samples = np.concatenate(parts)[:, np.newaxis]
        audio.append(tf.audio.encode_wav(samples, rate).numpy())
        texts.append(" ".join(transcripts[i] for i in chosen))
    return tf.data.Dataset.from_tensor_slices(
        {"audio": tf.constant(audio, tf.string), "transcript": texts}
    )
