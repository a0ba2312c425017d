"""Reads a corpus of sentence pairs, recognising how it is laid out."""

import importlib
import logging
import pathlib

import tensorflow as tf

from zoo.data.folders import read_folder
from zoo.data.tables import read_table

_VALIDATION = ("validation", "val", "valid", "dev")
_TFDS = "tfds:"

_logger = logging.getLogger(__name__)


def read(path, split="train", source=None, target=None):
    """Reads pairs of sentences in two languages.

    The layout is recognised:

    - a folder with a file a language, `train.en` and `train.de`, line i of one the
      translation of line i of the other;
    - a folder with a table a split, `train.tsv`, or with one table for all;
    - one table: `.tsv`, `.csv` (columns by name, or just two columns) or `.jsonl`
      (keys by name); its column `split`, if there is one, says what is for training;
    - `"tfds:NAME"`, a translation data set of TensorFlow Datasets.

    Files may be gzipped. A pair with an empty side is left out, and a warning says
    how many were.

    >>> pairs = read("data/multi30k", split="val", source="en", target="de")
    >>> next(pairs.as_numpy_iterator())
    {"source": b"A group of men are ...", "target": b"Eine Gruppe von M..."}

    Args:
        path: str or path of a folder or file, or `"tfds:NAME"`.
        split: str. `"validation"`, `"val"`, `"valid"` and `"dev"` mean the same.
        source, target: str. Languages, as the files, columns or keys name them.

    Returns:
        `tf.data.Dataset` of `{"source", "target"}`, strings.

    Raises:
        FileNotFoundError: there is nothing at `path`.
        ValueError: what is there cannot be read; says which file and line.
        MissingSplitError: a ValueError too; it can be read but has no such split.
    """
    return as_dataset(*read_pairs(path, split, source, target))


def as_dataset(sources, targets):
    """Lists of str -> `tf.data.Dataset` of `{"source", "target"}`."""
    return tf.data.Dataset.from_tensor_slices(
        {"source": tf.constant(sources), "target": tf.constant(targets)}
    )


def read_pairs(path, split, source, target):
    """What `read` reads, as two lists of str."""
    names = _VALIDATION if split in _VALIDATION else (split,)
    # What was asked for comes first, so that errors name it.
    names = (split, *(name for name in names if name != split))
    if str(path).startswith(_TFDS):
        pairs = _read_tfds(str(path).removeprefix(_TFDS), names, source, target)
        return _filled(*pairs, path)
    path = pathlib.Path(path)
    if path.is_dir():
        return _filled(*read_folder(path, names, source, target), path)
    if path.is_file():
        return _filled(*read_table(path, names, source, target), path)
    raise FileNotFoundError(
        f"There is no file or folder {str(path)!r}. A TensorFlow Datasets name is "
        f"written tfds:{path.name}."
    )


def _filled(sources, targets, path):
    """Leaves out pairs with an empty side, and says so."""
    kept = [
        (source, target)
        for source, target in zip(sources, targets, strict=True)
        if source.strip() and target.strip()
    ]
    num_left_out = len(sources) - len(kept)
    if not kept:
        raise ValueError(
            f"{path} has no pair of sentences for this split: {num_left_out} pairs, "
            "all with an empty side."
        )
    if num_left_out:
        _logger.warning(
            "%s: left out %d of %d pairs, which have an empty side.",
            path,
            num_left_out,
            len(sources),
        )
    sources, targets = zip(*kept, strict=True)
    return list(sources), list(targets)


def _read_tfds(name, names, source, target):
    try:
        module = importlib.import_module("zoo.data.tfds")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"tfds:{name} needs TensorFlow Datasets: pip install 'zoo[tfds]'."
        ) from error
    return module.read_tfds(name, names, source, target)
