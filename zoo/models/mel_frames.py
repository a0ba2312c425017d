"""What becomes of a sound's frames before they are embedded."""

from keras import ops

_SMALLEST_VARIANCE = 1e-5
_RANGE = 6.0  # 60 dB below the loudest, in powers of ten


def first(length, counts):
    """bool `(B, length)`: the first places of each row, as many as `counts` `(B,)`."""
    return ops.arange(length)[None, :] < counts[:, None]


def normalized(frames, mask):
    """Mean 0 and deviation 1 over all frames and bands of a sound; padding is 0.

    Not band by band: of a short word that would take away its vowel, and it would make
    a band of nothing but noise as loud as one with a sound in it. What is far below the
    loudest is alike, whether a quiet room or the zeros between two sounds.
    """
    is_real = mask[:, :, None]
    loudest = ops.max(ops.where(is_real, frames, -_RANGE), axis=(1, 2), keepdims=True)
    frames = ops.maximum(frames, loudest - _RANGE)
    mask = ops.cast(mask, frames.dtype)[:, :, None]
    count = ops.sum(mask, axis=(1, 2), keepdims=True) * frames.shape[-1]
    count = ops.maximum(count, 1.0)
    mean = ops.sum(frames * mask, axis=(1, 2), keepdims=True) / count
    frames = (frames - mean) * mask
    variance = ops.sum(ops.square(frames), axis=(1, 2), keepdims=True) / count
    return frames * ops.rsqrt(variance + _SMALLEST_VARIANCE)


def scaling(scales, num_mels):
    """`(B,)` -> `(B, M, M)`: band m takes what was at m * scale, between two bands."""
    bands = ops.arange(num_mels, dtype="float32")
    taken = ops.minimum(scales[:, None] * bands, num_mels - 1.0)
    return ops.relu(1.0 - ops.abs(taken[:, None, :] - bands[:, None]))


def in_spans(spans, length):
    """int `(B, spans, 2)`, of (begin, length) -> bool `(B, length)`."""
    places = ops.arange(length)[None, None, :]
    spans = ops.cast(spans, "int32")
    begin, size = spans[:, :, 0:1], spans[:, :, 1:2]
    return ops.any((places >= begin) & (places < begin + size), axis=1)
