"""Learning a subword vocabulary from text."""

import io
import numbers
import os
import re
import sys
import tempfile

import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from zoo.text.sentence_piece import (
    END_ID,
    PAD_ID,
    START_ID,
    UNKNOWN_ID,
    SentencePieceTokenizer,
)
from zoo.text.training_lines import TrainingLines
from zoo.text.word_piece import WordPieceTokenizer
from zoo.text.word_piece_vocabulary import learn_word_pieces

# A larger corpus is sampled down to this many lines, which bounds the memory. The
# trainer draws them with a seed of its own, always the same.
MAX_LINES = 4_000_000
# SentencePiece leaves longer lines out without a word; this is the most it takes.
MAX_LINE_BYTES = 1 << 30
# SentencePiece skips every line that holds one of these.
_RESERVED = {ord(character): " " for character in "\0\u2585"}


def learn_tokenizer(
    lines,
    vocabulary_size=10_000,
    kind="sentence_piece",
    *,
    lowercase=None,
    at_most=False,
):
    """Learns a vocabulary from text.

    The same lines give the same tokenizer.

    - `"sentence_piece"`: byte-pair encoding, with bytes to fall back on. Nothing is
      normalised, unless `lowercase` asks for it, and white space is kept, so that any
      text survives encode then decode.
    - `"word_piece"`: the pieces of words without accents, as BERT has them. A word with
      a character that is too rare for the vocabulary is unknown.

    >>> tokenizer = learn_tokenizer(["a small dog", "a large dog"], 275)
    >>> tokenizer.detokenize(tokenizer(["a dog"]))
    [b"a dog"]

    Args:
        lines: an iterable of str or UTF-8 bytes, or a `tf.data.Dataset` of strings.
            Text in any number of languages: pass both sides of a parallel corpus to
            share one vocabulary.
        vocabulary_size: int. Number of ids. Of a SentencePiece vocabulary 4 are
            special and 256 are bytes, of a WordPiece one 5 are special.
        kind: str. `"sentence_piece"` or `"word_piece"`.
        lowercase: bool. Capitals become small letters, and are decoded as such; of
            WordPiece, where it is true unless given, accents are left out too.
        at_most: bool. A text that is too small for so many ids gives fewer, instead of
            an error.

    Returns:
        `SentencePieceTokenizer` or `WordPieceTokenizer`.
    """
    if kind not in ("sentence_piece", "word_piece"):
        raise ValueError(
            f"Unknown kind {kind!r} of tokenizer. Known: 'sentence_piece', "
            "'word_piece'."
        )
    if not isinstance(vocabulary_size, numbers.Integral) or vocabulary_size <= 0:
        raise ValueError(
            f"vocabulary_size is {vocabulary_size!r}, but a number of ids, such as "
            "10000, is needed."
        )
    if kind == "word_piece":
        lowercase = lowercase is None or lowercase
        pieces = learn_word_pieces(lines, vocabulary_size, lowercase, at_most)
        return WordPieceTokenizer(pieces, lowercase=lowercase)
    proto = _learn_sentence_pieces(lines, vocabulary_size, bool(lowercase), at_most)
    return SentencePieceTokenizer(proto)


def _learn_sentence_pieces(lines, vocabulary_size, lowercase, at_most):
    """A SentencePiece model, as bytes."""
    lines = TrainingLines(lines)
    # As they will be encoded: with a space before.
    spaced = (" " + line.translate(_RESERVED) for line in lines)
    model = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        rules = _normalization_rules(folder, lowercase)
        options = _trainer_options(vocabulary_size, rules)
        options["hard_vocab_limit"] = not at_most
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=spaced, model_writer=model, **options
            )
        except RuntimeError as error:
            if lines.error is not None:
                raise lines.error from None
            raise _trainer_error(error, vocabulary_size) from error
    return _without_paths(model.getvalue())


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


def _normalization_rules(folder, lowercase):
    """Writes the rules, U+2581 to a space and perhaps small letters; returns the path.

    SentencePiece writes U+2581 for a space, so the rule changes no text that could
    come back otherwise; but with no rule at all ("identity") the TensorFlow op writes
    a line to stderr whenever a tokenizer or an exported model is loaded.
    """
    path = os.path.join(folder, "rules.tsv")
    with open(path, "w", encoding="utf-8") as file:
        file.write("2581\t20\n")
        if lowercase:
            file.writelines(_small_letters())
    return path


def _small_letters():
    """Yields a rule for each character that is not one already."""
    for character in map(chr, range(sys.maxunicode + 1)):
        small = character.lower()
        if small != character:
            codes = " ".join(f"{ord(part):X}" for part in small)
            yield f"{ord(character):X}\t{codes}\n"


def _without_paths(proto):
    """Leaves out of a model the folder it was made in, so that it is reproducible."""
    model = sentencepiece_model_pb2.ModelProto.FromString(proto)
    model.normalizer_spec.ClearField("normalization_rule_tsv")
    return model.SerializeToString(deterministic=True)


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
