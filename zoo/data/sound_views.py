"""Other views of sounds: faster or slower, joined, louder, in noise, partly hidden.

Plain NumPy; random numbers come from outside.
"""

import numpy as np

# Ko et al., 2015, "Audio augmentation for speech recognition", take 0.9, 1 and 1.1.
SLOWEST, QUICKEST = 0.8, 1.25
_MOST_GAP_SECONDS = 0.3  # between joined sounds
_LOUDNESS_DB = (-12, 6)
_COLOUR_DB = 10  # louder or softer, from the low frequencies to the high
_NUM_COLOURS = 10
_SIGNAL_TO_NOISE_DB = (0, 40)
_NOISY_SHARE = 0.5  # of the sounds
# Of the frames and of the bands of a sound, what SpecAugment hides at most at once.
_MOST_HIDDEN = (0.1, 0.2)
NUM_SPANS = 2  # of each
_MEL_SCALES = (0.9, 1.1)  # as vocal tracts are shorter and longer


def at_speed(samples, speed):
    """The same sound in `1 / speed` of the time, and as much higher."""
    if speed == 1.0:
        return samples
    places = np.arange(length_at_speed(len(samples), speed)) * speed
    return np.interp(places, np.arange(len(samples)), samples).astype("float32")


def length_at_speed(length, speed):
    """Samples, a number or an array, at another speed."""
    return np.floor(np.maximum(length - 1, 0) / speed).astype(int) + 1


def gaps(count, sample_rate_hz, generator):
    """Lengths of silence, int `(count,)` samples."""
    return generator.integers(0, most_gap(sample_rate_hz), count, endpoint=True)


def most_gap(sample_rate_hz):
    """The longest silence between two sounds, in samples."""
    return int(_MOST_GAP_SECONDS * sample_rate_hz)


def recorded_otherwise(samples, generator):
    """Louder or softer, by another microphone, and perhaps with white noise."""
    samples = samples * _amplitude(generator.uniform(*_LOUDNESS_DB))
    samples = _coloured(samples, generator)
    noise = generator.normal(size=len(samples))
    ratio = _amplitude(-generator.uniform(*_SIGNAL_TO_NOISE_DB))
    if generator.random() >= _NOISY_SHARE:
        ratio = 0.0
    loudness = np.sqrt(np.mean(np.square(samples)))
    return (samples + ratio * loudness * noise).astype("float32")


def hidden_spans(lengths, share, generator):
    """What SpecAugment hides: int32 `(rows, NUM_SPANS, 2)` of (begin, length).

    Args:
        lengths: int `(rows,)`. Frames of each row, or bands.
        share: float. The most of these in a span.
    """
    shape = (len(lengths), NUM_SPANS)
    lengths = np.asarray(lengths)[:, None]
    sizes = (generator.random(shape) * (share * lengths + 1)).astype("int32")
    begins = (generator.random(shape) * (lengths - sizes + 1)).astype("int32")
    return np.stack([begins, sizes], axis=-1)


def of_frames(num_frames, num_mels, generator):
    """What `zoo.SpeechModel` takes in training, for sounds so long."""
    bands = np.full(len(num_frames), num_mels)
    return {
        "hidden_frames": hidden_spans(num_frames, _MOST_HIDDEN[0], generator),
        "hidden_mels": hidden_spans(bands, _MOST_HIDDEN[1], generator),
        "mel_scales": generator.uniform(*_MEL_SCALES, len(bands)).astype("float32"),
    }


def _coloured(samples, generator):
    """Some frequencies louder, others softer, smoothly."""
    quick = 1 << len(samples).bit_length()  # of a length that is a prime it takes long
    spectrum = np.fft.rfft(samples, quick)
    decibels = generator.uniform(-_COLOUR_DB, _COLOUR_DB, _NUM_COLOURS)
    places = np.linspace(0, _NUM_COLOURS - 1, len(spectrum))
    gains = _amplitude(np.interp(places, np.arange(_NUM_COLOURS), decibels))
    return np.fft.irfft(spectrum * gains)[: len(samples)]


def _amplitude(decibels):
    return 10.0 ** (decibels / 20)
