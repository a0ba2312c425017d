"""Texts and labelled words from a file or a folder, whatever their layout."""

import logging
import re

from zoo.data import conll
from zoo.data.columns import Columns
from zoo.data.folders import has_parallel_files
from zoo.data.missing_split import MissingSplitError
from zoo.data.plain_text import (
    class_folders,
    is_plain_text,
    read_class_folders,
    read_plain_text,
)
from zoo.data.records import first_names, rows_of, table_suffix
from zoo.data.text_tables import read_text_table

_SPLITS = ("train", "training", "validation", "val", "valid", "dev", "test", "testing")
# Files that come with a corpus and are none of it.
_NOTES = {"readme", "license", "licence", "copying", "notice", "changelog", "authors"}

_logger = logging.getLogger(__name__)


def read_texts(path, names, columns):
    """Reads texts, labelled texts or labelled words.

    Args:
        path: `pathlib.Path` of a file or folder.
        names: names of the split, the first that exists is read.
        columns: `Columns`.

    Returns:
        dict of lists as `read_text_table` gives it; None if nothing was named and the
        layout is none of these.
    """
    if path.is_dir():
        return _read_folder(path, names, columns)
    is_of_split = names[0] == "train" or bool(_words(path) & set(names))
    return _read_file(path, names, columns, is_of_split=is_of_split)


def find_text_tests(folder):
    """Names of the test splits of a folder: stems that begin with "test", or "test"."""
    stems = {_stem(path) for path in _data_files(folder)}
    return sorted(stem for stem in stems if stem.startswith("test")) or ["test"]


def _read_file(path, names, columns, *, is_of_split):
    """What `read_texts` reads, from one file."""
    kind = _kind(path, columns)
    if kind is None:
        return None
    if kind == "table":
        return read_text_table(path, names, columns, is_of_split=is_of_split)
    if not is_of_split:
        raise MissingSplitError(
            f"{path} has no split {names[0]!r}: a file without a column 'split' is for "
            "training, or for what it is named after. Pass the folder of a file a "
            f"split, train{path.suffix} and {names[0]}{path.suffix}."
        )
    if kind == "conll":
        sentences, labels = conll.read_conll(path, columns.tokens, columns.labels)
        if columns.unlabelled:
            return {"text": [" ".join(words) for words in sentences]}
        return {"tokens": sentences, "labels": labels}
    return {"text": read_plain_text(path)}


def _kind(path, columns):
    """`"table"`, `"conll"` or `"plain"`; None for pairs and what is not known."""
    name = path.name.removesuffix(".gz")
    if name.endswith(conll.SUFFIXES):
        return "conll"
    suffix = table_suffix(path)
    if columns.for_tokens:
        is_table = suffix in (".csv", ".jsonl") or isinstance(columns.tokens, str)
        return "table" if is_table and suffix and not _is_conll(path) else "conll"
    if suffix in (".csv", ".jsonl"):
        return "table"
    if _is_conll(path):
        return "conll"
    if suffix == ".tsv":
        return "table"
    if suffix != ".txt":
        return "plain" if columns.are_named else None
    # A column of `.txt` is a table's only if its names say so: a text may hold a tab.
    has_names = columns.label is not None or (
        set(vars(columns).values()) | {"text", "label"}
    ) & set(first_names(path))
    widths = {len(row) for _, row in rows_of(path) if row}
    if widths == {2} and not has_names and not columns.are_named:
        return None
    return "table" if has_names and len(widths) == 1 and widths != {1} else "plain"


def _is_conll(path):
    return table_suffix(path) != ".jsonl" and conll.looks_like_conll(path)


def _read_folder(folder, names, columns):
    for name in names:
        if (folder / name).is_dir():
            return _read_whole(folder / name, names, columns)
    files, are_named = _files_of_split(folder, names)
    # One folder of texts beside files is rather an appendix than a class.
    num_classes = len(class_folders(folder)) if names[0] == "train" else 0
    if not are_named and num_classes > bool(files):
        return _read_whole(folder, names, columns)
    if has_parallel_files(folder):
        files = [path for path in files if not is_plain_text(path)]
    is_of_split = are_named or names[0] == "train"
    parts = {}
    for path in files:
        try:
            part = _read_file(path, names, columns, is_of_split=is_of_split)
        except MissingSplitError:
            continue
        if part is not None:
            parts[path] = part
    if not parts and columns.are_named:
        raise _missing(folder, names[0])
    return _concatenated(parts)


def _read_whole(folder, names, columns):
    """Reads a folder whose files are all for one split."""
    if class_folders(folder):
        with_label = columns == Columns() or columns.label is not None
        return read_class_folders(folder, with_label)
    files = _data_files(folder)
    if not files and columns.are_named:
        raise _missing(folder, names[0])
    parts = {path: _read_file(path, names, columns, is_of_split=True) for path in files}
    return _concatenated({path: part for path, part in parts.items() if part})


def _missing(folder, split):
    stems = sorted({_stem(path) for path in _data_files(folder)})
    return MissingSplitError(
        f"{folder} has no split {split!r}. "
        + (f"It has files called {stems}." if stems else "It has no files of texts.")
        + f" Expected are files whose names have the word {split!r}, such as "
        f"{split}.tsv, {split}.jsonl or {split}.conllu."
    )


def _files_of_split(folder, names):
    """The files of a split, and whether they are named after it.

    Those called exactly so; or else those with its name as a word; or else those
    without the name of any split.
    """
    files = _data_files(folder)
    for name in names:
        if exact := [path for path in files if _stem(path) == name]:
            return exact, True
    for name in names:
        others = set(_SPLITS) - set(names)
        found = [p for p in files if name in _words(p) and not _words(p) & others]
        if found:
            return found, True
    return [path for path in files if not _words(path) & set(_SPLITS)], False


def _data_files(folder):
    """The files of a folder that may hold texts, in order of their names."""
    return [
        path
        for path in sorted(folder.iterdir())
        if path.is_file()
        and not path.name.startswith((".", "_"))
        and _stem(path).lower() not in _NOTES
        and (_has_suffix(path) or (_words(path) & set(_SPLITS) and _is_conll(path)))
    ]


def _has_suffix(path):
    name = path.name.removesuffix(".gz")
    return table_suffix(path) is not None or name.endswith(conll.SUFFIXES)


def _stem(path):
    """`"emerging.dev"` for `"emerging.dev.conll.gz"`."""
    name = path.name.removesuffix(".gz")
    return name.rpartition(".")[0] if _has_suffix(path) else name


def _words(path):
    """{"wnut", "train", "conll"} for `"wnut17train.conll"`."""
    return set(re.findall(r"[a-z]+", path.name.lower()))


def _concatenated(parts):
    """One dict of lists from {path: dict of lists}; None if there is none."""
    kinds = {path: tuple(part) for path, part in parts.items()}
    if not kinds:
        return None
    first = next(iter(kinds))
    for path, kind in kinds.items():
        if kind != kinds[first]:
            raise ValueError(
                f"{first} gives {', '.join(kinds[first])}, but {path} gives "
                f"{', '.join(kind)}. Pass one of these files, or name the column of "
                "the texts alone, text=, to read texts without labels from both."
            )
    if len(parts) > 1:
        _logger.info("Read %s together.", [path.name for path in parts])
    return {
        name: [item for part in parts.values() for item in part[name]]
        for name in kinds[first]
    }
