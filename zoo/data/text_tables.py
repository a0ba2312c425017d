"""Texts, with labels where there are any, from the columns of one table."""

import itertools
import logging

from zoo.data.broken import leave_out
from zoo.data.columns import recognise
from zoo.data.missing_split import MissingSplitError
from zoo.data.records import SPLIT, check_characters, first_names, read_records

_logger = logging.getLogger(__name__)


class _BrokenRowError(ValueError):
    """A row lacks its text or its label; the message says where."""


def read_text_table(path, names, columns, *, is_of_split):
    """Reads the texts or the labelled words of a split from a table.

    Rows without a text or label are left out with a warning that names the first; if
    they are more than 1 % of the rows, that is an error.

    Args:
        path: a `.tsv`, `.csv` or `.jsonl` file, or any of these with `.gz`.
        names: names of the split, the first that exists is read.
        columns: `zoo.data.columns.Columns`.
        is_of_split: bool. Whether a table without a column `split` is for this split.

    Returns:
        dict of lists: `"text"` and perhaps `"text_pair"` and `"label"` or `"labels"`;
        or `"tokens"` and `"labels"`. None if no column is known.
    """
    roles = recognise(first_names(path), columns, path)
    if roles is None:
        return None
    header, records = read_records(path)
    num_rows = len(records)
    records = [pair for pair in records if pair[1] is not None]
    if not records or not any(any(record.values()) for _, record in records):
        raise ValueError(f"{path} has no texts: there is nothing below the names.")
    if len(records) < num_rows:
        _logger.warning("%s: left out %d empty lines.", path, num_rows - len(records))
    if SPLIT in header and SPLIT not in roles.values():
        records = _of_split(path, records, names)
    elif not is_of_split:
        raise MissingSplitError(
            f"{path} has no column 'split', so there is no split {names[0]!r}: all "
            "its rows are for training. Add the column, or make a folder with a table "
            f"a split, train{path.suffix} and {names[0]}{path.suffix}."
        )
    return read_records_of_texts(path, records, roles, columns)


def read_records_of_texts(place, records, roles, columns):
    """Reads a list of (number, dict) and leaves out what is broken.

    Args:
        place: what errors and warnings name.
        roles: dict as `zoo.data.columns.recognise` gives it.
        Others, returns: as in `read_text_table`.
    """
    read_row = _Row(place, roles, columns.label_separator)
    rows, broken = [], []
    for number, record in records:
        try:
            rows.append((record, read_row(number, record)))
        except _BrokenRowError as error:
            broken.append(error)
    leave_out(place, broken, len(records), "rows")
    return _joined(rows, roles)


def _of_split(path, records, names):
    """The records of the first split that exists."""
    for number, record in records:
        if not isinstance(record.get(SPLIT), str) or not record[SPLIT]:
            raise ValueError(
                f"{path}, line {number}: {SPLIT!r} is missing or no string. Add it, "
                "for example 'train', or leave it out everywhere."
            )
    splits = {record[SPLIT] for _, record in records}
    name = next((name for name in names if name in splits), None)
    if name is None:
        raise MissingSplitError(
            f"{path} has no split {names[0]!r}. It has {sorted(splits)}."
        )
    return [pair for pair in records if pair[1][SPLIT] == name]


class _Row:
    """Reads {role: value} from a record, or raises `_BrokenRowError`."""

    def __init__(self, path, roles, separator):
        self.path = path
        self.roles = {k: name for k, name in roles.items() if k != "document"}
        self.separator = separator

    def __call__(self, number, record):
        row = {}
        for role, name in self.roles.items():
            value = record.get(name)
            if role in ("text", "text_pair"):
                row[role] = self._text(number, name, value)
            elif role == "label":
                row |= self._label(number, name, value)
            else:
                row[role] = self._list(number, name, value)
        if "tokens" in row and len(row["tokens"]) != len(row["labels"]):
            raise ValueError(
                f"{self.path}, line {number}: {len(row['tokens'])} words, but "
                f"{len(row['labels'])} labels. Each word needs one label."
            )
        return row

    def _text(self, number, name, value):
        if not isinstance(value, str) or not value.strip():
            raise _BrokenRowError(
                f"{self.path}, line {number}: {name!r} is {value!r:.200}, but a text "
                "is needed."
            )
        check_characters(self.path, number, name, value)
        return value

    def _label(self, number, name, value):
        """{"label": str}, or {"labels": list of str} where there may be several."""
        if isinstance(value, list):
            return {"labels": self._list(number, name, value)}
        label = _as_label(value)
        if label is not None and self.separator is not None:
            parts = [part.strip() for part in label.split(self.separator)]
            return {"labels": [part for part in parts if part]}
        if not label:
            raise _BrokenRowError(
                f"{self.path}, line {number}: {name!r} is {value!r:.200}, but a label "
                "is needed."
            )
        check_characters(self.path, number, name, label)
        return {"label": label}

    def _list(self, number, name, value):
        values = [_as_label(item) for item in value] if isinstance(value, list) else []
        is_list = isinstance(value, list) and None not in values
        if not is_list or ("tokens" in self.roles and not values):
            raise _BrokenRowError(
                f"{self.path}, line {number}: {name!r} is {value!r:.200}, but a list "
                "of strings is needed."
            )
        for item in values:
            check_characters(self.path, number, name, item)
        return values


def _as_label(value):
    """The string of a label, None for what is none."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).strip() if isinstance(value, str | int) else None


def _joined(rows, roles):
    """Rows to columns; rows of one document become one text."""
    if "document" not in roles:
        names = {name for _, row in rows for name in row}
        if {"label", "labels"} <= names:
            raise ValueError(
                "Some rows have a list of labels and others a single one. Write a list "
                "everywhere."
            )
        return {name: [row[name] for _, row in rows] for name in rows[0][1]}

    def document(numbered):
        number, (record, _) = numbered
        # What says of no document that it is part of it stands alone.
        return record.get(roles["document"]) or ("alone", number)

    groups = itertools.groupby(enumerate(rows), key=document)
    texts = ["\n".join(row["text"] for _, (_, row) in group) for _, group in groups]
    return {"text": texts}
