"""What all tokenizers share."""

import keras_nlp
import tensorflow as tf


class SubwordTokenizer(keras_nlp.tokenizers.Tokenizer):
    """Abstract: strings to ids in the graph, and ids to the pieces that they stand for.

    A subclass takes a vocabulary, which sets `_vocabulary`, a list of str, `_ids`, its
    inverse, and `_encode`, from string `(n,)` to int32 ragged `(n, None)`. It has
    `unknown_token_id`, the id of what is no token, and `how_to_get_one`, a sentence on
    where a vocabulary comes from.
    """

    _vocabulary = None

    def tokenize(self, texts):
        """string `(n,)` -> int32 ragged `(n, None)`; a scalar gives `(length,)`."""
        self._check_vocabulary()
        texts = tf.convert_to_tensor(texts, tf.string)
        if texts.shape.rank == 0:
            return self._encode(texts[tf.newaxis])[0]
        return self._encode(texts)

    def call(self, texts):
        return self.tokenize(texts)

    def pieces(self, token_ids):
        """int ids of any shape, dense or ragged -> the strings of their pieces."""
        self._check_vocabulary()
        vocabulary = tf.constant(self._vocabulary)
        if isinstance(token_ids, tf.RaggedTensor):
            return token_ids.with_flat_values(
                tf.gather(vocabulary, token_ids.flat_values)
            )
        return tf.gather(vocabulary, token_ids)

    def vocabulary_size(self):
        self._check_vocabulary()
        return len(self._vocabulary)

    def get_vocabulary(self):
        self._check_vocabulary()
        return list(self._vocabulary)

    def id_to_token(self, id):
        if not 0 <= id < self.vocabulary_size():
            raise ValueError(
                f"There is no token {id}: ids go from 0 to {self.vocabulary_size() - 1}"
                "."
            )
        return self._vocabulary[id]

    def token_to_id(self, token):
        self._check_vocabulary()
        return self._ids.get(token, self.unknown_token_id)

    def _check_vocabulary(self):
        if self._vocabulary is None:
            raise ValueError(
                f"This {type(self).__name__} has no vocabulary yet. "
                + self.how_to_get_one
            )
