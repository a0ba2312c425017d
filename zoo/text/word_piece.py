"""BERT's tokenizer: the ids of published checkpoints, in the graph."""

import os

import keras
import tensorflow as tf
import tensorflow_text

from zoo.text.bert_normalization import BertWords, Words
from zoo.text.encoder_tokenizer import EncoderTokenizer, numbered

VOCABULARY_FILE = "vocabulary.txt"  # the name KerasNLP's presets use
SPECIAL_TOKENS = PAD, UNKNOWN, CLS, SEP, MASK = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
)
CONTINUATION = "##"
MAX_WORD_LENGTH = 100  # characters; a longer word is unknown, as BERT has it
MAX_PIECE_BYTES = 256  # that TensorFlow Text's table of pieces has room for
MAX_UTF8_BYTES = 4


@keras.saving.register_keras_serializable(package="zoo")
class WordPieceTokenizer(EncoderTokenizer):
    """Strings to the ids that BERT was trained on, in the graph.

    Text is cleaned, its accents and capitals are taken off where asked, it is split
    at white space and punctuation, and each word into the longest pieces from its
    left that the vocabulary holds. The ids are those of Hugging Face's `tokenizers`,
    special tokens typed in the text included; none are added.

    [Devlin et al., 2018](https://arxiv.org/abs/1810.04805).

    >>> tokenizer = zoo.text.learn_tokenizer(lines, 8_000, kind="word_piece")
    >>> tokenizer(["A sm\u00e1ll dog", "[MASK]"])
    <tf.RaggedTensor [[31, 517, 402], [4]]>
    >>> tokenizer.detokenize([[31, 517, 402], [31, 3, 0]])
    [b"a small dog", b"a"]

    The words of `split_words` are normalised, and their pieces are those of the text:

    >>> tokenizer.split_words(tf.constant(["Caf\u00e9, [MASK]"]))
    [["cafe", ",", "[MASK]"]], [[0, 4, 6]], [[4, 5, 12]]

    Args:
        vocabulary: list of str, the pieces in the order of their ids, or the path of a
            file with one a line, such as a checkpoint's `vocab.txt`. [PAD], [UNK],
            [CLS], [SEP] and [MASK] are among them, in any place.
        lowercase: bool. An uncased model's way.
        strip_accents: bool. As `lowercase` unless given.
        split_cjk: bool. Chinese characters are words of their own.
    """

    special_tokens = SPECIAL_TOKENS
    pad_token, unknown_token = PAD, UNKNOWN
    cls_token, sep_token, mask_token = CLS, SEP, MASK
    how_to_get_one = (
        "Pass vocabulary=, call load_assets(folder), or learn one: "
        'zoo.text.learn_tokenizer(lines, kind="word_piece").'
    )

    def __init__(
        self,
        vocabulary=None,
        lowercase=True,
        strip_accents=None,
        split_cjk=True,
        dtype="int32",
        **kwargs,
    ):
        super().__init__(dtype=dtype, **kwargs)
        self.file_assets = [VOCABULARY_FILE]
        self.lowercase = lowercase
        self.strip_accents = strip_accents
        self.split_cjk = split_cjk
        self.double_separator = False
        if vocabulary is not None:
            self.set_vocabulary(vocabulary)

    def set_vocabulary(self, vocabulary):
        """Takes a vocabulary, as a list or as the path of a file."""
        if isinstance(vocabulary, (str, os.PathLike)):
            vocabulary = _read(vocabulary)
        self._ids = _checked_ids(vocabulary)
        self._vocabulary = list(vocabulary)
        strip_accents = self.strip_accents
        split = BertWords(
            SPECIAL_TOKENS,
            lowercase=self.lowercase,
            strip_accents=self.lowercase if strip_accents is None else strip_accents,
            split_cjk=self.split_cjk,
        )
        self._encode, self._split = _graph_functions(self._vocabulary, split)

    def _join(self, token_ids):
        """Words are parted by single spaces, whatever parted them before."""
        words = self.pieces(token_ids)
        text = tf.strings.reduce_join(words, axis=-1, separator=" ")
        return tf.strings.regex_replace(text, f" {CONTINUATION}", "")

    def save_assets(self, dir_path):
        self._check_vocabulary()
        path = os.path.join(dir_path, VOCABULARY_FILE)
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{piece}\n" for piece in self._vocabulary)

    def load_assets(self, dir_path):
        self.set_vocabulary(os.path.join(dir_path, VOCABULARY_FILE))

    def get_config(self):
        # The vocabulary is a file of its own, written by `save_assets`.
        return {
            **super().get_config(),
            "lowercase": self.lowercase,
            "strip_accents": self.strip_accents,
            "split_cjk": self.split_cjk,
        }


def _read(path):
    """The pieces of a file, one a line."""
    with open(path, encoding="utf-8", newline="") as file:
        try:
            text = file.read()
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path} is not UTF-8 (byte {error.start}). A vocabulary is a text "
                "file with one piece a line, such as a checkpoint's vocab.txt."
            ) from error
    return [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")]


def _checked_ids(vocabulary):
    """dict of piece -> id."""
    ids = numbered(vocabulary)
    missing = [token for token in SPECIAL_TOKENS if token not in ids]
    if missing:
        raise ValueError(
            f"The vocabulary of {len(vocabulary)} pieces lacks {', '.join(missing)}. "
            f"WordPiece needs {', '.join(SPECIAL_TOKENS)}: add them, in any place, or "
            'learn a vocabulary: zoo.text.learn_tokenizer(lines, kind="word_piece").'
        )
    for piece, number in ids.items():
        if len(piece.removeprefix(CONTINUATION).encode("utf-8")) > MAX_PIECE_BYTES:
            raise ValueError(
                f"Piece {number} of the vocabulary, {piece[:20]!r}..., has more than "
                f"{MAX_PIECE_BYTES} bytes. Replace it by one that is not used, such as "
                f"'[unused{number}]'."
            )
    return ids


def _graph_functions(vocabulary, split):
    """Makes (encode, split_words) for a vocabulary and a `BertWords`."""
    word_piece = tensorflow_text.FastWordpieceTokenizer(
        vocabulary,
        suffix_indicator=CONTINUATION,
        max_bytes_per_word=MAX_WORD_LENGTH * MAX_UTF8_BYTES,
        token_out_type=tf.int32,
        unknown_token=UNKNOWN,
        no_pretokenization=True,
    )

    signature = [tf.TensorSpec([None], tf.string)]

    @tf.function(input_signature=signature, autograph=False)
    def encode(texts):
        (words, _, _), order = split(texts)
        pieces = word_piece.tokenize(_without_long_words(words.values))
        splits = tf.gather(pieces.row_splits, words.row_splits)
        return tf.gather(tf.RaggedTensor.from_row_splits(pieces.values, splits), order)

    @tf.function(input_signature=signature, autograph=False)
    def split_words(texts):
        words, order = split(texts)
        return Words(*(tf.gather(column, order) for column in words))

    return encode, split_words


def _without_long_words(words):
    """Puts [UNK] for those that are too long."""

    def replaced():
        length = tf.strings.length(words, unit="UTF8_CHAR")
        return tf.where(length > MAX_WORD_LENGTH, UNKNOWN, words)

    any_long = tf.reduce_any(tf.strings.length(words) > MAX_WORD_LENGTH)
    return tf.cond(any_long, replaced, lambda: tf.identity(words))
