"""Reads a corpus of sentence pairs, recognising how it is laid out."""

import importlib
import logging
import pathlib
import re

import tensorflow as tf

from zoo.data.tables import SUFFIXES, read_table, table_suffix
from zoo.data.text_files import read_lines

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
    """
    names = _VALIDATION if split in _VALIDATION else (split,)
    # What was asked for comes first, so that errors name it.
    names = (split, *(name for name in names if name != split))
    if str(path).startswith(_TFDS):
        pairs = _read_tfds(str(path).removeprefix(_TFDS), names, source, target)
        return _dataset(*pairs, path)
    path = pathlib.Path(path)
    if path.is_dir():
        return _dataset(*_read_folder(path, names, source, target), path)
    if path.is_file():
        return _dataset(*_read_table_split(path, names, source, target), path)
    raise FileNotFoundError(
        f"There is no file or folder {str(path)!r}. A TensorFlow Datasets name is "
        f"written tfds:{path.name}."
    )


def _dataset(sources, targets, path):
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
    return tf.data.Dataset.from_tensor_slices(
        {"source": tf.constant(sources), "target": tf.constant(targets)}
    )


def _read_folder(folder, names, source, target):
    files = _files_by_split(folder)
    for name in names:
        languages = {
            language: path
            for language, path in files.get(name, {}).items()
            if table_suffix(path) is None
        }
        # One file alone is no parallel corpus but a readme or a list.
        if len(languages) > 1:
            return _read_parallel(languages, folder, name, source, target)
        if name in files and not languages:
            table = next(iter(files[name].values()))
            return _read_table_split(table, names, source, target)
    tables = [path for path in sorted(folder.iterdir()) if _is_data_table(path)]
    if len(tables) == 1:
        return _read_table_split(tables[0], names, source, target)
    splits = sorted(
        name
        for name, languages in files.items()
        if len(languages) > 1
        or any(_is_data_table(path) for path in languages.values())
    )
    raise ValueError(
        f"{folder} has no split {names[0]!r}. "
        + (f"It has {splits}." if splits else _expected_layout(names[0]))
    )


def _is_data_table(path):
    """Whether a file is a table; a `.txt` in a folder is more often a note."""
    return path.is_file() and table_suffix(path) not in (None, ".txt")


def _expected_layout(split):
    return (
        f"It has no parallel files either: {split}.en and {split}.de (or .gz), "
        f"{split}.tsv, {split}.csv or {split}.jsonl are expected there."
    )


def _files_by_split(folder):
    """{split: {language or table suffix: path}} of the files of a folder."""
    files = {}
    for path in sorted(folder.iterdir()):
        match = re.fullmatch(r"(.+)\.([^.]+)", path.name.removesuffix(".gz"))
        if path.is_file() and match and f".{match[2]}" != ".txt":
            files.setdefault(match[1], {})[match[2]] = path
    return files


def _read_parallel(languages, folder, split, source, target):
    for name, language in (("source", source), ("target", target)):
        if language not in languages:
            problem = (
                f"{name}= is needed"
                if language is None
                else f"there is no language {language!r}"
            )
            raise ValueError(
                f"{folder}, split {split!r}: {problem}. Languages: {sorted(languages)}."
            )
    paths = languages[source], languages[target]
    sources, targets = (read_lines(path) for path in paths)
    if len(sources) != len(targets):
        raise ValueError(
            f"{paths[0]} has {len(sources)} lines, but {paths[1]} has {len(targets)}. "
            "Line i of one must be the translation of line i of the other: leave an "
            "empty line where a translation is missing."
        )
    return sources, targets


def _read_table_split(path, names, source, target):
    """The pairs of a table that belong to a split."""
    if table_suffix(path) is None:
        raise ValueError(
            f"{path} is no table that can be read: {', '.join(SUFFIXES)} (or one of "
            "these with .gz) is expected. For parallel files pass their folder."
        )
    sources, targets, splits = read_table(path, source, target)
    if splits is None:
        stem = path.name.split(".")[0]
        if names[0] != "train" and stem not in names:
            raise ValueError(
                f"{path} has no column 'split', so there is no split {names[0]!r}: all "
                "its pairs are for training. Add the column, or make a folder with a "
                f"table a split, train{path.suffix} and {names[0]}{path.suffix}."
            )
        return sources, targets
    name = next((name for name in names if name in splits), None)
    if name is None:
        known = sorted({name for name in splits if name})
        raise ValueError(f"{path} has no split {names[0]!r}. It has {known}.")
    # An empty line belongs to every split: it is counted and left out later.
    chosen = [i for i, value in enumerate(splits) if value == name]
    return [sources[i] for i in chosen], [targets[i] for i in chosen]


def _read_tfds(name, names, source, target):
    try:
        module = importlib.import_module("zoo.data.tfds")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"tfds:{name} needs TensorFlow Datasets: pip install 'zoo[tfds]'."
        ) from error
    return module.read_tfds(name, names, source, target)
