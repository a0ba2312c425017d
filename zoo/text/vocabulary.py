"""Learning a subword vocabulary from text."""

import io
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
        lines: an iterable of str, or a `tf.data.Dataset` of strings. Text in any
            number of languages: pass both sides of a parallel corpus to share one
            vocabulary.
        vocabulary_size: int. Number of ids, of which 4 are special and 256 are bytes.
        kind: str. Only `"sentence_piece"`.

    Returns:
        `SentencePieceTokenizer`.
    """
    if kind != "sentence_piece":
        raise ValueError(
            f"Unknown kind {kind!r} of tokenizer. Known: 'sentence_piece'."
        )
    model = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        options = _trainer_options(vocabulary_size, _normalization_rules(folder))
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=_training_lines(lines), model_writer=model, **options
            )
        except RuntimeError as error:
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


def _training_lines(lines):
    """Yields the lines as they will be encoded: with a space before."""
    if isinstance(lines, tf.data.Dataset):
        if lines.element_spec != tf.TensorSpec([], tf.string):
            raise ValueError(
                "learn_tokenizer needs a tf.data.Dataset of scalar strings, but its "
                f"elements are {lines.element_spec}. Map it first: "
                'lines = pairs.map(lambda pair: pair["source"]).'
            )
        lines = (line.decode("utf-8") for line in lines.as_numpy_iterator())
    elif isinstance(lines, str):
        raise ValueError("learn_tokenizer needs many lines, but got one str: [text].")
    for line in lines:
        yield " " + line.translate(_RESERVED)


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
