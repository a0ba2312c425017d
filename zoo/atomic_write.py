"""A file is either the old one or the new one, never half of it."""

import contextlib
import os
from pathlib import Path


@contextlib.contextmanager
def atomic_write(path):
    """Gives a path beside `path` to write to, and moves it into place at the end.

    Whatever interrupts the block, `path` keeps what it held before.

    >>> with atomic_write("run/metrics.csv") as beside:
    ...     beside.write_text("epoch,loss")
    """
    path = Path(path)
    beside = partial_path(path)
    try:
        yield beside
        with open(beside, "rb") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
        _keep_name(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def _keep_name(folder):
    """Brings the names in a folder to the disk, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def partial_path(path):
    """Where the new file is until it is whole."""
    # The ending stays, because Keras chooses the file format by it.
    return path.with_name(f"partial-{path.name}")
