"""Pairs of sentences as they are asked for: no corpus is held in memory."""

import itertools
import logging

import tensorflow as tf

READ_TOGETHER = 1024
# What `str.strip` takes for white space.
_BLANK = r"[\s\x{0b}\x{1c}-\x{1f}\x{85}\p{Z}]*"

_logger = logging.getLogger(__name__)


def chunks_of(read):
    """`tf.data.Dataset` of `{"source", "target"}`, string `(n,)`, many pairs at once.

    Args:
        read: a function that begins anew: an iterator of (source, target), str.
    """

    def chunks():
        pairs = iter(read())
        while chunk := list(itertools.islice(pairs, READ_TOGETHER)):
            sides = zip(*chunk, strict=True)
            texts = ([text.encode() for text in side] for side in sides)
            yield dict(zip(("source", "target"), texts, strict=True))

    text = tf.TensorSpec([None], tf.string)
    signature = {"source": text, "target": text}
    return tf.data.Dataset.from_generator(chunks, output_signature=signature)


def filled_pairs(chunks, path):
    """Pair by pair what has text on both sides; says how many have not.

    Goes through all chunks once, for the number.

    Args:
        chunks: `tf.data.Dataset` as of `chunks_of`.
        path: what was read, for the messages.

    Returns:
        `tf.data.Dataset` of `{"source", "target"}` strings, of known cardinality.
    """

    def filled(chunk):
        blank = (tf.strings.regex_full_match(text, _BLANK) for text in chunk.values())
        is_filled = ~tf.logical_or(*blank)
        return {side: tf.boolean_mask(text, is_filled) for side, text in chunk.items()}

    def count(counts, chunk):
        kept, total = tf.size(filled(chunk)["source"]), tf.size(chunk["source"])
        return counts + tf.cast([kept, total], tf.int64)

    kept, total = map(int, chunks.reduce(tf.zeros(2, tf.int64), count))
    if not kept:
        raise ValueError(
            f"{path} has no pair of sentences for this split: {total} pairs, all with "
            "an empty side."
        )
    if kept < total:
        _logger.warning(
            "%s: left out %d of %d pairs, which have an empty side.",
            *(path, total - kept, total),
        )
    pairs = chunks.map(filled).unbatch()
    return pairs.apply(tf.data.experimental.assert_cardinality(kept))
