"""Speed of training on Multi30k: ours, KerasNLP, Hugging Face, the machine's limit.

    python -m benchmarks.train --data ../shared/data/multi30k
    python -m benchmarks.train --data ... --peers-python /path/to/peers/bin/python

All train the same size on the same sentences, one repetition each in turn. The rate is
of real source and target tokens, so padding costs. The limit only multiplies the
matrices that these tokens need, and GFLOP/s count no other operation. Writes
`train.csv`, `train.md` and `train.png`; about 20 minutes on 2 cores, 5 with --quick.
"""

import tempfile
from pathlib import Path

from benchmarks.batches import (
    fixed_length_batches,
    real_tokens,
    save_batches,
    sentence_lengths,
)
from benchmarks.command_line import RESULTS, measured, num_rounds, parser, typed
from benchmarks.driver import Configuration
from benchmarks.limits import LIMITS, limit_configurations
from benchmarks.report import write_report
from benchmarks.sizes import SIZES, training_flops
from benchmarks.workers.products import products

OURS = ["zoo bucketed", "zoo packed"]
VOCABULARY_SIZE = 10_000
GUIDE_LENGTH, GUIDE_BATCH_SIZE = 40, 64  # of KerasNLP's translation guide
STEPS = {"translator_tiny": 8, "translator_base": 2}  # of a repetition, some seconds


def main(
    data,
    source="en",
    target="de",
    peers_python=None,
    sizes=tuple(SIZES),
    rounds=5,
    quick=False,
    results=RESULTS,
):
    """Measures and writes the report; returns the rows of each size."""
    rounds = num_rounds(rounds, quick)
    settings = {}
    for size in sizes:
        steps = max(1, STEPS[size] // 2) if quick else STEPS[size]
        with tempfile.TemporaryDirectory() as folder:
            batches = make_batches(data, source, target, steps)
            for kind, each in batches.items():
                save_batches(Path(folder) / f"{kind}.npz", each)
            rows = configurations(size, batches, folder, peers_python)
            settings[size] = measured(size, rows, rounds, OURS, LIMITS)
    command = typed(f"train --data {Path(data).name}", rounds, quick, peers_python)
    title = f"Training, {Path(data).name}, real tokens a second"
    write_report(settings, results, "train", title, command)
    return settings


def make_batches(data, source, target, steps):
    """`steps` batches of each kind, spread evenly over the lengths of an epoch.

    Returns:
        dict with `bucketed`, `packed` and `fixed`, lists of dicts of arrays. The
        fixed ones hold about as many real tokens as the others.
    """
    import tensorflow as tf

    from zoo.data import read, translation_batches
    from zoo.text import learn_tokenizer

    pairs = read(data, "train", source, target)
    lines = pairs.map(lambda pair: tf.stack([pair["source"], pair["target"]])).unbatch()
    tokenizer = learn_tokenizer(lines, vocabulary_size=VOCABULARY_SIZE)
    epochs = {
        kind: [
            {**inputs, "labels": labels, "sample_weight": weights}
            for inputs, labels, weights in translation_batches(
                pairs, tokenizer, tokenizer, packed=kind == "packed"
            ).as_numpy_iterator()
        ]
        for kind in ("bucketed", "packed")
    }
    batches = {kind: spread(epoch, steps) for kind, epoch in epochs.items()}
    batches["fixed"] = fixed_length_batches(
        epochs["bucketed"], GUIDE_LENGTH, GUIDE_BATCH_SIZE, 2 * steps
    )
    return batches


def spread(epoch, count):
    """`count` of an epoch's batches: from short ones to long ones, evenly."""
    ordered = sorted(epoch, key=lambda batch: batch["source_ids"].shape[1])
    return [ordered[int((i + 0.5) * len(ordered) / count)] for i in range(count)]


def configurations(size, batches, folder, peers_python):
    """The rows of the report, in its order."""

    def row(name, module, kind, process=None, **options):
        return Configuration(
            name,
            f"benchmarks.workers.{module}",
            {
                "size": size,
                "vocabulary_size": VOCABULARY_SIZE,
                "batches": str(Path(folder) / f"{kind}.npz"),
                "steps": len(batches[kind]),
                **options,
            },
            useful_flops_per_token=_training_flops(size, batches[kind]),
            **(process or {}),
        )

    ours, peer = {"as_recipes": True}, {"python": peers_python or ""}
    guide = {"max_length": GUIDE_LENGTH, "jit_compile": "auto", "with_weights": False}
    graph = {"max_length": 256, "jit_compile": False, "with_weights": True}
    bucketed = batches["bucketed"]
    return [
        row("zoo bucketed", "zoo_train", "bucketed", ours),
        row("zoo packed", "zoo_train", "packed", ours),
        row("KerasNLP guide, fixed 40", "keras_nlp_train", "fixed", **guide),
        row("KerasNLP graph, bucketed", "keras_nlp_train", "bucketed", **graph),
        row(
            "KerasNLP graph, bucketed, set as ours",
            "keras_nlp_train",
            "bucketed",
            ours,
            **graph,
        ),
        row("HF Marian eager, bucketed", "marian_train", "bucketed", peer),
        *limit_configurations(
            [products(SIZES[size], VOCABULARY_SIZE, batch) for batch in bucketed],
            sum(real_tokens(batch) for batch in bucketed),
            peers_python,
        ),
    ]


def _training_flops(size, batches):
    """Operations that a step's products need, a real token."""
    flops = sum(
        training_flops(SIZES[size], int(source), int(target), VOCABULARY_SIZE)
        for batch in batches
        for source, target in zip(*sentence_lengths(batch), strict=True)
    )
    return flops / sum(real_tokens(batch) for batch in batches)


if __name__ == "__main__":
    options = parser(__doc__, quick="fewer and shorter rounds")
    options.add_argument("--data", required=True, help="folder, file or tfds:NAME")
    options.add_argument("--source", default="en")
    options.add_argument("--target", default="de")
    options.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    main(**vars(options.parse_args()))
