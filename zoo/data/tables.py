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
from zoo.data.text_files import read_lines

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
        (sources, targets): lists of str; both are empty for an empty line.
    """
    suffix = table_suffix(path)
    if suffix is None:
        raise ValueError(
            f"{path} is no table that can be read: {', '.join(SUFFIXES)} (or one of "
            "these with .gz) is expected. For parallel files pass their folder."
        )
    read_records = _json_records if suffix == ".jsonl" else _column_records
    records = list(read_records(path, source or "source", target or "target"))
    if not records:
        raise ValueError(f"{path} has no pairs: there is nothing below the names.")
    splits = {split for _, (_, _, split) in records if split}
    if splits:
        _check_splits(path, records)
        name = next((name for name in names if name in splits), None)
        if name is None:
            raise MissingSplitError(
                f"{path} has no split {names[0]!r}. It has {sorted(splits)}."
            )
        # What has no split is an empty line.
        records = [record for record in records if record[1][2] in (name, "")]
    elif names[0] != "train" and path.name.split(".")[0] not in names:
        raise MissingSplitError(
            f"{path} has no column 'split', so there is no split {names[0]!r}: all "
            "its pairs are for training. Add the column, or make a folder with a "
            f"table a split, train{path.suffix} and {names[0]}{path.suffix}."
        )
    return tuple([texts[side] for _, texts in records] for side in (0, 1))


def _check_splits(path, records):
    for number, (source, target, split) in records:
        if not split and (source.strip() or target.strip()):
            raise ValueError(
                f"{path}, line {number}: {SPLIT!r} is missing, but other lines have "
                "one. Add it, for example 'train', or leave it out everywhere."
            )


def _column_records(path, source, target):
    """Yields (line number, (source, target, split)) of TSV and CSV."""
    rows = list(rows_of(path))
    header_line, header = next((pair for pair in rows if pair[1]), (1, []))
    columns, has_names = _columns(path, header_line, header, source, target)
    for number, row in rows:
        if row and len(row) != len(header):
            raise ValueError(
                f"{path}, line {number}: {len(row)} columns, but line {header_line} "
                f"has {len(header)}."
            )
        if not row:
            yield number, _EMPTY
        elif number != header_line or not has_names:
            texts = [row[column] for column in columns]
            yield number, (*texts, "")[:3]


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
    """Yields (line number, (source, target, split)) of JSON lines."""
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            yield number, _EMPTY
            continue
        record = json_object(path, number, line)
        # As in the WMT sets of the Hugging Face hub.
        nested = record.get("translation")
        texts = nested if isinstance(nested, dict) else record
        split = record.get(SPLIT)
        if not isinstance(split, str | None):
            raise ValueError(
                f"{path}, line {number}: {SPLIT!r} is {split!r:.200}, but a string "
                "is needed, for example 'train'."
            )
        pair = [_json_text(path, number, texts, name) for name in (source, target)]
        yield number, (*pair, split or "")


def _json_text(path, number, texts, name):
    text = texts.get(name)
    if not isinstance(text, str):
        raise ValueError(
            f"{path}, line {number}: no text {name!r} in {texts!r:.200}. Pass the "
            "keys of the two texts as source= and target=."
        )
    check_characters(path, number, name, text)
    return text
