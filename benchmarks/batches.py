"""Batches on disk: made once by our pipeline, read by every peer.

NumPy and the standard library only: workers in the peers' environment import it.
"""

import numpy as np


def save_batches(path, batches):
    """Writes a list of dicts of arrays; `load_batches` gives it back."""
    arrays = {
        f"{number:04d}/{name}": array
        for number, batch in enumerate(batches)
        for name, array in batch.items()
    }
    np.savez(path, **arrays)


def load_batches(path):
    """The list of dicts of arrays that `save_batches` wrote."""
    batches = {}
    with np.load(path) as arrays:
        for key in sorted(arrays.files):
            number, name = key.split("/")
            batches.setdefault(number, {})[name] = arrays[key]
    return list(batches.values())


def real_tokens(batch):
    """Source and target tokens of a batch that are no padding (id 0)."""
    return int((batch["source_ids"] != 0).sum() + (batch["target_ids"] != 0).sum())


def sentence_lengths(batch):
    """Mean real `(source, target)` length of the pairs of an unpacked batch."""
    source = (batch["source_ids"] != 0).sum(axis=1)
    target = (batch["target_ids"] != 0).sum(axis=1)
    rows = source > 0
    return source[rows], target[rows]
