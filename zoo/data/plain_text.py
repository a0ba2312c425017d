"""Texts from files without columns, and from a folder of files a class."""

import logging
import re

from zoo.data.broken import leave_out
from zoo.data.text_files import read_text

SUFFIX = ".txt"
# Folders whose texts have no class; the IMDb corpus comes with one.
_UNLABELLED = ("unsup", "unlabeled", "unlabelled")

_logger = logging.getLogger(__name__)


def read_plain_text(path):
    """Reads the texts of a text file.

    Empty lines part them, where there are any between other lines. Otherwise each
    line is a text.

    >>> read_plain_text("shakespeare.txt")  # its speeches have several lines
    ["First Citizen:\\nBefore we proceed any further, hear me speak.", "All:\\n..."]

    Returns:
        list of str, none of them empty.
    """
    text = read_text(path).replace("\r\n", "\n").strip()
    parts = re.split(r"\n(?:[^\S\n]*\n)+", text)
    if len(parts) == 1:
        parts = text.split("\n")
    return [part.strip() for part in parts]


def class_folders(folder):
    """Folders within `folder` that hold text files, in order of their names."""
    return [
        path
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith(".") and _texts_of(path)
    ]


def read_class_folders(folder, with_label=True):
    """Reads a folder of folders: `pos/1_9.txt` is a text of the class `pos`.

    What lies in `unsup` or `unlabelled` has no class and is left out, with a warning,
    unless texts alone are asked for. Files that are empty or no text are left out
    with a warning that names the first; more than 1 % of all are an error.

    Returns:
        {"text", "label"} or {"text"}, lists of str: a file a text.
    """
    texts, labels, broken = [], [], []
    for path in class_folders(folder):
        if with_label and path.name in _UNLABELLED:
            _logger.warning("%s is left out: its texts have no label.", path)
            continue
        for file in _texts_of(path):
            try:
                texts.append(read_text(file).strip())
                labels.append(path.name)
            except ValueError as error:
                broken.append(error)
    leave_out(folder, broken, len(texts) + len(broken), "files")
    return {"text": texts, "label": labels} if with_label else {"text": texts}


def _texts_of(folder):
    return sorted(path for path in folder.iterdir() if is_plain_text(path))


def is_plain_text(path):
    """Whether a file is called `.txt` or `.txt.gz`."""
    return path.name.removesuffix(".gz").endswith(SUFFIX) and path.is_file()
