"""Texts of several corpora as one, for learning without labels."""

import pathlib

from zoo.data.splits import read_splits


def read_corpora(paths, **columns):
    """Reads the training, validation and test texts of corpora, without labels.

    >>> train, validation, tests = read_corpora(["data/imdb", "data/lm_text"])
    >>> list(tests)
    ["data/imdb: test", "data/lm_text: test"]

    Args:
        paths: list of what `zoo.data.read_splits` takes; at least one.
        **columns: `text` and `document`, names of columns that all of them have.

    Returns:
        train and validation, `tf.data.Dataset` of `{"text"}`, those of all corpora one
        after the other; and a dict of tests by name.
    """
    if isinstance(paths, str | pathlib.Path) or not paths:
        raise ValueError(
            f"read_corpora takes a list of files and folders, got {paths!r}. Put one "
            "alone into a list as well."
        )
    trains, validations, tests = [], [], {}
    for path in paths:
        train, validation, own = read_splits(path, unlabelled=True, **columns)
        trains.append(train)
        validations.append(validation)
        start = f"{path}: " if len(paths) > 1 else ""
        tests |= {start + name: texts for name, texts in own.items()}
    return _joined(trains), _joined(validations), tests


def _joined(datasets):
    joined = datasets[0]
    for dataset in datasets[1:]:
        joined = joined.concatenate(dataset)
    return joined
