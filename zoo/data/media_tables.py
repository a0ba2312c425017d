"""Tables that say of files what is in them: rows of a split, and the files there."""

import logging
import re

from zoo.data.media_files import find_media
from zoo.data.missing_split import MissingSplitError
from zoo.data.records import SPLIT, check_characters, first_names, read_records

# More files than this share that are not there are an error, fewer are left out.
_MOST_MISSING = 0.05
_SPLITS = ("train", "validation", "val", "valid", "dev", "test")

_logger = logging.getLogger(__name__)


def table_rows(path, file_columns, text_columns, other=None):
    """Rows of a table with a column of files and one of texts.

    Args:
        path: `pathlib.Path` of a table with names.
        file_columns, text_columns: names that such columns have, the usual first.
        other: name of a third column, read where it is there.

    Returns:
        list of (file, split or None, text, other or None), str; several for a list of
        texts. None where the table has no such columns.
    """
    known = {str(name).strip().lower(): name for name in first_names(path)}
    file = next((known[name] for name in file_columns if name in known), None)
    text = next((known[name] for name in text_columns if name in known), None)
    if file is None or text is None:
        return None
    rows = []
    for number, record in read_records(path)[1]:
        if record is None:
            continue
        texts = record.get(text)
        texts = texts if isinstance(texts, list) else [texts]
        values = [record.get(file), *texts]
        if not all(isinstance(value, str) for value in values):
            raise ValueError(
                f"{path}, line {number}: {file!r} and {text!r} must be strings, or "
                f"a list of strings; got {values!r:.200}."
            )
        for value in texts:
            check_characters(path, number, text, value)
        split = str(record.get(known.get(SPLIT)) or "").strip().lower()
        rest = record.get(known.get(other))
        rest = None if rest is None else str(rest)
        rows += [(values[0], split or split_in(path), value, rest) for value in texts]
    return rows


def split_in(path):
    """The split that a file is named after; None if none."""
    words = re.findall(r"[a-z]+", path.name.lower().replace("images", ""))
    return next((name for name in _SPLITS for word in words if word == name), None)


def rows_of_split(folder, rows, names):
    """The rows, (file, split, ...), of the first split of `names` that exists."""
    splits = {row[1] for row in rows}
    name = next((name for name in names if name in splits), None)
    if name is None and splits == {None} and names[0] == "train":
        return rows
    if name is None:
        known = sorted(split for split in splits if split)
        raise MissingSplitError(
            f"{folder} has no split {names[0]!r}. "
            + (f"It has {known}." if known else "Its files name no splits.")
        )
    if None in splits and names[0] == "train":  # told once
        _logger.warning(
            "%s: left out %d of %d rows, which name no split while others do.",
            *(folder, sum(row[1] is None for row in rows), len(rows)),
        )
    return [row for row in rows if row[1] == name]


def places_of(folder, names, suffixes, noun):
    """{name: place} of the files that are there; too many missing are an error.

    Args:
        folder: `pathlib.Path`.
        names: collection of str, as `zoo.data.media_files.find_media` names them.
        suffixes: of their kind.
        noun: what they are, such as `"images"`.
    """
    media = find_media(folder, suffixes)
    missing = [name for name in names if name not in media]
    if len(missing) > _MOST_MISSING * len(names):
        raise ValueError(
            f"{folder} tells of {len(names):,} {noun}, but {len(missing):,} of these "
            f"are not there, such as {missing[0]!r}. Put the {noun} into the folder, "
            "into folders below it or as .tar archives."
        )
    if missing:
        _logger.warning(
            "%s: left out %d of %d %s, which are not there, such as %r.",
            *(folder, len(missing), len(names), noun, missing[0]),
        )
    return {name: media[name] for name in names if name in media}
