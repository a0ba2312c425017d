"""Sound at another rate, in the graph."""

import tensorflow as tf

# After the sound, whose end would meet its beginning: what is cut off hard echoes that
# far, of a cosine of size 0.5 less than 1e-4.
_SILENCE_SECONDS = 0.5


def resample(samples, rate_hz, new_rate_hz):
    """The same sound with another number of samples a second, by Fourier transforms.

    What the new rate can hold is kept exactly and what it cannot is left out, as by the
    sum of a sinc for each sample; before the sound and after it is silence.

    Args:
        samples: float32 `(samples,)`.
        rate_hz, new_rate_hz: int scalars, 1 or more.

    Returns:
        float32 `(ceil(samples * new_rate_hz / rate_hz),)`.
    """
    rate, new_rate = (tf.cast(x, tf.int64) for x in (rate_hz, new_rate_hz))
    return tf.cond(
        (rate == new_rate) | (tf.size(samples) == 0),
        lambda: samples,
        lambda: _resampled(samples, rate, new_rate),
    )


def resampled_length(count, rate_hz, new_rate_hz):
    """How many samples `resample` makes of so many, an int64 scalar."""
    count, rate, new_rate = (
        tf.cast(x, tf.int64) for x in (count, rate_hz, new_rate_hz)
    )
    return (count * new_rate + rate - 1) // rate


def _resampled(samples, rate, new_rate):
    divisor = _greatest_divisor(rate, new_rate)
    step, new_step = rate // divisor, new_rate // divisor  # both last equally long
    count = tf.size(samples, tf.int64)
    silence = tf.cast(tf.cast(rate, tf.float32) * _SILENCE_SECONDS, tf.int64)
    num_steps = (count + silence + step - 1) // step
    length, new_length = num_steps * step, num_steps * new_step
    samples = tf.pad(samples, [[0, length - count]])
    spectrum = tf.signal.rfft(samples)
    kept = tf.minimum(length, new_length) // 2 + 1
    missing = tf.maximum(new_length // 2 + 1 - kept, 0)
    # Half of the highest frequency is that of negative sign, once there are higher.
    is_halved = (tf.range(kept) * 2 == length) & (new_length > length)
    spectrum = spectrum[:kept] * tf.cast(tf.where(is_halved, 0.5, 1.0), tf.complex64)
    spectrum = tf.pad(spectrum, [[0, missing]])
    resampled = tf.signal.irfft(spectrum, [tf.cast(new_length, tf.int32)])
    scale = tf.cast(new_length, tf.float64) / tf.cast(length, tf.float64)
    return resampled[: resampled_length(count, rate, new_rate)] * tf.cast(
        scale, tf.float32
    )


def _greatest_divisor(a, b):
    """Euclid's, of int64 scalars."""
    return tf.while_loop(lambda a, b: b > 0, lambda a, b: (b, a % b), (a, b))[0]
