"""Learning a WordPiece vocabulary from text."""

import collections
import io
import itertools
import re

import sentencepiece
import tensorflow as tf

from zoo.text.bert_normalization import BertWords
from zoo.text.training_lines import TrainingLines
from zoo.text.word_piece import (
    CONTINUATION,
    MAX_PIECE_BYTES,
    MAX_UTF8_BYTES,
    MAX_WORD_LENGTH,
    SPECIAL_TOKENS,
)

_LINES_AT_ONCE = 4096
# Where the characters would take more than a share of the vocabulary, the rarest are
# left out; so many are always kept.
_SHARE_OF_CHARACTERS = 0.25
_KEPT_CHARACTERS = 500
# SentencePiece learns from words spelled in private use characters: one for each
# character that starts a word, the next for the same one within a word.
_FIRST_CODE = 0xF0000
_MOST_CHARACTERS = 32_000
_TRAINER_OPTIONS = {
    "model_type": "bpe",
    "input_format": "tsv",  # words with their counts
    "normalization_rule_name": "identity",
    "split_by_unicode_script": False,
    "split_by_number": False,
    "split_by_whitespace": False,
    "add_dummy_prefix": False,
    "remove_extra_whitespaces": False,
    "max_sentencepiece_length": MAX_PIECE_BYTES // MAX_UTF8_BYTES,
    "character_coverage": 1.0,
    "unk_id": 0,
    "bos_id": -1,
    "eos_id": -1,
    "pad_id": -1,
    "num_threads": 1,
    "minloglevel": 2,
}


def learn_word_pieces(lines, vocabulary_size, lowercase=True, at_most=False):
    """Learns the pieces of words by byte-pair encoding, as published vocabularies are.

    The special tokens come first, then characters, then merged pieces in the order of
    their merging. The same lines give the same pieces, in whatever order.

    >>> learn_word_pieces(["low lower lowest"], 14)
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "e", "l", "o", ..., "##ow", "low"]

    Args:
        lines: as in `learn_tokenizer`.
        vocabulary_size: int.
        lowercase, at_most: bool. As in `learn_tokenizer`.

    Returns:
        list of str.
    """
    counts = _count_words(TrainingLines(lines), lowercase)
    alphabet = _alphabet(counts, vocabulary_size)
    if not counts:
        raise ValueError("There is no text to learn a vocabulary from: no words.")
    counts = {word: n for word, n in counts.items() if alphabet.issuperset(word)}
    inner = {character for word in counts for character in word[1:]}
    characters = sorted(alphabet)
    characters += [CONTINUATION + character for character in sorted(inner)]
    smallest = len(SPECIAL_TOKENS) + len(characters)
    if vocabulary_size < smallest:
        raise ValueError(
            f"A vocabulary of {vocabulary_size} cannot hold the special tokens and the "
            f"characters of the text. Pass vocabulary_size={smallest} or more."
        )
    merged = _merged_pieces(counts, vocabulary_size - smallest, smallest, at_most)
    return [*SPECIAL_TOKENS, *characters, *merged]


def _count_words(lines, lowercase):
    """Counter of the words of the lines, but special tokens and endless words."""
    split = BertWords(SPECIAL_TOKENS, lowercase=lowercase, strip_accents=lowercase)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def count(texts):
        words, _ = split(texts)
        return tf.unique_with_counts(words.words.values)

    counts = collections.Counter()
    lines = iter(lines)
    while batch := list(itertools.islice(lines, _LINES_AT_ONCE)):
        words, _, numbers = count(tf.constant(batch))
        for word, number in zip(words.numpy(), numbers.numpy().tolist(), strict=True):
            counts[word] += number
    counts = {word.decode(): number for word, number in counts.items()}
    return {
        word: number
        for word, number in counts.items()
        if word not in SPECIAL_TOKENS and len(word) <= MAX_WORD_LENGTH
    }


def _alphabet(counts, vocabulary_size):
    """The set of the characters to keep."""
    frequency = collections.Counter()
    for word, number in counts.items():
        for character in word:
            frequency[character] += number
    kept = max(_KEPT_CHARACTERS, int(_SHARE_OF_CHARACTERS * vocabulary_size))
    by_frequency = sorted(frequency, key=lambda c: (-frequency[c], c))
    return set(by_frequency[: min(kept, _MOST_CHARACTERS)])


def _merged_pieces(counts, number, smallest, at_most):
    """The first `number` pieces that byte-pair encoding merges from characters."""
    if number == 0:
        return []
    alphabet = sorted({character for word in counts for character in word})
    code = {character: _FIRST_CODE + 2 * i for i, character in enumerate(alphabet)}
    rows = [
        "".join(chr(code[character] + (i > 0)) for i, character in enumerate(word))
        + f"\t{counts[word]}"
        for word in sorted(counts)
    ]
    num_forms = len({form for row in rows for form in row.split("\t")[0]})
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(rows),
            model_writer=model,
            vocab_size=1 + num_forms + number,
            hard_vocab_limit=not at_most,
            **_TRAINER_OPTIONS,
        )
    except RuntimeError as error:
        if largest := re.search(r"too high .* value <= (\d+)", str(error)):
            largest = int(largest[1]) - 1 - num_forms + smallest
            raise ValueError(
                f"The text is too small for a vocabulary of {number + smallest}: it "
                f"gives at most {largest}. Pass vocabulary_size={largest} or less, or "
                "more text."
            ) from error
        raise
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    number = min(number, processor.get_piece_size() - 1 - num_forms)
    forms = [processor.id_to_piece(i) for i in range(1, 1 + number)]
    return [_piece(form, alphabet) for form in forms]


def _piece(form, alphabet):
    """A piece as WordPiece spells it, from private use characters."""
    numbers = [ord(character) - _FIRST_CODE for character in form]
    prefix = CONTINUATION if numbers[0] % 2 else ""
    return prefix + "".join(alphabet[number // 2] for number in numbers)
