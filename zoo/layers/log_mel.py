"""Sound to the energies that an ear tells apart."""

import math

import keras
import numpy as np
from keras import ops

_SMALLEST_POWER = 1e-10
# The mel scale of Slaney's Auditory Toolbox: linear up to 1 kHz, then logarithmic.
_HZ_PER_MEL = 200 / 3
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _HZ_PER_MEL
_LOG_STEP = math.log(6.4) / 27


@keras.saving.register_keras_serializable(package="zoo")
class LogMel(keras.layers.Layer):
    """Gives the logarithm of the power in each mel band, frame by frame.

    The spectrum and bands are Whisper's and librosa's
    ([Radford et al., 2022](https://arxiv.org/abs/2212.04356), section 2.2): a Hann
    window of 25 ms every 10 ms, triangles of equal area on Slaney's mel scale, log10,
    not below 1e-10. Frame i has its middle at sample i * stride, with zeros before the
    sound and after it; so padding with zeros changes no frame. Keras's own layer is no
    base for it: it reflects the sound at its ends, and clips by the loudest of a batch.

    Args:
        sample_rate_hz: int. Of the sound.
        num_mels: int. Bands, from 0 to half the sample rate.
        window_ms, stride_ms: int.

    Call arguments:
        samples: float tensor `(batch, samples)`, from -1 to 1.

    Returns:
        float tensor `(batch, frames, num_mels)`, of `num_frames(samples)` frames.
    """

    def __init__(
        self, sample_rate_hz=16_000, num_mels=80, window_ms=25, stride_ms=10, **kwargs
    ):
        super().__init__(autocast=False, **kwargs)  # bfloat16 is too coarse for sound
        self.sample_rate_hz = sample_rate_hz
        self.num_mels = num_mels
        self.window_ms = window_ms
        self.stride_ms = stride_ms
        self.window = sample_rate_hz * window_ms // 1000  # samples
        self.stride = sample_rate_hz * stride_ms // 1000
        self.filters = mel_filters(sample_rate_hz, self.window, num_mels)

    def build(self, samples_shape):
        pass  # nothing to learn

    def num_frames(self, num_samples):
        """Samples, a number or a tensor, to frames: one for every stride begun."""
        return (num_samples + self.stride - 1) // self.stride

    def call(self, samples):
        samples = ops.cast(samples, "float32")
        before = self.window // 2
        whole = self.num_frames(ops.shape(samples)[1]) * self.stride
        after = whole - ops.shape(samples)[1] + self.window - self.stride - before
        samples = ops.pad(samples, ((0, 0), (before, after)))
        real, imaginary = ops.stft(
            samples, self.window, self.stride, self.window, center=False
        )
        power = ops.square(real) + ops.square(imaginary)
        mels = ops.matmul(power, ops.convert_to_tensor(self.filters))
        mels = ops.log10(ops.maximum(mels, _SMALLEST_POWER))
        return ops.cast(mels, self.compute_dtype)

    def compute_output_shape(self, samples_shape):
        rows, num_samples = samples_shape
        frames = None if num_samples is None else self.num_frames(num_samples)
        return (rows, frames, self.num_mels)

    def get_config(self):
        return {
            **super().get_config(),
            "sample_rate_hz": self.sample_rate_hz,
            "num_mels": self.num_mels,
            "window_ms": self.window_ms,
            "stride_ms": self.stride_ms,
        }


def mel_filters(sample_rate_hz, fft_length, num_mels):
    """How much each frequency of a spectrum adds to each band.

    Returns:
        float32 array `(fft_length // 2 + 1, num_mels)`: as `librosa.filters.mel`
        gives it, transposed.
    """
    frequencies = np.fft.rfftfreq(fft_length, 1 / sample_rate_hz)
    edges = _hz(np.linspace(0, _mel(sample_rate_hz / 2), num_mels + 2))
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (frequencies[:, None] - low) / (middle - low)
    falling = (high - frequencies[:, None]) / (high - middle)
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * 2 / (high - low)).astype("float32")


def _mel(hz):
    if hz < _BREAK_HZ:
        return hz / _HZ_PER_MEL
    return _BREAK_MEL + math.log(hz / _BREAK_HZ) / _LOG_STEP


def _hz(mels):
    above = _BREAK_HZ * np.exp(_LOG_STEP * (mels - _BREAK_MEL))
    return np.where(mels < _BREAK_MEL, mels * _HZ_PER_MEL, above)
