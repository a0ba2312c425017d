"""Pairs from one file: TSV, CSV or JSON lines."""

import logging

from zoo.data.missing_split import MissingSplitError
from zoo.data.records import (
    SPLIT,
    SUFFIXES,
    check_characters,
    json_object,
    rows_of,
    table_suffix,
)
from zoo.data.text_files import lines_of

# Source, target and split of an empty line, which is counted and left out later.
_EMPTY = ("", "", "")

_logger = logging.getLogger(__name__)


def read_table(path, names, source, target):
    """Reads the pairs of a split from a table.

    A table without a column `split` is for training, or for what its file is named
    after.

    Args:
        path: a `.tsv`, `.csv` or `.jsonl` file, or any of these with `.gz`.
        names: names of the split, the first that exists is read.
        source, target: names of columns (of keys, in JSON lines), `"source"` and
            `"target"` if None. In a table of two columns without these names the
            first is the source and the second the target.

    Returns:
        function that gives an iterator of (source, target), str; both are empty for
        an empty line.
    """
    suffix = table_suffix(path)
    if suffix is None:
        raise ValueError(
            f"{path} is no table that can be read: {', '.join(SUFFIXES)} (or one of "
            "these with .gz) is expected. For parallel files pass their folder."
        )
    records_of = _json_records if suffix == ".jsonl" else _column_records
    records = records_of(path, source or "source", target or "target")
    splits = _splits(path, records())
    if splits:
        name = next((name for name in names if name in splits), None)
        if name is None:
            raise MissingSplitError(
                f"{path} has no split {names[0]!r}. It has {sorted(splits)}."
            )
        # What has no split is an empty line.
        return lambda: (pair for _, *pair, split in records() if split in (name, ""))
    if names[0] != "train" and path.name.split(".")[0] not in names:
        raise MissingSplitError(
            f"{path} has no column 'split', so there is no split {names[0]!r}: all "
            "its pairs are for training. Add the column, or make a folder with a "
            f"table a split, train{path.suffix} and {names[0]}{path.suffix}."
        )
    return lambda: (pair for _, *pair, _ in records())


def _splits(path, records):
    """The names in the column `split`; looks at every line."""
    splits, number, gap = set(), None, None
    for number, source, target, split in records:
        if split:
            splits.add(split)
        elif gap is None and (source.strip() or target.strip()):
            gap = number
    if number is None:
        raise ValueError(f"{path} has no pairs: there is nothing below the names.")
    if splits and gap is not None:
        raise ValueError(
            f"{path}, line {gap}: {SPLIT!r} is missing, but other lines have one. Add "
            "it, for example 'train', or leave it out everywhere."
        )
    return splits


def _column_records(path, source, target):
    """Function that yields (line number, source, target, split) of TSV and CSV."""
    first = ((number, row) for number, row in rows_of(path) if row)
    header_line, header = next(first, (1, []))
    columns, has_names = _columns(path, header_line, header, source, target)

    def records():
        for number, row in rows_of(path):
            if row and len(row) != len(header):
                raise ValueError(
                    f"{path}, line {number}: {len(row)} columns, but line "
                    f"{header_line} has {len(header)}."
                )
            if not row:
                yield number, *_EMPTY
            elif number != header_line or not has_names:
                texts = [row[column] for column in columns]
                yield number, *(*texts, "")[:3]

    return records


def _columns(path, line, header, source, target):
    """Indices of source, target and perhaps split; whether the header is names."""
    names = [source, target]
    if set(names) <= set(header):
        names += [SPLIT] if SPLIT in header else []
        return [header.index(name) for name in names], True
    missing = [name for name in names if name not in header]
    if len(header) == 2 and missing == names:
        if names != ["source", "target"]:
            _logger.warning(
                "%s, line %d: no names of columns but %s. It is read as the first "
                "pair, its first column as %r, its second as %r.",
                *(path, line, header, source, target),
            )
        return [0, 1], False
    raise ValueError(
        f"{path} has no column {' and no column '.join(map(repr, missing))}. Line "
        f"{line} names these: {header}. Pass two of them as source= and target=; a "
        "table without names must have two columns, source and target."
    )


def _json_records(path, source, target):
    """Function that yields (line number, source, target, split) of JSON lines."""

    def records():
        for number, line in enumerate(lines_of(path), start=1):
            if line.strip():
                yield number, *_json_texts(path, number, line, source, target)
            else:
                yield number, *_EMPTY

    return records


def _json_texts(path, number, line, source, target):
    record = json_object(path, number, line)
    # As in the WMT sets of the Hugging Face hub.
    nested = record.get("translation")
    texts = nested if isinstance(nested, dict) else record
    split = record.get(SPLIT)
    if not isinstance(split, str | None):
        raise ValueError(
            f"{path}, line {number}: {SPLIT!r} is {split!r:.200}, but a string is "
            "needed, for example 'train'."
        )
    pair = [_json_text(path, number, texts, name) for name in (source, target)]
    return *pair, split or ""


def _json_text(path, number, texts, name):
    text = texts.get(name)
    if not isinstance(text, str):
        raise ValueError(
            f"{path}, line {number}: no text {name!r} in {texts!r:.200}. Pass the "
            "keys of the two texts as source= and target=."
        )
    check_characters(path, number, name, text)
    return text
