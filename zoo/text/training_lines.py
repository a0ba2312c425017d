"""The lines that a vocabulary is learnt from, checked."""

import collections.abc
import itertools

import tensorflow as tf

_READ_TOGETHER = 1024  # a step of a dataset takes longer than what is done with a line


class TrainingLines:
    """Iterates over lines of text, each a str that UTF-8 can hold.

    Args:
        lines: an iterable of str or UTF-8 bytes, or a `tf.data.Dataset` of strings.

    Attributes:
        error: what was raised while they were read; SentencePiece's trainer makes a
            RuntimeError of anything.
    """

    def __init__(self, lines):
        if isinstance(lines, tf.data.Dataset):
            if lines.element_spec != tf.TensorSpec([], tf.string):
                raise ValueError(
                    "learn_tokenizer needs a tf.data.Dataset of scalar strings, but "
                    f"its elements are {lines.element_spec}. Map it first: "
                    'lines = pairs.map(lambda pair: pair["source"]).'
                )
            parts = lines.batch(_READ_TOGETHER).as_numpy_iterator()
            lines = itertools.chain.from_iterable(parts)
        if isinstance(lines, str | bytes):
            raise ValueError(
                "learn_tokenizer needs many lines, but got one "
                f"{type(lines).__name__}: [text]."
            )
        if not isinstance(lines, collections.abc.Iterable):
            raise TypeError(
                "learn_tokenizer needs an iterable of str, but got "
                f"{type(lines).__name__}: {lines!r:.200}."
            )
        self.lines = lines
        self.error = None

    def __iter__(self):
        try:
            for number, line in enumerate(self.lines, start=1):
                yield _checked_text(number, line)
        except Exception as error:
            self.error = error
            raise


def _checked_text(number, line):
    """A str that UTF-8 can hold, from str or bytes."""
    if not isinstance(line, str | bytes):
        raise TypeError(
            f"Line {number} is of type {type(line).__name__}, but str or bytes is "
            f"needed: {line!r:.200}."
        )
    try:
        if isinstance(line, bytes):
            return line.decode("utf-8")
        line.encode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"Line {number} is not UTF-8 (byte 0x{line[error.start]:02x}). Decode it "
            'first, for example: line.decode("latin1").'
        ) from error
    except UnicodeEncodeError as error:
        raise ValueError(
            f"Line {number} has half a character, {line[error.start]!a}, which UTF-8 "
            "cannot hold. Write its other half too, or leave the line out."
        ) from error
    return line
