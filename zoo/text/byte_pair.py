"""RoBERTa's tokenizer: byte-level byte-pair encoding, in the graph."""

import json
import os

import keras
import tensorflow as tf

from zoo.text.byte_pair_merging import ByteMerges
from zoo.text.byte_pair_vocabulary import (
    CLS,
    MASK,
    PAD,
    SEP,
    SPECIAL_TOKENS,
    UNKNOWN,
    byte_characters,
    bytes_of,
    checked_ids,
    merge_table,
    read_merges,
    read_vocabulary,
)
from zoo.text.byte_pair_words import ByteLevelWords
from zoo.text.encoder_tokenizer import EncoderTokenizer

VOCABULARY_FILE, MERGES_FILE = "vocabulary.json", "merges.txt"  # KerasNLP's names


@keras.saving.register_keras_serializable(package="zoo")
class BytePairTokenizer(EncoderTokenizer):
    """Strings to the ids that RoBERTa was trained on and back, in the graph.

    A text is split into words, with the space before them, and the bytes of each are
    merged pair by pair. The ids are those of Hugging Face's `tokenizers`, special
    tokens typed in the text included; none are added. No text is unknown.

    [Radford et al., 2019](https://github.com/openai/gpt-2).

    >>> tokenizer = BytePairTokenizer("vocab.json", "merges.txt")
    >>> tokenizer(["a dog", " <mask>"])
    <tf.RaggedTensor [[102, 2335], [50264]]>
    >>> tokenizer.detokenize([[0, 102, 2335, 2, 1]])
    [b"a dog"]

    A word of `split_words` has the space before it, its place does not. The pieces of
    the words are those of the text, unless `add_prefix_space` is set: then a word that
    stands alone has a space before it, and one that follows another may have none.

    >>> tokenizer.split_words(tf.constant(["a dog!"]))
    [["a", " dog", "!"]], [[0, 2, 5]], [[1, 5, 6]]

    Args:
        vocabulary: list of str, the pieces in the order of their ids, in the characters
            of `byte_characters`, or the path of a JSON file of piece to id. The special
            tokens and all 256 bytes are among them.
        merges: list of (str, str), the pairs in the order of their merging, or the path
            of a file with one a line.
        add_prefix_space: bool. The first word has the pieces it has anywhere else.
    """

    special_tokens = SPECIAL_TOKENS
    pad_token, unknown_token = PAD, UNKNOWN
    cls_token, sep_token, mask_token = CLS, SEP, MASK
    how_to_get_one = "Pass vocabulary= and merges=, or call load_assets(folder)."

    def __init__(
        self,
        vocabulary=None,
        merges=None,
        add_prefix_space=False,
        dtype="int32",
        **kwargs,
    ):
        super().__init__(dtype=dtype, **kwargs)
        self.file_assets = [VOCABULARY_FILE, MERGES_FILE]
        self.add_prefix_space = add_prefix_space
        self.double_separator = True
        if (vocabulary is None) != (merges is None):
            raise ValueError(
                "BytePairTokenizer needs vocabulary= and merges=, or neither, but got "
                f"only {'merges' if vocabulary is None else 'vocabulary'}=."
            )
        if vocabulary is not None:
            self.set_vocabulary_and_merges(vocabulary, merges)

    def set_vocabulary_and_merges(self, vocabulary, merges):
        """Takes a vocabulary and its merges, as lists or as the paths of files."""
        if isinstance(vocabulary, (str, os.PathLike)):
            vocabulary = read_vocabulary(vocabulary)
        if isinstance(merges, (str, os.PathLike)):
            merges = read_merges(merges)
        ids = checked_ids(vocabulary)
        table = merge_table(merges, ids)
        self._vocabulary, self._merges, self._ids = list(vocabulary), list(merges), ids
        self._bytes = bytes_of(self._vocabulary)
        split = ByteLevelWords(
            SPECIAL_TOKENS,
            stripping=[MASK],
            add_prefix_space=self.add_prefix_space,
        )
        merge = ByteMerges(
            [ids[character] for character in byte_characters()],
            table,
            {token: ids[token] for token in SPECIAL_TOKENS},
            longest_piece=max(len(text) for text in self._bytes),
        )
        self._encode, self._split = _graph_functions(split, merge)

    def _join(self, token_ids):
        """Bytes that are no UTF-8 become U+FFFD."""
        pieces = token_ids.with_flat_values(
            tf.gather(self._bytes, token_ids.flat_values)
        )
        texts = tf.strings.reduce_join(pieces, axis=-1)
        if self.add_prefix_space:
            texts = tf.strings.regex_replace(texts, r"\A ", "")
        return tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8")

    def get_merges(self):
        """The list of (str, str) that are merged, in their order."""
        self._check_vocabulary()
        return [tuple(pair) for pair in self._merges]

    def save_assets(self, dir_path):
        self._check_vocabulary()
        path = os.path.join(dir_path, VOCABULARY_FILE)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self._ids, file, ensure_ascii=False)
        path = os.path.join(dir_path, MERGES_FILE)
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{left} {right}\n" for left, right in self._merges)

    def load_assets(self, dir_path):
        self.set_vocabulary_and_merges(
            os.path.join(dir_path, VOCABULARY_FILE),
            os.path.join(dir_path, MERGES_FILE),
        )

    def get_config(self):
        # The vocabulary is two files of its own, written by `save_assets`.
        return {**super().get_config(), "add_prefix_space": self.add_prefix_space}


def _graph_functions(split, merge):
    """Makes (encode, split_words)."""
    signature = [tf.TensorSpec([None], tf.string)]

    @tf.function(input_signature=signature, autograph=False)
    def encode(texts):
        words, _, _ = split(texts)
        different, places = tf.unique(words.values)
        pieces = tf.gather(merge(different), places)
        splits = tf.gather(pieces.row_splits, words.row_splits)
        return tf.RaggedTensor.from_row_splits(pieces.values, splits, validate=False)

    return encode, tf.function(split, input_signature=signature, autograph=False)
