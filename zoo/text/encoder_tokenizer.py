"""What the tokenizers of text encoders share."""

import tensorflow as tf

from zoo.text.subword_tokenizer import SubwordTokenizer


class EncoderTokenizer(SubwordTokenizer):
    """Abstract: a tokenizer whose vocabulary names the special tokens of an encoder.

    A subclass has `special_tokens`, and by their use `pad_token`, `unknown_token`,
    `cls_token`, `sep_token` and `mask_token`, all str. Beside what `SubwordTokenizer`
    asks for it sets `_split`, the function behind `split_words`, and defines `_join`,
    from ids without special ones to texts.
    """

    def split_words(self, texts):
        """The words of texts, before they are split into pieces, and their places.

        Args:
            texts: string `(n,)`.

        Returns:
            words, string ragged `(n, None)`, and where they start and end, both int32
            ragged `(n, None)`, in characters of the text as it was; ends exclusive.
        """
        self._check_vocabulary()
        return tuple(self._split(tf.convert_to_tensor(texts, tf.string)))

    @property
    def special_token_ids(self):
        return [self.token_to_id(token) for token in self.special_tokens]

    @property
    def unknown_token_id(self):
        self._check_vocabulary()
        return self._ids[self.unknown_token]

    @property
    def pad_token_id(self):
        return self.token_to_id(self.pad_token)

    @property
    def cls_token_id(self):
        return self.token_to_id(self.cls_token)

    @property
    def sep_token_id(self):
        return self.token_to_id(self.sep_token)

    @property
    def mask_token_id(self):
        return self.token_to_id(self.mask_token)

    def detokenize(self, token_ids):
        """int `(n, length)`, dense or ragged -> string `(n,)`; 1-D gives a scalar.

        Special tokens are left out.
        """
        self._check_vocabulary()
        if not isinstance(token_ids, (tf.Tensor, tf.RaggedTensor)):
            token_ids = tf.ragged.constant(token_ids, dtype=tf.int32)
        if token_ids.shape.rank == 1:
            return self.detokenize(token_ids[tf.newaxis])[0]
        token_ids = tf.cast(token_ids, tf.int32)
        special = tf.reduce_any(
            token_ids[..., tf.newaxis] == self.special_token_ids, axis=-1
        )
        return self._join(tf.ragged.boolean_mask(token_ids, ~special))


def numbered(vocabulary):
    """dict of piece -> id."""
    ids = {piece: i for i, piece in enumerate(vocabulary)}
    if len(ids) != len(vocabulary):
        twice = next(piece for i, piece in enumerate(vocabulary) if ids[piece] != i)
        raise ValueError(
            f"The vocabulary holds {twice!r} more than once, so that its ids are not "
            "those of its pieces. Leave out all but one."
        )
    return ids
