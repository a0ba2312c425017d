"""Puts the special tokens around texts and pairs of texts."""

import tensorflow as tf


def with_special_tokens(first, second=None, *, tokenizer, max_length):
    """Texts as an encoder reads them, cut to its length.

    A pair is cut at the end of its longer text, as `longest_first` of Hugging Face's
    `tokenizers` does it; where both are too long, the second keeps the odd token.

    With `[CLS]` 1, `[SEP]` 2 and `max_length=7`:

    >>> with_special_tokens([[5, 6]], [[7, 8, 9]], ...)
    [[1, 5, 6, 2, 7, 8, 2]], [[0, 0, 0, 0, 1, 1, 1]]

    and where the tokenizer has `double_separator`, as RoBERTa's, without segments:

    >>> with_special_tokens([[5, 6]], [[7, 8, 9]], ...)
    [[1, 5, 2, 2, 7, 8, 2]], [[0, 0, 0, 0, 0, 0, 0]]

    Args:
        first: RaggedTensor int32 `(n, None)`.
        second: RaggedTensor int32 `(n, None)`, or None.
        tokenizer: has `cls_token_id`, `sep_token_id` and `double_separator`.
        max_length: int. Longest row, special tokens included.

    Returns:
        token_ids and segment_ids, both RaggedTensor int32 `(n, None)`.
    """
    separators = [tokenizer.sep_token_id] * (1 + tokenizer.double_separator)
    num_special = num_special_tokens(tokenizer, is_pair=second is not None)
    if max_length < num_special:
        raise ValueError(
            f"max_length is {max_length}, but the special tokens alone are "
            f"{num_special}. Pass a larger one."
        )
    texts = [ids for ids in (first, second) if ids is not None]
    texts = [ids.with_row_splits_dtype(tf.int64) for ids in texts]
    lengths = _cut([ids.row_lengths() for ids in texts], max_length - num_special)
    texts = [_beginning(*text) for text in zip(texts, lengths, strict=True)]

    last = [tokenizer.sep_token_id]
    parts = [[tokenizer.cls_token_id], texts[0], last]
    segments = [0, 0, 0]
    if second is not None:
        parts = [*parts[:2], separators, texts[1], last]
        second_segment = 0 if tokenizer.double_separator else 1
        segments += [second_segment, second_segment]
    num_rows = texts[0].nrows()
    parts = [_in_every_row(part, num_rows) for part in parts]
    segment_ids = [
        part.with_values(tf.fill(tf.shape(part.values), segment))
        for part, segment in zip(parts, segments, strict=True)
    ]
    return tf.concat(parts, axis=1), tf.concat(segment_ids, axis=1)


def num_special_tokens(tokenizer, is_pair=False):
    """How many tokens `with_special_tokens` puts around a text, or around a pair."""
    return 3 + tokenizer.double_separator if is_pair else 2


def _cut(lengths, room):
    """The lengths of the texts, each int64 `(n,)`, when they share `room` tokens."""
    room = tf.constant(room, tf.int64)
    if len(lengths) == 1:
        return [tf.minimum(lengths[0], room)]
    first, second = lengths
    shorter = tf.minimum(first, second)
    # The longer gives way, until both are equal.
    longer = tf.maximum(shorter, room - shorter)
    both = shorter + longer > room
    shorter = tf.where(both, room // 2, shorter)
    longer = tf.where(both, room - room // 2, longer)
    is_first = first > second
    return [
        tf.minimum(first, tf.where(is_first, longer, shorter)),
        tf.minimum(second, tf.where(is_first, shorter, longer)),
    ]


def _beginning(ids, lengths):
    """The first `lengths` ids of each row."""
    starts = ids.row_starts()
    return tf.gather(ids.values, tf.ragged.range(starts, starts + lengths))


def _in_every_row(part, num_rows):
    """A list of ids -> RaggedTensor int32 `(num_rows, len(part))`."""
    if isinstance(part, tf.RaggedTensor):
        return part
    ids = tf.tile(tf.constant([part], tf.int32), tf.stack([num_rows, 1]))
    return tf.RaggedTensor.from_tensor(ids)
