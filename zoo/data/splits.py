"""Which pairs are for training, which for choosing, which for the final test."""

import pathlib

import tensorflow as tf

from zoo.data.read import read

# Of a hundred: enough to measure by, little missed in training.
_VALIDATION_SHARE = _TEST_SHARE = 2


def read_splits(path, source=None, target=None):
    """Reads the training, validation and test pairs of a corpus.

    A corpus without splits of its own has 2 % held out for validation and 2 % for the
    test, chosen by a hash of the source, so that no source is in two of them.

    >>> train, validation, tests = read_splits("data/multi30k", "en", "de")
    >>> list(tests)
    ["test_2016_flickr", "test_2017_flickr", "test_2017_mscoco"]

    Args:
        path, source, target: as in `zoo.data.read`.

    Returns:
        train and validation, `tf.data.Dataset` as `zoo.data.read` gives them, and a
        dict of such test sets by name.
    """
    train = read(path, "train", source, target)
    try:
        validation = read(path, "validation", source, target)
    except ValueError:
        return _held_out(train)
    names = ["test"]
    if pathlib.Path(path).is_dir():
        found = {file.name.split(".")[0] for file in pathlib.Path(path).iterdir()}
        names = sorted(name for name in found if name.startswith("test")) or names
    return train, validation, {name: read(path, name, source, target) for name in names}


def _held_out(pairs):
    def between(first, end):
        def chosen(pair):
            place = tf.strings.to_hash_bucket_fast(pair["source"], 100)
            return (first <= place) & (place < end)

        return pairs.filter(chosen)

    test_from = 100 - _TEST_SHARE
    validation_from = test_from - _VALIDATION_SHARE
    return (
        between(0, validation_from),
        between(validation_from, test_from),
        {"held out": between(test_from, 100)},
    )
