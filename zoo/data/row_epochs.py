"""The epochs of a corpus of single rows, in buckets of few lengths."""

import numpy as np
import tensorflow as tf

from zoo.data import batching
from zoo.data.epoch_dataset import (
    check_batches_per_update,
    epoch_dataset,
    with_mean_one,
)


class RowEpochs:
    """What each epoch shows, from (seed, epoch) alone: one text a row.

    Args:
        lengths: int `(rows,)`, of the rows of the corpus.
        arrays: function of a `batching.Batch` that gives (inputs, labels, weight), the
            weight 1 on what counts and 0 on padding.
        batch_tokens: int. The most places of a batch.
        most_rows: int. The most rows of a batch.
        Others: as in `zoo.data.classification_batches`.

    Attributes:
        shapes: list of (length, 0), the same in every epoch.
        num_batches: int, the same in every epoch.
    """

    def __init__(
        self,
        lengths,
        arrays,
        *,
        batch_tokens,
        most_rows=None,
        num_buckets,
        batches_per_update,
        shuffle,
        seed,
    ):
        check_batches_per_update(batches_per_update)
        self.lengths = lengths
        self.arrays = arrays
        self.batch_tokens = batch_tokens
        self.most_rows = most_rows
        self.batches_per_update = batches_per_update
        self.shuffle = shuffle
        self.seed = seed
        longest = int(lengths.max())
        if longest > batch_tokens:
            raise ValueError(
                f"batch_tokens={batch_tokens} is too small: the longest row takes "
                f"{longest} places. Pass a larger batch_tokens or a smaller max_length."
            )
        # Buckets are made for pairs: these have nothing on their other side. Lengths
        # are rounded up there, but no row may be longer than the model's longest text.
        shapes = batching.bucket_shapes(lengths, np.zeros_like(lengths), num_buckets)
        self.shapes = sorted({(min(length, longest), 0) for length, _ in shapes})
        updates = -(-len(self._plan(0)) // batches_per_update)
        self.num_batches = updates * batches_per_update
        if self.num_batches > len(lengths):
            raise ValueError(
                f"batches_per_update={batches_per_update}, but there are only "
                f"{len(lengths)} rows, and each batch needs one. Pass a smaller number."
            )

    def batches(self, epoch):
        """Yields (inputs, labels, sample_weight), dicts of arrays and arrays."""
        plan = batching.with_length(self._plan(epoch), self.num_batches)
        return with_mean_one(map(self.arrays, plan), self.batches_per_update)

    def _plan(self, epoch):
        generator = np.random.default_rng([self.seed, epoch]) if self.shuffle else None
        nothing = np.zeros_like(self.lengths)
        return batching.bucketed_batches(
            self.lengths,
            nothing,
            self.shapes,
            self.batch_tokens,
            generator,
            self.most_rows,
        )

    def dataset(self, labels, weight, first_epoch):
        """The epochs as a dataset of batches, see `epoch_dataset`.

        Inputs are `token_ids`, `segment_ids` and `padding_mask` `(batch, length)`.

        Args:
            labels, weight: (tuple, dtype): their axes, `"length"` where that stands.
            first_epoch: int.
        """
        # Static where all batches have one length.
        length = self.shapes[0][0] if len(self.shapes) == 1 else None

        def signature(axes, dtype):
            axes = [length if axis == "length" else axis for axis in axes]
            return tf.TensorSpec(axes, dtype)

        places = (None, "length")
        inputs = {
            "token_ids": signature(places, tf.int32),
            "segment_ids": signature(places, tf.int32),
            "padding_mask": signature(places, tf.bool),
        }
        return epoch_dataset(
            self, (inputs, signature(*labels), signature(*weight)), first_epoch
        )
