"""Which pairs are for training, which for choosing, which for the final test."""

import pathlib

import numpy as np
import tensorflow as tf

from zoo.data.folders import find_tests
from zoo.data.missing_split import MissingSplitError
from zoo.data.read import as_dataset, read, read_pairs

# Of each of validation and test: enough to measure by, little missed in training.
_HELD_OUT_SHARE = 0.02
_MOST_HASHES = (1 << 63) - 1


def read_splits(path, source=None, target=None):
    """Reads the training, validation and test pairs of a corpus.

    Where there are no validation or no test pairs, 2 % of the training pairs are held
    out instead, chosen by a hash of the source, so that no source is in two of them.
    What is there but cannot be read is an error.

    >>> train, validation, tests = read_splits("data/multi30k", "en", "de")
    >>> list(tests)
    ["test_2016_flickr", "test_2017_flickr", "test_2017_mscoco"]

    Args:
        path, source, target: as in `zoo.data.read`.

    Returns:
        train and validation, `tf.data.Dataset` as `zoo.data.read` gives them, and a
        dict of such test sets by name, `"held out"` if it was taken from training.
    """
    train = read_pairs(path, "train", source, target)
    validation = _read_if_there(path, "validation", source, target)
    folder = pathlib.Path(path)
    names = find_tests(folder, source, target) if folder.is_dir() else ["test"]
    tests = {name: _read_if_there(path, name, source, target) for name in names}
    tests = {name: pairs for name, pairs in tests.items() if pairs is not None}
    num_parts = (validation is None) + (not tests)
    train, *held_out = _hold_out(path, *train, num_parts)
    if not tests:
        tests = {"held out": held_out.pop()}
    if validation is None:
        validation = held_out.pop()
    return train, validation, tests


def _read_if_there(path, split, source, target):
    try:
        return read(path, split, source, target)
    except MissingSplitError:
        return None


def _hold_out(path, sources, targets, num_parts):
    """Splits pairs into the rest and `num_parts` parts, none of them empty."""
    hashes = tf.strings.to_hash_bucket_fast(tf.constant(sources), _MOST_HASHES)
    distinct, ranks = np.unique(hashes.numpy(), return_inverse=True)
    if len(distinct) <= num_parts:
        raise ValueError(
            f"{path} has only {len(distinct)} different sources for training, too few "
            f"to hold out validation or test pairs: at least {num_parts + 1} are "
            "needed. Add pairs, or files for these splits."
        )
    size = max(1, round(_HELD_OUT_SHARE * len(distinct)))
    # The last ranks are held out: part 1, 2, ... from the end; 0 is the rest.
    parts = np.maximum(num_parts - (len(distinct) - 1 - ranks) // size, 0)
    sources, targets = np.array(sources, object), np.array(targets, object)
    return [
        as_dataset(sources[parts == part], targets[parts == part])
        for part in range(num_parts + 1)
    ]
