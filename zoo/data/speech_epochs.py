"""The epochs of a corpus of sounds: which are joined, how fast, in which batch."""

import dataclasses
import logging

import numpy as np
import tensorflow as tf

from zoo.data import batching, sound_views
from zoo.data.epoch_dataset import check_batches_per_update, with_mean_one

# A place of the model's memory: four frames of 10 ms.
PLACES_PER_SECOND = 25
FRAMES_PER_PLACE = 4
_ALONE_SHARE = 0.7  # of the rows, where sounds are joined
_LOOKED_AT = 5  # epochs, for how many batches one needs

_logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Row:
    """Sounds that are heard one after the other.

    Attributes:
        sounds: int `(n,)`. Which of the corpus.
        speeds: float `(n,)`.
        silences: int `(n - 1,)`. Samples between them.
        num_samples: int. Of the whole row.
    """

    sounds: np.ndarray
    speeds: np.ndarray
    silences: np.ndarray
    num_samples: int


class SpeechEpochs:
    """What each epoch lets hear, from (seed, epoch) alone.

    The first epoch goes from short rows to long ones, of which CTC would learn little
    yet ([Amodei et al., 2016](https://arxiv.org/abs/1512.02595), section 3.2).
    """

    def __init__(
        self,
        corpus,
        *,
        num_mels,
        max_length,
        max_seconds,
        batch_places,
        most_rows,
        augmented,
        most_joined,
        num_buckets,
        shuffle,
        seed,
        batches_per_update,
    ):
        check_batches_per_update(batches_per_update)
        for name, value in {
            "most_joined": most_joined,
            "num_buckets": num_buckets,
            "most_sounds": 1 if most_rows is None else most_rows,
        }.items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name}={value!r} must be an integer, 1 or more.")
        self.corpus = corpus
        self.num_mels = num_mels
        self.batch_places = batch_places
        self.most_rows = most_rows
        self.augmented = augmented
        self.shuffle = shuffle
        self.seed = seed
        self.batches_per_update = batches_per_update
        self.most_samples = int(max_seconds * corpus.sample_rate_hz)
        self.most_ids = max_length - 1
        self.groups = self._group_sizes(most_joined)
        rows = [self._rows(epoch) for epoch in range(_LOOKED_AT if shuffle else 1)]
        places, tokens = (
            np.concatenate(x) for x in zip(*map(self._sizes, rows), strict=True)
        )
        largest = self._largest(places.max(), tokens.max())
        if sum(largest) > batch_places:
            raise ValueError(
                f"batch_seconds={batch_places / PLACES_PER_SECOND:g} is too small: a "
                f"row may take {sum(largest) / PLACES_PER_SECOND:g}. Pass a larger "
                "one, or a smaller max_seconds or most_joined."
            )
        shapes = batching.bucket_shapes(
            np.append(places, largest[0]), np.append(tokens, largest[1]), num_buckets
        )
        self.shapes = [tuple(map(min, shape, largest)) for shape in shapes]
        # Enough for every epoch: rows differ where sounds are joined or slowed. Where
        # one needs fewer, its fullest are split.
        counts = [len(self._plan(x, epoch)) for epoch, x in enumerate(rows)]
        varies = shuffle and (augmented or most_joined > 1)
        most = max(counts) + (max(counts) - min(counts) + 1 if varies else 0)
        updates = -(-most // batches_per_update)
        most_batches = len(corpus.lengths) if varies else len(rows[0])
        self.num_batches = min(updates * batches_per_update, most_batches)

    def batches(self, epoch):
        """Yields (inputs, labels, sample_weight)."""
        rows = self._rows(epoch, at_least=self.num_batches)
        plan = self._plan(rows, epoch)
        if len(plan) > self.num_batches:
            left_out = sum(len(batch.pairs) for batch in plan[self.num_batches :])
            _logger.warning(
                "Epoch %d leaves out %d of %d rows: it has %d batches at most.",
                *(epoch, left_out, len(rows), self.num_batches),
            )
        plan = batching.with_length(plan, self.num_batches)
        arrays = (
            self._arrays(batch, rows, np.random.default_rng([self.seed, epoch, step]))
            for step, batch in enumerate(plan)
        )
        for inputs, labels, weight in with_mean_one(arrays, self.batches_per_update):
            # A row's share of all tokens, so that both losses are means over tokens.
            of_row = weight.max(axis=1) / weight.shape[1]
            labels = {"ctc": inputs.pop("ctc_labels"), "tokens": labels}
            yield inputs, labels, {"ctc": of_row, "tokens": weight}

    @property
    def signature(self):
        places = tf.TensorSpec([None, None], tf.int32)
        inputs = {
            "samples": tf.TensorSpec([None, None], tf.float32),
            "num_samples": tf.TensorSpec([None], tf.int32),
            "target_ids": places,
        }
        if self.augmented:
            spans = tf.TensorSpec([None, sound_views.NUM_SPANS, 2], tf.int32)
            scales = tf.TensorSpec([None], tf.float32)
            inputs |= {"hidden_frames": spans, "hidden_mels": spans}
            inputs |= {"mel_scales": scales}
        weights = {
            "ctc": tf.TensorSpec([None], tf.float32),
            "tokens": tf.TensorSpec([None, None], tf.float32),
        }
        return inputs, {"ctc": places, "tokens": places}, weights

    def _group_sizes(self, most_joined):
        """How many sounds each row has, where they are short enough together."""
        count, sizes = len(self.corpus.lengths), []
        generator = np.random.default_rng([self.seed])
        while count:
            size = 1
            if most_joined > 1 and generator.random() >= _ALONE_SHARE:
                size = int(generator.integers(2, most_joined, endpoint=True))
            sizes.append(min(size, count))
            count -= sizes[-1]
        return sizes

    def _rows(self, epoch, at_least=1):
        """list of `Row`, `at_least` so many, of no more than there are sounds."""
        generator = np.random.default_rng([self.seed, epoch])
        count = len(self.corpus.lengths)
        order = generator.permutation(count) if self.shuffle else np.arange(count)
        speeds = np.ones(count)
        if self.augmented:
            speeds = generator.uniform(sound_views.SLOWEST, sound_views.QUICKEST, count)
        lengths = sound_views.length_at_speed(self.corpus.lengths, speeds)
        silences = sound_views.gaps(count, self.corpus.sample_rate_hz, generator)
        rows, begin = [], 0
        for size in self.groups:
            rows += self._fitting(order[begin : begin + size], lengths + silences)
            begin += size
        while len(rows) < at_least:  # a joined row becomes two
            most = max(range(len(rows)), key=lambda i: len(rows[i]))
            rows[most : most + 1] = np.array_split(rows[most], 2)
        return [
            Row(
                sounds,
                speeds[sounds],
                silences[sounds[1:]],
                int(lengths[sounds].sum() + silences[sounds[1:]].sum()),
            )
            for sounds in rows
        ]

    def _fitting(self, sounds, lengths):
        """Splits sounds so that each part is as short as a row may be, or one alone."""
        parts = []
        for sound in sounds:
            part = [*(parts[-1] if parts else []), sound]
            length = lengths[part].sum()
            fits = (
                length <= self.most_samples
                and self.corpus.num_ids[part].sum() <= self.most_ids
                # Tokens that are equal where two sounds meet need a blank between.
                and self.corpus.places_needed[part].sum() + len(part) - 1
                <= length // self.corpus.samples_per_place
            )
            if parts and fits:
                parts[-1] = part
            else:
                parts.append([sound])
        return [np.array(part) for part in parts]

    def _sizes(self, rows):
        """Places and tokens of rows, int `(rows,)` each."""
        samples = np.array([row.num_samples for row in rows])
        tokens = [self.corpus.num_ids[row.sounds].sum() + 1 for row in rows]
        return -(-samples // self.corpus.samples_per_place), np.array(tokens)

    def _largest(self, places, tokens):
        """(places, tokens) that no row of any epoch exceeds."""
        if not (self.shuffle or self.augmented):
            return int(places), int(tokens)
        size, corpus = max(self.groups), self.corpus
        slowest = sound_views.SLOWEST if self.augmented else 1.0
        longest = np.sort(sound_views.length_at_speed(corpus.lengths, slowest))[-size:]
        silence = sound_views.most_gap(corpus.sample_rate_hz) * (size - 1)
        samples = min(longest.sum() + silence, max(longest[-1], self.most_samples))
        ids = min(np.sort(corpus.num_ids)[-size:].sum(), self.most_ids)
        return -(-int(samples) // corpus.samples_per_place), int(ids) + 1

    def _plan(self, rows, epoch=0):
        generator = np.random.default_rng([self.seed, epoch]) if self.shuffle else None
        plan = batching.bucketed_batches(
            *self._sizes(rows),
            self.shapes,
            self.batch_places,
            generator,
            self.most_rows,
        )
        if self.shuffle and epoch == 0:
            plan.sort(key=lambda batch: batch.shape[1])
        return plan

    def _arrays(self, batch, rows, generator):
        """(inputs, labels, weight) of one `batching.Batch`."""
        count, places, length = batch.shape
        corpus = self.corpus
        samples = np.zeros((count, places * corpus.samples_per_place), np.float32)
        num_samples = np.zeros(count, np.int32)
        target_ids, labels, ctc_labels = np.zeros((3, count, length), np.int32)
        for row, chosen in zip(batch.rows, batch.pairs, strict=True):
            sound, ids = corpus.row(rows[chosen])
            if self.augmented:
                sound = sound_views.recorded_otherwise(sound, generator)
            samples[row, : len(sound)] = sound
            num_samples[row] = len(sound)
            target_ids[row, : len(ids) + 1] = [corpus.start_id, *ids]
            labels[row, : len(ids) + 1] = [*ids, corpus.end_id]
            ctc_labels[row, : len(ids)] = ids
        inputs = {
            "samples": samples,
            "num_samples": num_samples,
            "target_ids": target_ids,
            "ctc_labels": ctc_labels,
        }
        if self.augmented:
            frames = -(-num_samples * FRAMES_PER_PLACE // corpus.samples_per_place)
            inputs |= sound_views.of_frames(frames, self.num_mels, generator)
        return inputs, labels, (labels > 0).astype(np.float32)
