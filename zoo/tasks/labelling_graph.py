"""From words to labels, and from labels to spans, in the graph."""

import numpy as np
import tensorflow as tf

from zoo.data.word_pieces import tokenize_words
from zoo.tasks.encoding import encode_in_pieces
from zoo.tasks.text_rows import chunk_lengths
from zoo.text.overlapping_chunks import overlapping_chunks
from zoo.text.special_tokens import with_special_tokens

OUTSIDE = "O"
_PREFIXES = ("B-", "I-", "E-", "L-", "S-", "U-")
_SPAN_PREFIXES = ("B-", "I-")  # a set of labels that has one of them is of spans
_INSIDE = ("I-", "E-", "L-")
_LAST = ("E-", "L-", "S-", "U-")
_WHITE_SPACE = r"[\s\v\x{85}\p{Z}]+"


def visible_words(texts, tokenizer):
    """As `tokenizer.split_words`, without the white space that byte-level BPE splits.

    >>> visible_words(tf.constant(["a  dog"]), tokenizer)
    [["a", " dog"]], [[0, 3]], [[1, 6]]
    """
    columns = tokenizer.split_words(texts)
    is_visible = ~tf.strings.regex_full_match(columns[0].flat_values, _WHITE_SPACE)
    is_visible = columns[0].with_flat_values(is_visible)
    return [tf.ragged.boolean_mask(column, is_visible) for column in columns]


def word_probabilities(words, task, encode):
    """string ragged `(n, None)` -> float32 `(words of all texts, labels)`.

    A word is read by its first token. A text longer than the model is read in
    overlapping chunks; where two chunks have a token, the mean of both counts.
    """
    pieces = tokenize_words(words, task.tokenizer)
    tokens = pieces.merge_dims(1, 2)
    number = tokens.with_flat_values(tf.range(tf.size(tokens.flat_values)))
    split = chunk_lengths(task.tokenizer, task.max_length)
    numbers, _ = overlapping_chunks(number, *split)
    rows = rows_of_pieces(pieces, task)
    logits = encode_in_pieces(encode, rows, len(task.labels), per_place=True)
    token_ids = rows["token_ids"]
    places = token_ids.with_flat_values(tf.range(tf.shape(logits)[0]))
    places = tf.gather(logits, places[:, 1:-1].flat_values)  # no special tokens
    probability = tf.math.unsorted_segment_mean(
        tf.nn.softmax(places), numbers.flat_values, tf.size(tokens.flat_values)
    )
    lengths = pieces.values.row_lengths()
    return tf.gather(probability, tf.cumsum(lengths, exclusive=True))


def rows_of_pieces(pieces, task):
    """int32 ragged `(n, words, None)` -> rows as `encode_in_pieces` takes them."""
    split = chunk_lengths(task.tokenizer, task.max_length)
    chunks, _ = overlapping_chunks(pieces.merge_dims(1, 2), *split)
    token_ids, segment_ids = with_special_tokens(
        chunks, tokenizer=task.tokenizer, max_length=task.max_length
    )
    return {"token_ids": token_ids, "segment_ids": segment_ids}


class SpanRules:
    """What labels say about spans: `B-x` begins one, `I-x` goes on, `O` is in none.

    An `I-x` behind anything but `B-x` or `I-x` begins a span. Where spans' last words
    have labels of their own, `E-x` or `L-x` is an `I-x` and `S-x` or `U-x` a `B-x` with
    which the span ends. Where no label begins with `B-` or `I-`, as of parts of speech,
    every word is a span of its own.

    Args:
        labels: list of str.
    """

    def __init__(self, labels):
        self.has_prefixes = any(name.startswith(_SPAN_PREFIXES) for name in labels)
        types = [
            name[2:] if self.has_prefixes and name.startswith(_PREFIXES) else name
            for name in labels
        ]
        self.names = list(dict.fromkeys(types))
        self.types = np.array([self.names.index(name) for name in types], np.int32)
        self.goes_on = np.array(
            [self.has_prefixes and name.startswith(_INSIDE) for name in labels]
        )
        self.is_last = np.array(
            [self.has_prefixes and name.startswith(_LAST) for name in labels]
        )
        self.is_outside = np.array([self.has_prefixes and n == OUTSIDE for n in labels])

    def spans(self, label_ids, starts, ends):
        """Labels of words and their places -> spans.

        Args:
            label_ids, starts, ends: int32 ragged `(n, None)`.

        Returns:
            labels, string, and starts and ends, int32, all ragged `(n, None)`.
        """
        ids = label_ids.flat_values
        types = tf.gather(self.types, ids)
        outside = tf.gather(self.is_outside, ids)
        row = label_ids.value_rowids()
        may_go_on = ~outside & ~tf.gather(self.is_last, ids)
        same = (row[1:] == row[:-1]) & (types[1:] == types[:-1]) & may_go_on[:-1]
        same = tf.concat([tf.zeros_like(outside[:1]), same], axis=0)
        begins = ~outside & ~(tf.gather(self.goes_on, ids) & same)
        span = tf.cumsum(tf.cast(begins, tf.int32)) - 1
        num_spans = tf.math.count_nonzero(begins, dtype=tf.int32)
        last = tf.math.unsorted_segment_max(
            tf.boolean_mask(ends.flat_values, ~outside),
            tf.boolean_mask(span, ~outside),
            num_spans,
        )
        labels = tf.gather(tf.constant(self.names), types)
        values = (tf.boolean_mask(labels, begins),)
        values += (tf.boolean_mask(starts.flat_values, begins), last)
        rows = tf.boolean_mask(row, begins)
        return tuple(
            tf.RaggedTensor.from_value_rowids(each, rows, nrows=label_ids.nrows())
            for each in values
        )
