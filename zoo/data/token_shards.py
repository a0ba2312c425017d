"""One file of tokenized pairs: TFRecord of tf.train.Example, a pair each."""

import hashlib

import numpy as np
import tensorflow as tf

from zoo.atomic_write import atomic_write
from zoo.data.tokenized_pairs import tokenized_parts
from zoo.data.tokenized_texts import join_texts
from zoo.text.sentence_piece import SentencePieceTokenizer

_PARSED_TOGETHER = 4096


def read_shard(path):
    """(source, target), each `TokenizedTexts`."""
    ids = tf.io.RaggedFeature(tf.int64)
    features = {"source": ids, "target": ids}
    records = tf.data.TFRecordDataset(str(path)).batch(_PARSED_TOGETHER)
    parts = [tf.io.parse_example(each, features) for each in records]
    return tuple(
        join_texts([_ids_and_lengths(part[side]) for part in parts])
        for side in ("source", "target")
    )


def is_whole(path, shard):
    """Whether a shard's file is what its entry in the manifest says."""
    return path.is_file() and _checksum(path) == shard["sha256"]


def _checksum(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_shard(path, texts, digest, protos, max_length):
    """Writes a shard, in a process of the pool; gives its entry in the manifest."""
    tokenizers = [SentencePieceTokenizer(proto) for proto in protos]
    sides = {"source": texts[0], "target": texts[1]}
    parts = tokenized_parts(
        tf.data.Dataset.from_tensor_slices(sides), *tokenizers, max_length
    )
    source, target = (join_texts([part[side] for part in parts]) for side in (0, 1))
    with (
        atomic_write(path) as beside,
        tf.io.TFRecordWriter(str(beside)) as writer,
    ):
        for pair in zip(_split(source), _split(target), strict=True):
            writer.write(_example(*pair))
    lengths = source.lengths, target.lengths - 1
    return {
        "file": path.name,
        "pairs": len(lengths[0]),
        "left_out": sum(int(left_out) for _, _, left_out in parts),
        "longest": [int(each.max(initial=0)) for each in lengths],
        "texts": digest,
        "sha256": _checksum(path),
    }


def _split(texts):
    ends = texts.offsets[1:]
    return np.split(texts.token_ids, ends)[: len(ends)]


def _example(source, target):
    lists = {"source": source, "target": target}
    feature = {
        name: tf.train.Feature(int64_list=tf.train.Int64List(value=ids))
        for name, ids in lists.items()
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    return example.SerializeToString(deterministic=True)


def _ids_and_lengths(ragged):
    ids = tf.cast(ragged.flat_values, tf.int32)
    return ids.numpy(), ragged.row_lengths().numpy()
