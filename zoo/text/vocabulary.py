"""Learning a subword vocabulary from text."""

import collections.abc
import io
import numbers
import os
import re
import tempfile

import sentencepiece
import tensorflow as tf
from sentencepiece import sentencepiece_model_pb2

from zoo.text.sentence_piece import (
    END_ID,
    PAD_ID,
    START_ID,
    UNKNOWN_ID,
    SentencePieceTokenizer,
)

# A larger corpus is sampled down to this many lines, which bounds the memory. The
# trainer draws them with a seed of its own, always the same.
MAX_LINES = 4_000_000
# SentencePiece leaves longer lines out without a word; this is the most it takes.
MAX_LINE_BYTES = 1 << 30
# SentencePiece skips every line that holds one of these.
_RESERVED = {ord(character): " " for character in "\0\u2585"}


def learn_tokenizer(lines, vocabulary_size=10_000, kind="sentence_piece"):
    """Learns a vocabulary from text: byte-pair encoding, with bytes to fall back on.

    The same lines give the same tokenizer. Nothing is normalised and white space is
    kept, so that any text survives encode then decode.

    >>> tokenizer = learn_tokenizer(["a small dog", "a large dog"], 275)
    >>> tokenizer.detokenize(tokenizer(["a dog"]))
    [b"a dog"]

    Args:
        lines: an iterable of str or UTF-8 bytes, or a `tf.data.Dataset` of strings.
            Text in any number of languages: pass both sides of a parallel corpus to
            share one vocabulary.
        vocabulary_size: int. Number of ids, of which 4 are special and 256 are bytes.
        kind: str. Only `"sentence_piece"`.

    Returns:
        `SentencePieceTokenizer`.
    """
    if kind != "sentence_piece":
        raise ValueError(
            f"Unknown kind {kind!r} of tokenizer. Known: 'sentence_piece'."
        )
    if not isinstance(vocabulary_size, numbers.Integral) or vocabulary_size <= 0:
        raise ValueError(
            f"vocabulary_size is {vocabulary_size!r}, but a number of ids, such as "
            "10000, is needed."
        )
    training_lines = _TrainingLines(lines)
    model = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        options = _trainer_options(vocabulary_size, _normalization_rules(folder))
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(training_lines), model_writer=model, **options
            )
        except RuntimeError as error:
            if training_lines.error is not None:
                raise training_lines.error from None
            raise _trainer_error(error, vocabulary_size) from error
    return SentencePieceTokenizer(_without_paths(model.getvalue()))


def _trainer_options(vocabulary_size, normalization_rules):
    return {
        "vocab_size": vocabulary_size,
        "model_type": "bpe",
        "byte_fallback": True,
        # Digit by digit, a number that was never seen is copied as well as any other.
        "split_digits": True,
        "normalization_rule_tsv": normalization_rules,
        "remove_extra_whitespaces": False,
        "add_dummy_prefix": False,
        "pad_id": PAD_ID,
        "unk_id": UNKNOWN_ID,
        "bos_id": START_ID,
        "eos_id": END_ID,
        "num_threads": 1,
        "input_sentence_size": MAX_LINES,
        "shuffle_input_sentence": True,
        "max_sentence_length": MAX_LINE_BYTES,
        "minloglevel": 2,
    }


def _normalization_rules(folder):
    """Writes the one rule, U+2581 to a space, and returns its path.

    SentencePiece writes U+2581 for a space, so the rule changes no text that could
    come back otherwise; but with no rule at all ("identity") the TensorFlow op writes
    a line to stderr whenever a tokenizer or an exported model is loaded.
    """
    path = os.path.join(folder, "rules.tsv")
    with open(path, "w", encoding="utf-8") as file:
        file.write("2581\t20\n")
    return path


def _without_paths(proto):
    """Leaves out of a model the folder it was made in, so that it is reproducible."""
    model = sentencepiece_model_pb2.ModelProto.FromString(proto)
    model.normalizer_spec.ClearField("normalization_rule_tsv")
    return model.SerializeToString(deterministic=True)


class _TrainingLines:
    """The lines as they will be encoded: with a space before.

    Attributes:
        error: what was raised while they were read; the trainer makes a
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
            lines = lines.as_numpy_iterator()
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
                yield " " + _checked_text(number, line).translate(_RESERVED)
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


def _trainer_error(error, vocabulary_size):
    """The trainer's error in words that say what to do."""
    if largest := re.search(r"too high .* value <= (\d+)", str(error)):
        return ValueError(
            f"The text is too small for a vocabulary of {vocabulary_size}: it gives "
            f"at most {largest[1]}. Pass vocabulary_size={largest[1]} or less, or "
            "more text."
        )
    if smallest := re.search(r"smaller than required_chars. \d+ vs (\d+)", str(error)):
        return ValueError(
            f"A vocabulary of {vocabulary_size} cannot hold the special tokens, the "
            f"256 bytes and the characters of the text. Pass vocabulary_size="
            f"{smallest[1]} or more."
        )
    if "sentences_.empty()" in str(error):
        return ValueError("There is no text to learn a vocabulary from: no lines.")
    return error
