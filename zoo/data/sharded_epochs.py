"""The epochs of a corpus that memory does not hold: shard after shard."""

import concurrent.futures
import contextlib
import functools
import hashlib
import itertools
import json

import keras
import numpy as np

from zoo.atomic_write import atomic_write
from zoo.data.epochs import NUM_SURVEYED, Epochs
from zoo.data.token_cache import locked


class ShardedEpochs:
    """What each epoch shows: the shards in another order, each mixed within.

    Args:
        cache: `zoo.data.token_cache.TokenCache`.
        samplers and options: as `zoo.data.epochs.Epochs` takes them.

    Attributes:
        shapes, num_batches: as those of `Epochs`.
    """

    def __init__(self, cache, samplers, *, shuffle, seed, **options):
        self._cache = cache
        self._shuffle, self._seed = shuffle, seed
        first = Epochs(
            cache.load(0),
            samplers,
            shuffle=shuffle,
            seed=seed,
            max_lengths=cache.max_lengths,
            num_batches=options["batches_per_update"],  # of no matter here
            **options,
        )
        self.packed, self.shapes = first.packed, first.shapes
        self._of_shard = functools.partial(
            Epochs,
            samplers=samplers,
            shuffle=shuffle,
            max_lengths=cache.max_lengths,
            shapes=self.shapes,
            # Of several shards none is small, so that their epochs hardly differ.
            num_surveyed=1 if len(cache) > 1 else NUM_SURVEYED,
            **options,
        )
        plain = {**options, "shuffle": shuffle, "seed": seed}
        plain["sampled"] = samplers and [each.rate for each in samplers]
        self._counts = self._survey(plain)
        self.num_batches = sum(self._counts)

    def batches(self, epoch):
        """Yields (inputs, labels, sample_weight), dicts of arrays and arrays."""
        order = np.arange(len(self._cache))
        if self._shuffle:
            order = np.random.default_rng([self._seed, epoch]).permutation(order)
        # The next shard is read and planned while the one before is served.
        with concurrent.futures.ThreadPoolExecutor(1) as ahead:
            begin = functools.partial(ahead.submit, self._begin, epoch)
            waiting = begin(order[0])
            for number in order[1:]:
                batches, waiting = waiting.result(), begin(number)
                yield from batches
            yield from waiting.result()

    def _begin(self, epoch, number):
        """The batches of a shard, the first of them made already."""
        batches = self._shard(number, self._counts[number]).batches(epoch)
        return itertools.chain([next(batches)], batches)

    def _shard(self, number, num_batches=None):
        seed = np.random.SeedSequence([self._seed, int(number)]).generate_state(1)
        corpus = self._cache.load(number)
        return self._of_shard(corpus, seed=int(seed[0]), num_batches=num_batches)

    def _survey(self, options):
        """How many batches each shard gets; kept beside the shards once it is known."""
        text = json.dumps(options, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        path = self._cache.folder / f"batches-{digest}.json"
        with locked(self._cache.folder):  # others that train with it wait
            with contextlib.suppress(OSError, ValueError):  # missing or damaged
                counts = json.loads(path.read_text(encoding="utf-8"))
                if len(counts) == len(self._cache):
                    return counts
            bar = keras.utils.Progbar(len(self._cache), unit_name="shard")
            counts = []
            for number in range(len(self._cache)):
                counts.append(self._shard(number).num_batches)
                bar.add(1)
            with atomic_write(path) as beside:
                beside.write_text(json.dumps(counts), encoding="utf-8")
        return counts
