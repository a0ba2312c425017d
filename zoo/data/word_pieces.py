"""Tokens and the words that they make up."""

import numpy as np
import tensorflow as tf

_CONTINUES = "##"  # a WordPiece that does not begin its word
_SPACE = "Ġ"  # how byte-level BPE writes the space before a word


def begins_word(tokenizer):
    """bool `(vocabulary_size,)`: whether a token is the first one of its word.

    >>> begins_word(tokenizer)[tokenizer.tokenize("wonderful")]  # wonder ##ful
    [True, False]
    """
    vocabulary = tokenizer.get_vocabulary()
    if _is_byte_level(tokenizer):
        return np.array([token.startswith(_SPACE) for token in vocabulary])
    if not any(token.startswith(_CONTINUES) for token in vocabulary):
        raise ValueError(
            "This vocabulary does not say which tokens begin a word: none starts with "
            f"{_CONTINUES!r} or {_SPACE!r}. Pass whole_words=False."
        )
    return np.array([not token.startswith(_CONTINUES) for token in vocabulary])


def tokenize_words(words, tokenizer):
    """Tokenizes words one by one, in the graph.

    A word of which nothing is left, such as a control character, becomes the unknown
    token. Byte-level BPE reads each word with one space before it, whether the word
    has one already, as of `split_words`, or none, as in a corpus.

    >>> tokenize_words(tf.ragged.constant([["A", "wonderful"], []]), tokenizer)
    <tf.RaggedTensor [[[7], [412, 95]], []]>

    Args:
        words: string ragged `(n, None)`.
        tokenizer: as `zoo.data.classification_batches` takes it.

    Returns:
        int32 ragged `(n, None, None)`: the tokens of each word, at least one.
    """
    flat = words.flat_values
    if _is_byte_level(tokenizer):
        flat = tf.strings.join([" ", tf.strings.strip(flat)])
    pieces = tokenizer.tokenize(flat)
    pieces = pieces.with_row_splits_dtype(words.row_splits.dtype)
    is_empty = tf.cast(pieces.row_lengths() == 0, pieces.row_splits.dtype)
    unknown = tf.fill([tf.reduce_sum(is_empty)], tokenizer.unknown_token_id)
    unknown = tf.RaggedTensor.from_row_lengths(tf.cast(unknown, tf.int32), is_empty)
    return words.with_flat_values(tf.concat([pieces, unknown], axis=1))


def _is_byte_level(tokenizer):
    """By its merges: any vocabulary may have the letter that is a space there."""
    return hasattr(tokenizer, "get_merges")
