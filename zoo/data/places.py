"""Where in the arrays of a batch its texts lie."""

import numpy as np

from zoo.data.tokenized_texts import ranges


class Places:
    """The places that the texts of a batch take in its rows.

    Args:
        shape: (rows, length).
        batch: `batching.Batch`.
        starts: int `(n,)`. The first place of each of its texts in its row.
        lengths: int `(texts,)`. Places of each text of the corpus.
    """

    def __init__(self, shape, batch, starts, lengths):
        self.shape = shape
        self.batch = batch
        self.lengths = lengths[batch.pairs]
        self.places = ranges(batch.rows * shape[1] + starts, self.lengths)

    def gather(self, values, offsets, padding=0):
        """Values of the corpus, text i of them from `offsets[i]` on."""
        chosen = values[ranges(offsets[self.batch.pairs], self.lengths)]
        return self.fill(chosen, padding)

    def segment_ids(self):
        """1 in the first text of a row, 2 in the second, ...; 0 is padding."""
        return self.fill(np.repeat(self.batch.segments, self.lengths))

    def positions(self):
        """0, 1, 2, ... in every text."""
        return self.fill(ranges(np.zeros_like(self.lengths), self.lengths))

    def fill(self, values, padding=0):
        """One value for every place, text by text -> array of the shape."""
        array = np.full(self.shape, padding, _dtype(values))
        array.ravel()[self.places] = values
        return array


def _dtype(values):
    return np.int32 if np.issubdtype(values.dtype, np.integer) else values.dtype
