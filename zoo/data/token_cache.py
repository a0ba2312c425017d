"""A corpus that was tokenized once, in files: for what memory does not hold.

manifest.json          the tokenizers, and of each shard its pairs and checksums
pairs-00000.tfrecord   tf.train.Example of `source` and `target` ids, a pair each
"""

import collections
import concurrent.futures
import contextlib
import fcntl
import hashlib
import itertools
import json
import logging
import multiprocessing
import os
import threading
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from zoo.atomic_write import atomic_write, partial_path
from zoo.data.token_shards import is_whole, read_shard, write_shard
from zoo.data.tokenized_texts import TOKENIZED_TOGETHER, check_examples

_logger = logging.getLogger(__name__)

SHARD_PAIRS = 1 << 16
# Shards that are filled in turn, so that each draws from a million pairs in a row.
FILLED_TOGETHER = 16
_MANIFEST, _LOCK = "manifest.json", "lock"
_LOOKED_AT = 1000  # pairs, to see whether a corpus is the same
_MOST_PROCESSES = 8  # unless told otherwise: each of them loads TensorFlow


class TokenCache:
    """The shards of a folder.

    Attributes:
        max_lengths: int `(2,)`, ids of the longest source and target, as the model
            sees them.
    """

    def __init__(self, folder, shards):
        self.folder = Path(folder)
        self._shards = shards
        self._checked = set()
        self.max_lengths = np.max([shard["longest"] for shard in shards], axis=0)

    def __len__(self):
        return len(self._shards)

    def load(self, number):
        """(source, target) of a shard, each `TokenizedTexts`.

        Raises:
            ValueError: the file is missing or damaged.
        """
        path = self.folder / self._shards[number]["file"]
        if number not in self._checked:
            if not is_whole(path, self._shards[number]):
                raise ValueError(
                    f"{path} is missing or damaged: its checksum is not the one in "
                    f"{_MANIFEST}. Remove this file, and it alone is made again."
                )
            self._checked.add(number)
        return read_shard(path)


def cache_pairs(
    examples,
    folder,
    source_tokenizer,
    target_tokenizer,
    max_length,
    num_processes=None,
):
    """Tokenizes a corpus of pairs into a folder, by a pool of processes.

    What is there already and was made from the same texts is not made again, so that a
    call which was interrupted goes on. A corpus that was finished is not read again but
    for its first thousand pairs, unless a file is gone: then that one is made again.

    Args:
        examples: `tf.data.Dataset` of `{"source", "target"}` strings.
        folder: path. Made where it is missing.
        source_tokenizer, target_tokenizer: `zoo.text.SentencePieceTokenizer`.
        max_length: int. Pairs with more ids on a side are left out.
        num_processes: int. Defaults to the number of cores, but to no more than 8.

    Returns:
        `TokenCache`.

    Raises:
        ValueError: the folder holds other tokens, or the corpus no pair.
    """
    check_examples(examples, ("source", "target"))
    protos = source_tokenizer.proto, target_tokenizer.proto
    first = [*examples.take(_LOOKED_AT).as_numpy_iterator()]
    made_by = {
        "tokenizers": [hashlib.sha256(proto).hexdigest() for proto in protos],
        "max_length": max_length,
        "texts": _digest([[x[side] for x in first] for side in ("source", "target")]),
        "num_pairs": int(examples.cardinality()),
    }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _read_manifest(folder, made_by)  # nothing is written to a folder of something else
    with locked(folder):  # others that train with it wait
        manifest = _read_manifest(folder, made_by)
        _write_manifest(folder, manifest)  # the folder is one of tokens from now on
        files = [folder / shard["file"] for shard in manifest["shards"].values()]
        if not (manifest["is_complete"] and all(file.is_file() for file in files)):
            _make(examples, folder, manifest, (protos, max_length), num_processes)
    shards = [shard for _, shard in sorted(manifest["shards"].items())]
    if num_left_out := sum(shard["left_out"] for shard in shards):
        _logger.warning(
            "Left out %d of %d pairs: they have more than max_length=%d ids.",
            num_left_out,
            num_left_out + sum(shard["pairs"] for shard in shards),
            max_length,
        )
    shards = [shard for shard in shards if shard["pairs"]]
    if not shards:
        raise ValueError(
            f"There is no pair to train on: none has at most max_length={max_length} "
            "ids on either side."
        )
    return TokenCache(folder, shards)


@contextlib.contextmanager
def locked(folder):
    """Lets one process at a time write to a folder of tokens."""
    with open(folder / _LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(examples, folder, manifest, how, num_processes):
    """Makes the shards that are missing."""
    num_processes = num_processes or min(_num_cores(), _MOST_PROCESSES)
    known = manifest["shards"]
    count = int(examples.cardinality())
    bar = keras.utils.Progbar(count if count > 0 else None, unit_name="pair")
    done = 0

    def finish(task):
        nonlocal done
        future, name, num_texts = task
        if future is not None:
            known[name] = future.result()
            _write_manifest(folder, manifest)
        done += num_texts
        bar.update(done)

    spawn = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    pool = concurrent.futures.ProcessPoolExecutor(
        num_processes, spawn, initializer=_begin_process
    )
    with pool:
        tasks = collections.deque()
        for number, texts in enumerate(_chunks(examples)):
            name, digest = f"{number:05}", _digest(texts)
            is_there = known.get(name, {}).get("texts") == digest and is_whole(
                folder / known[name]["file"], known[name]
            )
            future = None
            if not is_there:
                path = folder / f"pairs-{name}.tfrecord"
                future = pool.submit(write_shard, path, texts, digest, *how)
            tasks.append((future, name, len(texts[0])))
            # No more texts wait in memory, and what is done is known.
            while tasks and (len(tasks) > 2 * num_processes or _is_done(tasks[0])):
                finish(tasks.popleft())
        for task in tasks:
            finish(task)
        bar.update(done, finalize=True)
    manifest["is_complete"] = True
    _write_manifest(folder, manifest)


def _is_done(task):
    return task[0] is None or task[0].done()


def _num_cores():
    """Of the machine, or fewer where this process was given fewer."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _begin_process():
    """Leaves GPUs alone, and ends with the process that the pool is of."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    tf.config.set_visible_devices([], "GPU")


def _end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)  # killed, it could not end its pool


def _chunks(examples):
    """Lists of sources and of targets, for a shard each."""
    waiting = [([], []) for _ in range(FILLED_TOGETHER)]
    full = ([], [])  # the last one
    turns = itertools.cycle(range(FILLED_TOGETHER))
    for (source, target), turn in zip(_pairs(examples), turns, strict=False):
        sources, targets = waiting[turn]
        sources.append(source)
        targets.append(target)
        if len(sources) == SHARD_PAIRS:
            if full[0]:
                yield full
            full, waiting[turn] = waiting[turn], ([], [])
    # What is left is too little for a shard each, perhaps even for one.
    parts = [full, *waiting]
    rest = [list(itertools.chain(*(part[side] for part in parts))) for side in (0, 1)]
    num_shards = -(-len(rest[0]) // SHARD_PAIRS)
    size = -(-len(rest[0]) // max(num_shards, 1))
    for first in range(0, len(rest[0]), max(size, 1)):
        yield tuple(side[first : first + size] for side in rest)


def _pairs(examples):
    """(source, target) bytes, read many at a time."""
    for part in examples.batch(TOKENIZED_TOGETHER).as_numpy_iterator():
        yield from zip(part["source"], part["target"], strict=True)


def _digest(texts):
    digest = hashlib.sha256()
    for side in texts:
        for text in side:
            digest.update(len(text).to_bytes(8, "little") + text)
    return digest.hexdigest()


def _read_manifest(folder, made_by):
    path = folder / _MANIFEST
    if not path.is_file():
        own = (_LOCK, partial_path(folder / _MANIFEST).name)
        if any(path.name not in own for path in folder.iterdir()):
            raise ValueError(
                f"{folder} is not empty and has no {_MANIFEST}, so it holds no tokens. "
                "Choose another cache_dir."
            )
        return {**made_by, "is_complete": False, "shards": {}}
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        # Older ones do not say how many pairs they are of.
        manifest = {"num_pairs": made_by["num_pairs"], **manifest}
        different = [name for name in made_by if manifest[name] != made_by[name]]
        manifest["shards"], manifest["is_complete"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is damaged ({error!r}). Remove {folder}, and it is made again."
        ) from error
    if different:
        raise ValueError(
            f"{folder} holds tokens of other {' and '.join(different)}. Choose another "
            "cache_dir, or remove that one."
        )
    return manifest


def _write_manifest(folder, manifest):
    with atomic_write(folder / _MANIFEST) as beside:
        beside.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
