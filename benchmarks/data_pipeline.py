"""The data pipeline alone: how many places are real tokens, and how many a second.

    python -m benchmarks.data_pipeline --data ../shared/data/multi30k

Learns a joint vocabulary of 10,000, makes batches of 4,096 places of the training
split and reads `--epochs` epochs of each kind. Rates are of the fastest epoch, in real
source and target tokens a second; the time to tokenize and plan comes once.
"""

import argparse
import time

import tensorflow as tf

from zoo.data import read, translation_batches
from zoo.text import learn_tokenizer

KINDS = {
    "8 buckets": {"num_buckets": 8},
    "24 buckets": {"num_buckets": 24},
    "packed": {"packed": True},
    "8 buckets, sampled subwords": {"num_buckets": 8, "subword_sampling": 0.1},
    "24 buckets, sampled subwords": {"num_buckets": 24, "subword_sampling": 0.1},
    "packed, sampled subwords": {"packed": True, "subword_sampling": 0.1},
}


def main(data, source="en", target="de", batch_tokens=4096, epochs=3):
    """Prints a row for each kind of batches; returns {kind: measurements}."""
    pairs = read(data, "train", source, target)
    lines = pairs.map(lambda pair: tf.stack([pair["source"], pair["target"]])).unbatch()
    tokenizer = learn_tokenizer(lines, vocabulary_size=10_000)
    print(f"{'':30} shapes  batches  real places  real tokens/s  seconds to make")
    results = {}
    for kind, options in KINDS.items():
        start = time.perf_counter()
        dataset = translation_batches(
            pairs, tokenizer, tokenizer, batch_tokens=batch_tokens, **options
        )
        seconds = time.perf_counter() - start
        result = measure(dataset, epochs)
        results[kind] = result
        print(
            f"{kind:30} {result['shapes']:6} {result['batches']:8} "
            f"{result['real_share']:12.1%} {result['tokens_per_second']:14,.0f} "
            f"{seconds:16.1f}",
            flush=True,
        )
    return results


def measure(dataset, epochs):
    """Reads a dataset of batches `epochs` times."""
    rates, tokens, places, batches, shapes = [], 0, 0, 0, set()
    for _ in range(epochs):
        start, tokens_before = time.perf_counter(), tokens
        for inputs, labels, _ in dataset:
            source_ids = inputs["source_ids"].numpy()
            tokens += int((source_ids != 0).sum() + (labels.numpy() != 0).sum())
            places += source_ids.size + labels.numpy().size
            shapes.add((source_ids.shape, labels.shape[1]))
            batches += 1
        rates.append((tokens - tokens_before) / (time.perf_counter() - start))
    return {
        "shapes": len(shapes),
        "batches": batches // epochs,
        "real_share": tokens / places,
        "tokens_per_second": max(rates),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder, file or tfds:NAME")
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="de")
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--epochs", type=int, default=3)
    main(**vars(parser.parse_args()))
