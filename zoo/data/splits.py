"""Which examples are for training, which for choosing, which for the final test."""

import functools
import pathlib

import numpy as np
import tensorflow as tf

from zoo.data.columns import Columns
from zoo.data.folders import find_tests
from zoo.data.media_files import media_name
from zoo.data.missing_split import MissingSplitError
from zoo.data.pairs import READ_TOGETHER, chosen, pair_by_pair
from zoo.data.read import as_dataset, read_columns
from zoo.data.text_sources import find_text_tests

# Of each of validation and test: enough to measure by, little missed in training.
_HELD_OUT_SHARE = 0.02
_MOST_SOURCES = 2000  # of pairs, which are decoded one token after the other
_MOST_HASHES = (1 << 63) - 1
_MEDIA = {"image", "audio"}  # columns that hold places of files


def read_splits(path, source=None, target=None, **columns):
    """Reads the training, validation and test examples of a corpus.

    Where there are no validation or no test examples, 2 % of the training examples are
    held out instead (of pairs no more than 2,000), chosen by a hash of the source, text
    or file's name, so that none is in two of them. What is there but cannot be read is
    an error.

    >>> train, validation, tests = read_splits("data/multi30k", "en", "de")
    >>> list(tests)
    ["test_2016_flickr", "test_2017_flickr", "test_2017_mscoco"]

    Args:
        path, source, target: as in `zoo.data.read`.
        **columns: `text`, `label` and the others of `zoo.data.read`.

    Returns:
        train and validation, `tf.data.Dataset` as `zoo.data.read` gives them, and a
        dict of such test sets by name, `"held out"` if it was taken from training.
    """
    columns = Columns(**columns)
    train = read_columns(path, "train", source, target, columns)
    validation = _read_if_there(path, "validation", source, target, columns)
    folder = pathlib.Path(path)
    names = ["test"]
    if folder.is_dir() and isinstance(train, tf.data.Dataset):  # of pairs
        names = find_tests(folder, source, target)
    elif folder.is_dir() and not _MEDIA & set(train):
        names = find_text_tests(folder)
    tests = {
        name: _read_if_there(path, name, source, target, columns) for name in names
    }
    tests = {name: examples for name, examples in tests.items() if examples is not None}
    num_parts = (validation is None) + (not tests)
    train, *held_out = _hold_out(path, train, num_parts)
    if not tests:
        tests = {"held out": held_out.pop()}
    if validation is None:
        validation = held_out.pop()
    return train, validation, tests


def _read_if_there(path, split, source, target, columns):
    try:
        return as_dataset(read_columns(path, split, source, target, columns))
    except MissingSplitError:
        return None


def _hold_out(path, examples, num_parts):
    """Splits examples into the rest and `num_parts` parts, none of them empty."""
    if isinstance(examples, tf.data.Dataset):
        if num_parts == 0:
            return [examples]
        if "source" in examples.element_spec:
            return _hold_out_pairs(path, examples, num_parts)
        return _hold_out_unread(examples, num_parts)
    key, values = next(iter(examples.items()))
    texts = [" ".join(value) if isinstance(value, list) else value for value in values]
    if key in _MEDIA:  # the same wherever the folder lies
        texts = [media_name(place) for place in values]
    hashes = _hashes(tf.constant(texts)).numpy()
    first = _first_hashes(path, key, hashes, num_parts)
    parts = np.searchsorted(first, hashes, side="right")
    return [
        as_dataset(
            {
                name: [values[i] for i in np.flatnonzero(parts == part)]
                for name, values in examples.items()
            }
        )
        for part in range(num_parts + 1)
    ]


def _hold_out_pairs(path, pairs, num_parts):
    """As `_hold_out`, of pairs that are not in memory; their hashes are."""
    chunks = pairs.batch(READ_TOGETHER)
    hashes = chunks.map(lambda chunk: _hashes(chunk["source"])).as_numpy_iterator()
    hashes = np.concatenate([*hashes])
    first = _first_hashes(path, "source", hashes, num_parts)
    sizes = np.bincount(np.searchsorted(first, hashes, side="right"))

    def is_of_part(part, chunk):
        begun = tf.searchsorted(first, _hashes(chunk["source"]), side="right")
        return begun == part

    return [
        pair_by_pair(chosen(chunks, functools.partial(is_of_part, part)), size)
        for part, size in enumerate(sizes)
    ]


def _hashes(texts):
    return tf.strings.to_hash_bucket_fast(texts, _MOST_HASHES)


def _first_hashes(path, key, hashes, num_parts):
    """Where part 1, 2, ... begins; what is below the first is the rest."""
    distinct = np.unique(hashes)
    if len(distinct) <= num_parts:
        raise ValueError(
            f"{path} has only {len(distinct)} different {_plural(key)} for training, "
            f"too few to hold out validation or test {_noun(key)}: at least "
            f"{num_parts + 1} are needed. Add {_noun(key)}, or files for these splits."
        )
    size = max(1, round(_HELD_OUT_SHARE * len(distinct)))
    if key == "source":
        size = min(size, _MOST_SOURCES)
    return distinct[[-size * part for part in range(num_parts, 0, -1)]]


def _hold_out_unread(examples, num_parts):
    """As `_hold_out`, of media that are not in memory: every fiftieth is of a part."""

    def of_part(part):
        def is_of_part(number, _):
            place = number % round(1 / _HELD_OUT_SHARE)
            return place == part - 1 if part else place >= num_parts

        chosen = examples.enumerate().filter(is_of_part)
        return chosen.map(lambda _, example: example)

    return [of_part(part) for part in range(num_parts + 1)]


def _plural(key):
    return {"tokens": "sentences"}.get(key, f"{key}s")


def _noun(key):
    return "pairs" if key == "source" else _plural(key)
