"""Sounds that come in, and the bytes of files that the graph decodes."""

import numbers
import os
import struct
from collections.abc import Iterable, Mapping, Set

import numpy as np
import tensorflow as tf

from zoo.data.wav_header import LEAST_RATE_HZ, MOST_CHANNELS, MOST_RATE_HZ
from zoo.tasks.file_requests import (
    check_path,
    check_size,
    described,
    file_bytes,
    in_turn,
)

_FLOAT, _FLOAT_BITS, _HEADER_BYTES = 3, 32, 44  # of a WAV
_BYTES = bytes | bytearray | memoryview


def checked_sounds(sounds, sample_rate_hz):
    """One sound or a list -> (list, names for messages, is it one alone).

    An item is a path that is there, bytes, or a float array `(samples,)` or `(samples,
    channels)`.
    """
    if isinstance(sounds, tf.Tensor):
        sounds = sounds.numpy()
    if isinstance(sounds, np.ndarray) and sounds.dtype.kind in "OSU":
        sounds = sounds.tolist()  # paths or bytes
    single = isinstance(sounds, _BYTES | str | os.PathLike | np.ndarray)
    if single:
        sounds = [sounds]
    elif isinstance(sounds, Mapping | Set) or not isinstance(sounds, Iterable):
        raise TypeError(f"{_EXPECTED}, or a list of them; got {described(sounds)}.")
    sounds = list(sounds)
    names = [f"The sound at place {i} ({described(x)})" for i, x in enumerate(sounds)]
    pairs = zip(sounds, names, strict=True)
    return [_checked(x, name, sample_rate_hz) for x, name in pairs], names, single


def bytes_in_turn(sounds, sample_rate_hz):
    """Items of `checked_sounds` -> lists of bytes of WAV files, few enough to hold."""

    def data_of(sound):
        is_array = isinstance(sound, np.ndarray)
        return wav_of(sound, sample_rate_hz) if is_array else file_bytes(sound)

    return in_turn(map(data_of, sounds), len)


def wav_of(samples, sample_rate_hz):
    """float array `(samples,)` or `(samples, channels)` -> the bytes of a WAV file."""
    with np.errstate(over="ignore"):  # what a float32 does not hold is infinite
        samples = np.asarray(samples, "<f4")
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    step = channels * _FLOAT_BITS // 8
    rate = int(sample_rate_hz)
    form = struct.pack(
        "<HHIIHH", _FLOAT, channels, rate, rate * step % 2**32, step, _FLOAT_BITS
    )
    header = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    header += b"data" + struct.pack("<I", samples.nbytes)
    size = struct.pack("<I", len(header) + samples.nbytes)
    return b"".join([b"RIFF", size, header, samples.tobytes()])


def _checked(sound, name, sample_rate_hz):
    if isinstance(sound, _BYTES):
        check_size(len(sound), name)
        return bytes(sound)
    if isinstance(sound, str | os.PathLike):
        check_path(sound, name, "a WAV file")
        return sound
    if not isinstance(sound, np.ndarray | tf.Tensor):
        raise TypeError(f"{_EXPECTED}. {name} is none of these.")
    array = np.asarray(sound)
    fits = array.ndim == 1 or (array.ndim == 2 and 0 < array.shape[1] <= MOST_CHANNELS)
    if array.dtype.kind != "f" or not fits:
        raise ValueError(
            f"{name} must be of floats from -1 to 1 and of shape (samples,) or "
            f"(samples, channels), {MOST_CHANNELS} channels at most. Divide integers "
            "of 16 bits by 32768, and pass several sounds as a list."
        )
    if sample_rate_hz is None:
        raise ValueError(
            f"{name} does not say how many samples a second it has. Pass "
            "sample_rate_hz=, such as 16000."
        )
    is_number = isinstance(sample_rate_hz, numbers.Real)
    if not is_number or not float(sample_rate_hz).is_integer():
        raise TypeError(
            f"sample_rate_hz={sample_rate_hz!r} must be an integer, such as 16000."
        )
    if not LEAST_RATE_HZ <= sample_rate_hz <= MOST_RATE_HZ:
        raise ValueError(
            f"sample_rate_hz={sample_rate_hz} must lie between {LEAST_RATE_HZ:,} and "
            f"{MOST_RATE_HZ:,}."
        )
    check_size(array.size * _FLOAT_BITS // 8 + _HEADER_BYTES, name)
    return array


_EXPECTED = (
    "A sound is a path, the bytes of a WAV file, or an array of floats with "
    "sample_rate_hz="
)
