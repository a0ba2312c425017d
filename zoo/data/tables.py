"""Pairs from one file: TSV, CSV or JSON lines."""

import csv
import io
import json
import pathlib

from zoo.data.text_files import read_lines, read_text

SUFFIXES = (".tsv", ".txt", ".csv", ".jsonl")
SPLIT = "split"


def table_suffix(path):
    """`".tsv"` for `"pairs.tsv.gz"`; None for what is no table."""
    suffix = pathlib.Path(str(path).removesuffix(".gz")).suffix
    return suffix if suffix in SUFFIXES else None


def read_table(path, source, target):
    """Reads the columns of a table.

    Args:
        path: a `.tsv`, `.csv` or `.jsonl` file, or any of these with `.gz`.
        source, target: names of columns (of keys, in JSON lines); None means
            `"source"` and `"target"` or, in a table of two columns without these
            names, the first and the second.

    Returns:
        (sources, targets, splits): lists of str; splits is None where there is no
        column of that name.
    """
    if table_suffix(path) == ".jsonl":
        return _read_json_lines(path, source or "source", target or "target")
    rows = list(_rows(path))
    columns, first = _columns(path, rows[0][1], source, target)
    width = len(rows[0][1])
    for line, row in rows:
        if row and len(row) != width:
            raise ValueError(
                f"{path}, line {line}: {len(row)} columns, but line 1 has {width}."
            )
    values = [
        [row[column] if row else "" for _, row in rows[first:]] for column in columns
    ]
    return (*values, None) if len(values) == 2 else tuple(values)


def _rows(path):
    """Yields (line number, list of str); an empty line gives an empty list."""
    if table_suffix(path) != ".csv":
        for number, line in enumerate(read_lines(path), start=1):
            yield number, line.split("\t") if line else []
        return
    text = read_text(path)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    usual_limit = csv.field_size_limit(len(text))
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}.") from error
    finally:
        csv.field_size_limit(usual_limit)


def _columns(path, header, source, target):
    """Indices of source, target and perhaps split, and of the first row of text."""
    names = [source or "source", target or "target"]
    if set(names) <= set(header):
        names += [SPLIT] if SPLIT in header else []
        return [header.index(name) for name in names], 1
    if source is None and target is None and len(header) == 2:
        return [0, 1], 0
    missing = [name for name in names if name not in header]
    raise ValueError(
        f"{path} has no column {' and no column '.join(map(repr, missing))}. Line 1 "
        f"names these: {header}. Pass two of them as source= and target=; a table of "
        "two columns without names is read when both are left out."
    )


def _read_json_lines(path, source, target):
    sources, targets, splits = [], [], []
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            sources.append("")
            targets.append("")
            splits.append(None)
            continue
        record = _json_object(path, number, line)
        # As in the WMT sets of the Hugging Face hub.
        texts = record.get("translation", record)
        for name, values in ((source, sources), (target, targets)):
            if not isinstance(texts, dict) or not isinstance(texts.get(name), str):
                raise ValueError(
                    f"{path}, line {number}: no text {name!r} in {texts!r:.200}. Pass "
                    "the keys of the two texts as source= and target=."
                )
            values.append(texts[name])
        splits.append(record.get(SPLIT))
    return sources, targets, splits if any(splits) else None


def _json_object(path, number, line):
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {number}: no JSON ({error}).") from error
    if not isinstance(record, dict):
        raise ValueError(
            f"{path}, line {number}: {type(record).__name__} instead of a JSON object."
        )
    return record
