"""What the header of a WAV file says, in the graph: enough to bound what is decoded."""

import tensorflow as tf

from zoo.data.first_error import first_error

# What a header claims is believed only within these.
LEAST_RATE_HZ, MOST_RATE_HZ = 1_000, 768_000
MOST_CHANNELS = 64
MOST_SECONDS = 3_600
_MOST_CHUNKS = 1_000  # before the sound; a file with more of them is no WAV
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_EXTENSIBLE_BYTES = 26  # of the chunk of the format, until the true format is named
# Writers to a pipe do not know the length yet.
_UNKNOWN_LENGTH = 0xFFFFFFFF
KINDS = (  # (format, bits) of the samples that are read
    (_PCM, 8),
    (_PCM, 16),
    (_PCM, 24),
    (_PCM, 32),
    (_FLOAT, 32),
    (_FLOAT, 64),
)


def read_header(data):
    """Reads what comes before the samples of a WAV file.

    Args:
        data: string scalar.

    Returns:
        dict of int32 scalars: `kind`, the place of its samples in `KINDS`; `channels`;
        `rate`, samples a second; `count`, samples of a channel, of a file that is cut
        short those that are there; `begin` and `length`, where their bytes are. And
        `error`, a string scalar that says what is wrong, `""` where nothing is; `rate`
        and `count` are 0 then.
    """
    size = tf.strings.length(data)
    is_wav = (
        (tf.strings.substr(data, 0, 4) == b"RIFF")
        & (size >= 12)
        & (bytes_of(data, 8, 4) == b"WAVE")
    )
    header = tf.cond(is_wav, lambda: _chunks(data, size), _no_chunks)
    kind = _kind(header)
    step = header["channels"] * header["bits"] // 8
    count = header["length"] // tf.maximum(step, 1)
    error = first_error(
        (size == 0, "The sound is empty: it has no bytes."),
        (size < 0, "The sound has 2 GiB or more. Cut it into pieces."),
        (
            tf.strings.substr(data, 0, 4) == b"fLaC",
            "The sound is FLAC, which is read in training alone, from whole files of "
            "an hour at most. Convert it to WAV.",
        ),
        (~is_wav, "The sound is no WAV, which is the kind that is read."),
        (header["format"] < 0, "The WAV has no description of its format."),
        (header["begin"] < 0, "The WAV has no sound in it: it is cut short."),
        (
            kind < 0,
            _words(
                *("The WAV has samples of format ", header["format"], " with "),
                *(
                    header["bits"],
                    " bits. Integers of 8, 16, 24 or 32 bits (format 1) ",
                ),
                "and floats of 32 or 64 (format 3) are read.",
            ),
        ),
        (
            (header["channels"] < 1) | (header["channels"] > MOST_CHANNELS),
            _words(
                *("The WAV says that it has ", header["channels"], " channels; 1 to "),
                f"{MOST_CHANNELS} are read.",
            ),
        ),
        (
            header["align"] > step,
            _words(
                *("The WAV says that all channels take ", header["align"], " bytes, "),
                *("but ", header["channels"], " of ", header["bits"], " bits take "),
                *(step, ". Write it again."),
            ),
        ),
        (
            (header["rate"] < LEAST_RATE_HZ) | (header["rate"] > MOST_RATE_HZ),
            _words(
                *("The WAV says that it has ", header["rate"], " samples a second; "),
                f"{LEAST_RATE_HZ:,} to {MOST_RATE_HZ:,} are read.",
            ),
        ),
        (
            (count - 1) // tf.maximum(header["rate"], 1) >= MOST_SECONDS,
            f"The WAV is longer than {MOST_SECONDS:,} seconds. Cut it into pieces.",
        ),
    )
    is_right = error == ""
    return {
        "kind": kind,
        "channels": header["channels"],
        "rate": tf.where(is_right, header["rate"], 0),
        "count": tf.where(is_right, count, 0),
        "begin": header["begin"],
        "length": count * step,
        "error": error,
    }


def bytes_of(data, begin, length):
    """A part of the bytes; of what lies behind their end, nothing."""
    begin = tf.minimum(begin, tf.strings.length(data))
    return tf.strings.substr(data, begin, length)


def _chunks(data, size):
    """What the chunks of the file say, as a dict of int32 scalars."""
    riff_length = _unsigned(data, 4, 4)

    def is_looking(offset, header):
        return (header["begin"] < 0) & (offset <= size - 8)

    def look(offset, header):
        name = bytes_of(data, offset, 4)
        claimed = _unsigned(data, offset + 4, 4)
        left = tf.cast(size - offset - 8, tf.int64)
        is_unknown = (claimed == _UNKNOWN_LENGTH) | (claimed > left)
        # Or wrote 0, and what lies behind is not of the file by its own length either.
        is_behind = riff_length <= tf.cast(offset, tf.int64)
        is_unknown |= (name == b"data") & (claimed == 0) & is_behind
        length = tf.cast(tf.where(is_unknown, left, claimed), tf.int32)
        begin = offset + 8
        header = tf.cond(
            (name == b"fmt ") & (length >= 16),
            lambda: {**header, **_format(data, begin, length)},
            lambda: header,
        )
        header = tf.cond(
            name == b"data",
            lambda: {**header, "begin": begin, "length": length},
            lambda: header,
        )
        return begin + length + length % 2, header  # chunks begin at even places

    _, header = tf.while_loop(
        is_looking,
        look,
        (tf.constant(12), _no_chunks()),
        maximum_iterations=_MOST_CHUNKS,
    )
    return header


def _no_chunks():
    names = ("format", "channels", "rate", "align", "bits", "begin", "length")
    header = dict.fromkeys(names, 0) | {"format": -1, "begin": -1}
    return {name: tf.constant(value) for name, value in header.items()}


def _format(data, begin, length):
    tag = _number(data, begin, 2)
    is_extensible = (tag == _EXTENSIBLE) & (length >= _EXTENSIBLE_BYTES)
    tag = tf.cond(is_extensible, lambda: _number(data, begin + 24, 2), lambda: tag)
    return {
        "format": tag,
        "channels": _number(data, begin + 2, 2),
        "rate": _number(data, begin + 4, 4),
        "align": _number(data, begin + 12, 2),
        "bits": _number(data, begin + 14, 2),
    }


def _kind(header):
    """Place in `KINDS`, -1 for what is not read."""
    kind = tf.constant(-1)
    for place, (tag, bits) in enumerate(KINDS):
        fits = (header["format"] == tag) & (header["bits"] == bits)
        kind = tf.where(fits, place, kind)
    return kind


def _unsigned(data, begin, count):
    """The little-endian number in `count` bytes as int64; they must be there."""
    digits = tf.cast(tf.io.decode_raw(bytes_of(data, begin, count), tf.uint8), tf.int64)
    return tf.reduce_sum(digits * 256 ** tf.range(count, dtype=tf.int64))


def _number(data, begin, count):
    """The same as int32; what is larger is the largest."""
    return tf.cast(tf.minimum(_unsigned(data, begin, count), 2**31 - 1), tf.int32)


def _words(*parts):
    return tf.strings.join(
        [
            part if isinstance(part, str) else tf.strings.as_string(part)
            for part in parts
        ]
    )
