"""Bytes of WAV files to sound, in the graph: trains and serves alike.

TensorFlow's own op reads 16 bits only and raises on the rest. Whatever a file is, an
answer comes: samples, or an error in words.
"""

import tensorflow as tf

from zoo.data.wav_header import bytes_of, read_header

_FRAMES_AT_ONCE = 2**18  # decoded together, in memory of several times their size
# Floats are from -1 to 1, or from -32768 where a writer forgot to scale them. What is
# far beyond is damaged, and its power would be more than a float32 holds.
_LOUDEST = 1e5


def decode_wav(data):
    """Decodes a WAV of 8, 16, 24 or 32-bit integers or of floats to one channel.

    Channels are averaged. Of a file that is cut short, what is there is decoded.

    >>> samples, sample_rate_hz, error = decode_wav(tf.io.read_file("hello.wav"))

    Args:
        data: string scalar.

    Returns:
        float32 `(samples,)`, integers scaled to -1 to 1, none where there is an error;
        int32 scalar, 0 where there is an error; and a string scalar that says what is
        wrong, `""` where nothing is.
    """
    header = read_header(data)
    samples = tf.cond(
        header["error"] == "",
        lambda: _samples(data, header),
        lambda: tf.zeros([0]),
    )
    return samples, header["rate"], header["error"]


def _samples(data, header):
    """float32 `(samples,)`, the mean of the channels."""
    most = _FRAMES_AT_ONCE * (header["length"] // tf.maximum(header["count"], 1))
    most = tf.maximum(most, 1)
    count = (header["length"] - 1) // most + 1  # no sum, which an int32 might not hold
    count = tf.maximum(count, 1)

    def decode(i, parts):
        at = i * most
        length = tf.minimum(most, header["length"] - at)
        part = bytes_of(data, header["begin"] + at, length)
        return i + 1, parts.write(i, _mean_of_channels(part, header))

    parts = tf.TensorArray(tf.float32, count, infer_shape=False, element_shape=[None])
    _, parts = tf.while_loop(
        lambda i, _: i < count, decode, (0, parts), parallel_iterations=1
    )
    return parts.concat()


def _mean_of_channels(data, header):
    def raw(dtype):
        return tf.io.decode_raw(data, dtype)

    def integers(dtype, bits):
        return tf.cast(raw(dtype), tf.float32) / 2.0 ** (bits - 1)

    def of_24_bits():
        low, middle, high = tf.unstack(
            tf.cast(tf.reshape(raw(tf.uint8), [-1, 3]), tf.int32), axis=1
        )
        number = low + middle * 2**8 + (high - 256 * (high // 128)) * 2**16
        return tf.cast(number, tf.float32) / 2.0**23

    samples = tf.switch_case(
        header["kind"],
        [  # in the order of `KINDS`
            lambda: tf.cast(raw(tf.uint8), tf.float32) / 2.0**7 - 1.0,
            lambda: integers(tf.int16, 16),
            of_24_bits,
            lambda: integers(tf.int32, 32),
            lambda: raw(tf.float32),
            lambda: tf.cast(raw(tf.float64), tf.float32),
        ],
    )
    samples = tf.where(tf.math.is_finite(samples), samples, 0.0)
    samples = tf.clip_by_value(samples, -_LOUDEST, _LOUDEST)
    return tf.reduce_mean(tf.reshape(samples, [-1, header["channels"]]), axis=1)
