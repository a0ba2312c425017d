"""A corpus of five million pairs trains within three gigabytes.

    python -m benchmarks.large_corpus
    python -m benchmarks.large_corpus --pairs 100000 --steps 20

Writes a corpus of random words to a folder that goes away, learns a vocabulary,
tokenizes by a pool of processes into shards (`cache_dir`) and trains `translator_tiny`.
Prints the seconds of each part, and the most memory that this process and those of the
pool had together.
"""

import argparse
import contextlib
import os
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

import recipes  # noqa: F401 (TensorFlow keeps memory, as there)
import zoo

NUM_WORDS = 20_000
FEWEST, MOST = 4, 12  # words of a text
WRITTEN_TOGETHER = 100_000
LOOK_S = 0.2


def main(pairs, steps):
    with tempfile.TemporaryDirectory() as folder, Memory() as memory:
        folder = Path(folder)
        with timed("corpus written", memory):
            write_corpus(folder / "corpus", pairs)
        train = zoo.data.read(folder / "corpus", "train", source="en", target="de")
        with timed("vocabulary learned", memory):
            lines = train.map(lambda pair: pair["source"])
            tokenizer = zoo.text.learn_tokenizer(lines, vocabulary_size=8_000)
        translator = zoo.Translator.from_preset("translator_tiny", tokenizer=tokenizer)
        with timed("tokenized and planned", memory):
            batches = translator.batches(
                train, packed=True, cache_dir=folder / "tokens"
            )
        print(f"{int(batches.cardinality()):,} batches an epoch")
        with timed(f"{steps} batches trained", memory):
            translator.model.fit(batches.take(steps), shuffle=False, verbose=0)
        with timed("all batches of an epoch made", memory):
            made = sum(1 for _ in batches)
        print(f"{made:,} batches; at most {memory.most / 2**30:.2f} GiB")


def write_corpus(folder, pairs, seed=1):
    folder.mkdir()
    generator = np.random.default_rng(seed)
    letters = np.array([*"abcdefghijklmnopqrstuvwxyz"])
    words = ["".join(generator.choice(letters, 6)) for _ in range(NUM_WORDS)]
    words = np.array(words, dtype=object)
    with contextlib.ExitStack() as stack:
        files = [
            stack.enter_context(open(folder / name, "w", encoding="utf-8"))
            for name in ("train.en", "train.de")
        ]
        for first in range(0, pairs, WRITTEN_TOGETHER):
            for file in files:
                count = min(WRITTEN_TOGETHER, pairs - first)
                lengths = generator.integers(FEWEST, MOST + 1, count)
                # Frequent ones and rare ones, as in a language.
                ranks = (NUM_WORDS ** generator.random(lengths.sum())).astype(int) - 1
                parts = np.split(words[ranks], np.cumsum(lengths)[:-1])
                file.writelines(" ".join(part) + "\n" for part in parts)


@contextlib.contextmanager
def timed(what, memory):
    began = time.perf_counter()
    yield
    seconds = time.perf_counter() - began
    print(f"{what}: {seconds:.0f} s, at most {memory.most / 2**30:.2f} GiB until then")


class Memory:
    """Looks again and again at what this process and its children have together."""

    most = 0

    def __enter__(self):
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._ended.set()
        self._thread.join()

    def _look(self):
        while not self._ended.wait(LOOK_S):
            own = resident(os.getpid())
            children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
            numbers = " ".join(path.read_text() for path in children).split()
            self.most = max(self.most, own + sum(resident(int(n)) for n in numbers))


def resident(process):
    """Bytes of memory that a process holds, what is shared counted in parts."""
    with contextlib.suppress(OSError):  # it has ended
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return sum(int(x.split()[1]) * 1024 for x in lines if x.startswith("Pss:"))
    return 0


if __name__ == "__main__":
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--pairs", type=int, default=5_000_000)
    options.add_argument("--steps", type=int, default=300)
    main(**vars(options.parse_args()))
