"""The rows of a table, with their line numbers: TSV, CSV or JSON lines."""

import csv
import json
import pathlib
import re

from zoo.data.text_files import lines_of, lines_with_ends, read_lines

SUFFIXES = (".tsv", ".txt", ".csv", ".jsonl")
SPLIT = "split"
_MOST_CHARACTERS = 1 << 27  # of a field of CSV


def table_suffix(path):
    """`".tsv"` for `"pairs.tsv.gz"`; None for what is no table."""
    suffix = pathlib.Path(str(path).removesuffix(".gz")).suffix
    return suffix if suffix in SUFFIXES else None


def read_records(path):
    """Reads a table whose columns have names.

    >>> read_records("train.tsv")
    ["sentence", "label"], [(2, {"sentence": "a fine film", "label": "1"}), ...]

    Returns:
        names: list of str, of the columns or of the keys of the first JSON object.
        records: list of (line number, dict); None instead of the dict where the line
            is empty. Values are str, in JSON lines whatever stands there.
    """
    if table_suffix(path) == ".jsonl":
        records = [
            (number, json_object(path, number, line) if line.strip() else None)
            for number, line in enumerate(read_lines(path), start=1)
        ]
        first = next((record for _, record in records if record is not None), {})
        return list(first), records
    rows = rows_of(path)
    header_line, names = next(((n, row) for n, row in rows if row), (1, []))
    records = []
    for number, row in rows:
        if row and len(row) != len(names):
            raise ValueError(
                f"{path}, line {number}: {len(row)} columns, but line {header_line} "
                f"has {len(names)}."
            )
        records.append((number, dict(zip(names, row, strict=True)) if row else None))
    return names, records


def first_names(path):
    """The names of the columns of a table, or the keys of its first line."""
    if table_suffix(path) == ".jsonl":
        lines = enumerate(lines_of(path), start=1)
        filled = ((number, line) for number, line in lines if line.strip())
        number, line = next(filled, (1, "{}"))
        return list(json_object(path, number, line))
    return next((row for _, row in rows_of(path) if row), [])


def rows_of(path):
    """Yields (line number, list of str), an empty list for a line without text."""
    if table_suffix(path) != ".csv":
        for number, line in enumerate(lines_of(path), start=1):
            yield number, line.split("\t") if line.strip() else []
        return
    # The module's one limit for all; it stays, for rows are read when asked for.
    csv.field_size_limit(max(csv.field_size_limit(), _MOST_CHARACTERS))
    reader = csv.reader(_csv_lines(path), strict=True)
    try:
        for row in reader:
            yield reader.line_num, row if "".join(row).strip() else []
    except csv.Error as error:
        hint = " Is a quote left open?" if "field limit" in str(error) else ""
        message = f"{path}, line {reader.line_num}: {error}.{hint}"
        raise ValueError(message) from error


def _csv_lines(path):
    """Lines as the csv module wants them, which takes CR alone for an end too."""
    for line in lines_with_ends(path):
        yield from filter(None, re.split(r"(?<=\r)(?!\n)", line))


def json_object(path, number, line):
    """The dict that a line of JSON holds."""
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {number}: no JSON ({error}).") from error
    if not isinstance(record, dict):
        raise ValueError(
            f"{path}, line {number}: {type(record).__name__} instead of a JSON object."
        )
    return record


def check_characters(path, number, name, text):
    """Raises where JSON holds half of a character that UTF-16 writes in two."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{path}, line {number}: {name!r} has half a character, "
            f"{text[error.start]!a}, which UTF-8 cannot hold. Write its other half "
            "too, or leave the line out."
        ) from error
