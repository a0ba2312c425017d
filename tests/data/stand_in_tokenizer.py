"""A tokenizer of letters, with what batches for understanding texts ask of one."""

import tensorflow as tf

LETTERS = "abcdefghijklmnopqrstuvwxyz"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


class LetterTokenizer:
    """Words are parted by spaces; letters after the first are written `##x`."""

    pad_token_id, unknown_token_id, cls_token_id, sep_token_id, mask_token_id = range(5)
    special_token_ids = list(range(5))
    double_separator = False

    def __init__(self):
        self.vocabulary = [*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
        keys = tf.constant(self.vocabulary)
        ids = tf.range(len(self.vocabulary))
        table = tf.lookup.KeyValueTensorInitializer(keys, ids)
        self.table = tf.lookup.StaticHashTable(table, self.unknown_token_id)

    def tokenize(self, texts):
        letters = tf.strings.unicode_split(tf.strings.split(texts), "UTF-8")
        rest = letters[:, :, 1:]
        rest = rest.with_flat_values(tf.strings.join(["##", rest.flat_values]))
        pieces = tf.concat([letters[:, :, :1], rest], axis=2).merge_dims(1, 2)
        return pieces.with_flat_values(self.table.lookup(pieces.flat_values))

    def vocabulary_size(self):
        return len(self.vocabulary)

    def get_vocabulary(self):
        return list(self.vocabulary)

    def text(self, token_ids):
        """ids -> the text, special tokens included."""
        pieces = (self.vocabulary[i] for i in token_ids)
        return " ".join(pieces).replace(" ##", "")
