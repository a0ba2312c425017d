"""Labelled words from files in the columns of the CoNLL shared tasks."""

import gzip
import pathlib
import re

from zoo.data.text_files import read_lines

SUFFIXES = (".conll", ".conllu", ".annotated", ".bio", ".iob", ".iob2")
_CONLL_U = (
    *("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS"),
    "MISC",
)
_CONLL_U_LINE = re.compile(r"\d+([-.]\d+)?(\t[^\t]*){9}")
_TAG = re.compile(r"O|[BIESLU]-\S+")
_DOCUMENT_START = "-DOCSTART-"
_SNIFFED_BYTES = 1 << 16


def read_conll(path, tokens=None, labels=None):
    """Reads sentences of labelled words: a word a line, an empty line between them.

    Columns are parted by tabs, or by spaces where there is no tab. CoNLL-U is known by
    its ten columns; its comments, contracted words (`3-4`) and empty nodes (`8.1`) are
    left out, in other files the sentences that are only `-DOCSTART-`.

    >>> read_conll("en_ewt-ud-dev.conllu.gz", labels="UPOS")
    [["From", "the", ...], ...], [["ADP", "DET", ...], ...]

    Args:
        path: path of the file.
        tokens, labels: the columns: a name of CoNLL-U's, by default `"FORM"` and
            `"UPOS"`, or a number from 0, by default the first and last one.

    Returns:
        (sentences, labels): lists of lists of str.

    Raises:
        ValueError: a line has another number of columns, or lacks its word or label;
            says which.
    """
    lines = [(number, line) for number, line in enumerate(read_lines(path), start=1)]
    lines, names = _without_comments(lines)
    filled = [pair for pair in lines if pair[1].strip()]
    if not filled:
        raise ValueError(f"{path} has no words: it has only comments and empty lines.")
    separator = "\t" if "\t" in filled[0][1].strip() else None
    first_line, width = filled[0][0], len(filled[0][1].split(separator))
    places = [
        _column(path, "tokens", 0 if tokens is None else tokens, names, width),
        _column(path, "labels", -1 if labels is None else labels, names, width),
    ]
    sentences = [[]]
    for number, line in lines:
        if not line.strip():
            sentences.append([])
            continue
        fields = line.split(separator)
        if len(fields) != width:
            raise ValueError(
                f"{path}, line {number}: {len(fields)} columns, but line {first_line} "
                f"has {width}. Every word needs the same columns, and sentences an "
                "empty line between them."
            )
        if not names or fields[0].isdecimal():
            sentences[-1].append(_word(path, number, fields, places))
    sentences = [words for words in sentences if words and not _only_starts(words)]
    if not sentences:
        raise ValueError(f"{path} has no sentence: all its lines are left out.")
    return tuple([[word[i] for word in words] for words in sentences] for i in (0, 1))


def looks_like_conll(path):
    """Whether a text file, whatever its name, holds labelled words.

    It does where it is CoNLL-U, or where every line ends in a tag such as `O` or
    `B-person`, a column of its own, and some lines are empty.
    """
    path = pathlib.Path(path)
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            beginning = file.read(_SNIFFED_BYTES)
        text = beginning.decode("utf-8-sig", errors="strict")
    except UnicodeDecodeError as error:
        # A character may be cut at the end of what was read.
        if error.start < len(beginning) - 3:
            return False
        text = beginning[: error.start].decode("utf-8-sig")
    except (OSError, EOFError):
        return False
    lines, names = _without_comments(list(enumerate(text.split("\n")[:2000])))
    # The last line may be cut.
    rows = [line.split() for _, line in lines[: max(1, len(lines) - 1)]]
    filled = [row for row in rows if row]
    if names:
        return True
    tagged = all(len(row) > 1 and _TAG.fullmatch(row[-1]) for row in filled)
    return bool(filled) and len(filled) < len(rows) and tagged


def _without_comments(lines):
    """Lines, and the names of the columns: CoNLL-U's, or () for other files."""
    words = (line for _, line in lines if line.strip() and not line.startswith("#"))
    if not _CONLL_U_LINE.fullmatch(next(words, "").rstrip("\r")):
        return lines, ()
    return [pair for pair in lines if not pair[1].startswith("#")], _CONLL_U


def _column(path, role, column, names, width):
    """The place of a column that is named, or counted from 0 or, if negative, back."""
    if isinstance(column, str) and column.isdecimal():  # from a command line
        column = int(column)
    if names and column in (0, -1):
        column = "FORM" if role == "tokens" else "UPOS"
    if isinstance(column, int) and -width <= column < width:
        return column
    if column in names:
        return names.index(column)
    has = f"named {list(names)}" if names else "without names"
    raise ValueError(
        f"{path} has no column {column!r}: it has {width} columns, {has}. Pass a "
        f"{'name' if names else 'number from 0'} as {role}=."
    )


def _word(path, number, fields, places):
    """(word, label) of a line."""
    word, label = (fields[place].strip() for place in places)
    if not word or not label:
        missing = "label" if word else "word"
        raise ValueError(
            f"{path}, line {number}: no {missing} in {fields!r:.200}. Every line needs "
            "both: fill it in, or leave the line out."
        )
    return word, label


def _only_starts(words):
    return len(words) == 1 and words[0][0] == _DOCUMENT_START
