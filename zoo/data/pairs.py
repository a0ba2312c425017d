"""Pairs of sentences, in memory where they are few, else as they are asked for."""

import itertools
import logging

import tensorflow as tf

READ_TOGETHER = 1024
MOST_HELD = 1 << 18  # pairs in memory
# What `str.strip` takes for white space, and what is UTF-8.
_BLANK = r"[\s\x{0b}\x{1c}-\x{1f}\x{85}\p{Z}]*"
_TEXT = r"(?s).*"

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

    Args:
        chunks: `tf.data.Dataset` as of `chunks_of`.
        path: what was read, for the messages.

    Returns:
        `tf.data.Dataset` as of `pair_by_pair`.

    Raises:
        ValueError: there is no such pair, or one is not UTF-8.
    """

    def is_filled(chunk):
        blank = (tf.strings.regex_full_match(text, _BLANK) for text in chunk.values())
        return ~tf.logical_or(*blank)

    def count(counts, chunk):
        texts = (tf.strings.regex_full_match(text, _TEXT) for text in chunk.values())
        marks = is_filled(chunk), ~tf.logical_and(*texts)
        found = [tf.math.count_nonzero(mark) for mark in marks]
        return counts + tf.stack([*found, tf.size(chunk["source"], tf.int64)])

    kept, broken, total = map(int, chunks.reduce(tf.zeros(3, tf.int64), count))
    if broken:
        raise ValueError(f"{path}: {broken} of {total} pairs are not UTF-8.")
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
    return pair_by_pair(chosen(chunks, is_filled), kept)


def chosen(chunks, choose):
    """Those pairs of each chunk that a function marks, bool `(n,)`."""

    def part(chunk):
        marks = choose(chunk)
        return {side: tf.boolean_mask(text, marks) for side, text in chunk.items()}

    return chunks.map(part)


def pair_by_pair(chunks, count):
    """`tf.data.Dataset` of `{"source", "target"}` strings, of known cardinality.

    Few pairs are held in memory: quick to look at again, whatever becomes of the file.
    """
    pairs = chunks.unbatch().apply(tf.data.experimental.assert_cardinality(count))
    if count > MOST_HELD:
        return pairs
    return tf.data.Dataset.from_tensor_slices(pairs.batch(count).get_single_element())
