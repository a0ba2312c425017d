"""Batches on disk: made once by our pipeline, read by every peer.

NumPy and the standard library only: workers in the peers' environment import it.
"""

import numpy as np

_TOKENS = ("token_ids", "source_ids", "target_ids")


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
    """Tokens of a batch that are no padding (id 0): of texts, or of both sides."""
    sides = [batch[name] for name in _TOKENS if name in batch]
    return sum(int((token_ids != 0).sum()) for token_ids in sides)


def sentence_lengths(batch):
    """Real `(source, target)` lengths of the pairs of a batch, packed or not.

    >>> sentence_lengths({"source_ids": [[5, 6, 3], [7, 3, 0]], ...})
    [3, 2], [4, 2]
    """
    source, target = (_lengths(batch, side) for side in ("source", "target"))
    pairs = source > 0
    return source[pairs], target[pairs]


def _lengths(batch, side):
    """int `(rows * segments,)`, 0 where a row has no such segment."""
    real = batch[f"{side}_ids"] != 0
    if "source_segment_ids" not in batch:
        return real.sum(axis=1)
    segments = 1 + max(batch[f"{s}_segment_ids"].max() for s in ("source", "target"))
    rows = np.arange(len(real))[:, None]
    keys = (rows * segments + batch[f"{side}_segment_ids"])[real]
    return np.bincount(keys, minlength=len(real) * segments)


def fixed_length_batches(batches, length, batch_size, count, seed=0):
    """The sentences of unpacked batches, drawn anew, all padded or cut to one length.

    Args:
        batches: list of dicts as `save_batches` takes them, not packed.
        length: int. Of source and target.
        batch_size, count: int. Pairs of a batch, and number of batches.

    Returns:
        list of dicts with the same names.
    """
    places = [
        (number, row)
        for number, batch in enumerate(batches)
        for row in np.flatnonzero(batch["source_ids"][:, 0])
    ]
    order = np.random.default_rng(seed).permutation(len(places))
    chosen = [places[i] for i in order[: batch_size * count]]
    return [
        {
            name: np.stack([_fit(batches[n][name][r], length) for n, r in group])
            for name in batches[0]
        }
        for group in (
            chosen[at : at + batch_size] for at in range(0, len(chosen), batch_size)
        )
    ]


def _fit(row, length):
    row = row[:length]
    return np.pad(row, (0, length - len(row)))


def pieces(lengths, places):
    """Slices of ascending lengths that fill so many places, each padded to its last.

    They are the pieces of `zoo.tasks.encoding.encode_in_pieces`.

    >>> pieces(np.array([2, 3, 3, 9]), places=9)
    [slice(0, 3), slice(3, 4)]
    """
    begin, found = 0, []
    while begin < len(lengths):
        filled = lengths[begin:] * np.arange(1, len(lengths) - begin + 1)
        end = begin + max(1, np.count_nonzero(filled <= places))
        found.append(slice(begin, end))
        begin = end
    return found
