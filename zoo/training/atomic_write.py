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
    # The ending stays, because Keras chooses the file format by it.
    beside = path.with_name(f"partial-{path.name}")
    try:
        yield beside
        with open(beside, "rb") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
