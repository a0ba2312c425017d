"""The epochs of a corpus of pairs, each from (seed, epoch) alone."""

import functools
import logging

import numpy as np
import tensorflow as tf

from zoo.data import batching
from zoo.data.epoch_dataset import check_batches_per_update
from zoo.data.places import Places
from zoo.data.tokenized_texts import choose_texts, join_texts

# Places of a packed row, on its longer side. Attention costs grow with it; shorter
# rows waste more.
PACKED_LENGTH = 80
# Epochs planned ahead to see how many batches one takes.
NUM_SURVEYED = 3
_MOST_ATTEMPTS = 20
# Bounds the memory that sampling takes.
_SAMPLED_TOGETHER = 1 << 16

_logger = logging.getLogger(__name__)


class Epochs:
    """What each epoch shows: the subwords, the plan and the arrays of its batches.

    Args:
        corpus: (source, target), each `TokenizedTexts`.
        samplers: (source, target), each a `zoo.text.SubwordSampler`; or None.
        max_lengths: int `(2,)`, of a larger corpus that this is part of.
        shapes, num_batches: what they shall be, where that is known.
        num_surveyed: int. Epochs planned ahead to choose the number of batches.
        Others: as in `zoo.data.translation_batches`.

    Attributes:
        shapes: list of (source, target) lengths, the same in every epoch.
        num_batches: int, the same in every epoch.
    """

    def __init__(
        self,
        corpus,
        samplers,
        *,
        batch_tokens,
        batches_per_update,
        num_buckets,
        packed,
        shuffle,
        seed,
        max_lengths=None,
        shapes=None,
        num_batches=None,
        num_surveyed=NUM_SURVEYED,
    ):
        check_batches_per_update(batches_per_update)
        self.batches_per_update = batches_per_update
        self.corpus = corpus
        self.samplers = samplers and [_compiled(sampler) for sampler in samplers]
        self.batch_tokens = batch_tokens
        self.packed = packed
        self.shuffle = shuffle
        self.seed = seed
        self.max_lengths = _lengths(corpus).max(axis=1)
        if max_lengths is not None:
            self.max_lengths = np.asarray(max_lengths)
        self.shapes = shapes or self._choose_shapes(num_buckets)
        if sum(self.shapes[-1]) > batch_tokens:
            raise ValueError(
                f"batch_tokens={batch_tokens} is too small: the longest source and "
                f"target take {' + '.join(map(str, self.shapes[-1]))} places. Pass a "
                "larger batch_tokens or a smaller max_length."
            )
        self.num_batches = num_batches or self._survey(num_surveyed)

    def batches(self, epoch):
        """Yields (inputs, labels, sample_weight), dicts of arrays and arrays."""
        for attempt in range(_MOST_ATTEMPTS):
            texts, plan = self._draw(epoch, attempt)
            if len(plan) <= self.num_batches:
                break
        else:
            _logger.warning(
                "Epoch %d leaves out %d of %d batches: it takes more than others do.",
                epoch,
                len(plan) - self.num_batches,
                len(plan),
            )
        plan = batching.with_length(plan, self.num_batches)
        for first in range(0, len(plan), self.batches_per_update):
            update = plan[first : first + self.batches_per_update]
            tokens = np.mean([_num_targets(batch, texts[1]) for batch in update])
            for batch in update:
                yield _arrays(batch, *texts, self.packed, tokens)

    def _choose_shapes(self, num_buckets):
        lengths = _lengths(self._texts(0))
        if self.packed:
            return [_packed_shape(lengths, self.max_lengths, self.batch_tokens)]
        # Sampling may have split what is longest, so that it is not among them.
        lengths = np.append(lengths, self.max_lengths[:, np.newaxis], axis=1)
        return batching.bucket_shapes(*lengths, num_buckets)

    def _draw(self, epoch, attempt=0):
        """The texts and the list of `batching.Batch` of an epoch.

        An attempt that takes too many batches is given up for the next one.
        """
        texts = self._texts(epoch, attempt)
        key = [self.seed, epoch, attempt]
        generator = np.random.default_rng(key) if self.shuffle else None
        plan = batching.packed_batches if self.packed else batching.bucketed_batches
        return texts, plan(*_lengths(texts), self.shapes, self.batch_tokens, generator)

    def _texts(self, epoch, attempt=0):
        """(source, target) of an epoch, with subwords sampled."""
        if self.samplers is None:
            return self.corpus
        sampled = [
            _sample(texts, sampler, [self.seed, epoch, attempt, side])
            for side, (texts, sampler) in enumerate(
                zip(self.corpus, self.samplers, strict=True)
            )
        ]
        # What would fit no shape keeps its ordinary subwords.
        too_long = (self.max_lengths < _lengths(sampled).T).any(axis=1)
        return [
            choose_texts(too_long, plain, other)
            for plain, other in zip(self.corpus, sampled, strict=True)
        ]

    def _survey(self, num_epochs):
        """How many batches an epoch gets, where that changes from epoch to epoch."""
        varies = self.samplers is not None or (self.packed and self.shuffle)
        epochs = range(num_epochs if varies else 1)
        most = max(len(self._draw(epoch)[1]) for epoch in epochs)
        updates = -(-most // self.batches_per_update)
        num_batches = updates * self.batches_per_update
        num_pairs = len(self.corpus[0].lengths)
        if num_batches > num_pairs:
            raise ValueError(
                f"batches_per_update={self.batches_per_update}, but there are only "
                f"{num_pairs} pairs, and each batch needs one. Pass a smaller number."
            )
        return num_batches


def _lengths(texts):
    """int `(2, pairs)`: the places of each pair on either side."""
    source, target = texts
    # A target is read without its last id and predicted without its first.
    return np.stack([source.lengths, target.lengths - 1])


def _packed_shape(lengths, max_lengths, batch_tokens):
    """Row lengths with room for several pairs, in the proportion of the corpus."""
    totals = lengths.sum(axis=1)
    length = min(PACKED_LENGTH, batch_tokens // 2)
    shape = np.maximum(np.round(length * totals / totals.max()), max_lengths)
    return tuple(int(length) for length in shape)


@functools.lru_cache(maxsize=2)  # a source's and a target's, for each shard again
def _compiled(sampler):
    ragged = tf.RaggedTensorSpec([None, None], tf.int32)
    return tf.function(sampler, input_signature=[ragged, tf.TensorSpec([2], tf.int32)])


def _sample(texts, sampler, key):
    """Samples the subwords of `TokenizedTexts`, by draws that `key` determines."""
    parts = []
    for first in range(0, len(texts.lengths), _SAMPLED_TOGETHER):
        offsets = texts.offsets[first : first + _SAMPLED_TOGETHER + 1]
        seed = np.random.SeedSequence([*key, first]).generate_state(2)
        with tf.device("CPU:0"):
            ragged = sampler(
                tf.RaggedTensor.from_row_splits(
                    texts.token_ids[offsets[0] : offsets[-1]], offsets - offsets[0]
                ),
                seed.view(np.int32),
            )
        parts.append((ragged.flat_values.numpy(), ragged.row_lengths().numpy()))
    return join_texts(parts)


def _num_targets(batch, target):
    return int((target.lengths[batch.pairs] - 1).sum())


def _arrays(batch, source, target, packed, tokens):
    """Gathers the ids of one `batching.Batch`.

    `tokens` is the number of target tokens that the weights of a batch sum up to
    its size for: its own, or the mean over the batches of an update.
    """
    num_rows, source_length, target_length = batch.shape
    source_side = Places(
        (num_rows, source_length), batch, batch.source_starts, source.lengths
    )
    target_side = Places(
        (num_rows, target_length), batch, batch.target_starts, target.lengths - 1
    )
    inputs = {
        "source_ids": source_side.gather(source.token_ids, source.offsets),
        "target_ids": target_side.gather(target.token_ids, target.offsets),
    }
    labels = target_side.gather(target.token_ids, target.offsets + 1)
    if packed:
        for name, side in (("source", source_side), ("target", target_side)):
            inputs[f"{name}_segment_ids"] = side.segment_ids()
            inputs[f"{name}_positions"] = side.positions()
    weight = (labels != 0).astype(np.float32)
    return inputs, labels, weight * np.float32(weight.size / tokens)
