"""Pairs from a folder: a file a language, or a table a split."""

import re

from zoo.data.missing_split import MissingSplitError
from zoo.data.records import table_suffix
from zoo.data.tables import read_table
from zoo.data.text_files import lines_of


def read_folder(folder, names, source, target):
    """Reads the pairs of a split from a folder.

    Args:
        folder: path.
        names: names of the split, the first that exists is read.
        source, target: languages, as the files or columns name them.

    Returns:
        function that gives an iterator of (source, target), str.
    """
    files = _files_by_split(folder)
    for name in names:
        languages, table = _parts(files.get(name, {}))
        # Else one file alone is no parallel corpus but a readme or a list.
        if len(languages) > 1 or {source, target} & set(languages):
            return _read_parallel(languages, folder, name, source, target)
        if table is not None:
            return read_table(table, names, source, target)
    splits = _whole_splits(files, source, target)
    tables = [path for path in sorted(folder.iterdir()) if _is_data_table(path)]
    if len(tables) == len(splits) == 1:
        return read_table(tables[0], names, source, target)
    raise MissingSplitError(
        f"{folder} has no split {names[0]!r}. "
        + (f"It has {splits}." if splits else _expected_layout(names[0]))
    )


def find_tests(folder, source, target):
    """Names of the splits that are for testing: they begin with "test".

    One that lacks a language (texts to translate, say) is none of them. Where there
    is nothing, `"test"` is named: a table may have it in its column `split`.
    """
    files = _files_by_split(folder)
    splits = _whole_splits(files, source, target)
    is_part = {source, target} & set(files.get("test", {}))
    return [name for name in splits if name.startswith("test")] or (
        [] if is_part else ["test"]
    )


def has_parallel_files(folder):
    """Whether a folder has a split with a file a language, tables not counted."""
    names = [_parts(files)[0] for files in _files_by_split(folder).values()]
    return any(len(languages) > 1 for languages in names)


def _files_by_split(folder):
    """{split: {language or table suffix: path}} of the files of a folder."""
    files = {}
    for path in sorted(folder.iterdir()):
        match = re.fullmatch(r"(.+)\.([^.]+)", path.name.removesuffix(".gz"))
        if path.is_file() and match and f".{match[2]}" != ".txt":
            files.setdefault(match[1], {})[match[2]] = path
    return files


def _parts(files):
    """The files of one split -> {language: path}, and its table or None."""
    tables = [path for path in files.values() if _is_data_table(path)]
    languages = {
        language: path for language, path in files.items() if path not in tables
    }
    return languages, tables[0] if tables else None


def _whole_splits(files, source, target):
    """Names of the splits that have a table or all languages that are asked for."""
    wanted = {source, target} - {None}
    splits = []
    for name, files_of_split in files.items():
        languages, table = _parts(files_of_split)
        if table is not None or (len(languages) > 1 and wanted <= set(languages)):
            splits.append(name)
    return sorted(splits)


def _is_data_table(path):
    """Whether a file is a table; a `.txt` in a folder is more often a note."""
    return path.is_file() and table_suffix(path) not in (None, ".txt")


def _expected_layout(split):
    return (
        f"It has no parallel files either: {split}.en and {split}.de (or .gz), "
        f"{split}.tsv, {split}.csv or {split}.jsonl are expected there."
    )


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
                f" Pass one of them as {name}=, or add a file of the language."
            )
    paths = languages[source], languages[target]
    counts = [sum(1 for _ in lines_of(path)) for path in paths]
    if counts[0] != counts[1]:
        raise ValueError(
            f"{paths[0]} has {counts[0]} lines, but {paths[1]} has {counts[1]}. "
            "Line i of one must be the translation of line i of the other: leave an "
            "empty line where a translation is missing."
        )
    return lambda: zip(*map(lines_of, paths), strict=True)
