"""Speed of masked-LM training: ours, KerasNLP, Hugging Face, the machine's limit.

    python -m benchmarks.masked_lm
    python -m benchmarks.masked_lm --peers-python /path/to/peers/bin/python

All train the same size on the same rows of 128 tokens, 15 % of them to be predicted,
none of them padding. The limit only multiplies the matrices that this needs, the
vocabulary's at the masks alone, and GFLOP/s count no other operation. Writes
`masked_lm.csv`, `masked_lm.md` and `masked_lm.png`.
"""

import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.batches import real_tokens, save_batches
from benchmarks.command_line import RESULTS, measured, num_rounds, parser, typed
from benchmarks.driver import Configuration
from benchmarks.limits import LIMITS, limit_configurations
from benchmarks.report import write_report
from benchmarks.sizes import ENCODERS, masked_batch_flops
from benchmarks.workers.products import masked_lm_products

OURS = ["zoo"]
ROW_LENGTH = 128


class Training(NamedTuple):
    """What is trained; `steps` of a repetition take some seconds."""

    batch_size: int
    vocabulary_size: int
    steps: int


TRAININGS = {
    "bert_mini": Training(32, 8_000, 4),
    "bert_small": Training(32, 30_522, 2),
    "bert_base": Training(8, 30_522, 2),
}


def main(
    peers_python=None, sizes=tuple(TRAININGS), rounds=5, quick=False, results=RESULTS
):
    """Measures and writes the report; returns the rows of each size."""
    rounds = num_rounds(rounds, quick)
    settings = {}
    for size in sizes:
        training = TRAININGS[size]
        if quick:
            training = training._replace(steps=1)
        with tempfile.TemporaryDirectory() as folder:
            batches = make_batches(training)
            save_batches(Path(folder) / "batches.npz", batches)
            rows = configurations(size, training, batches, folder, peers_python)
            setting = f"{size}, batch {training.batch_size}"
            setting += f", vocabulary {training.vocabulary_size}"
            settings[setting] = measured(setting, rows, rounds, OURS, LIMITS)
    some = "" if len(sizes) == len(TRAININGS) else f" --sizes {' '.join(sizes)}"
    command = typed(f"masked_lm{some}", rounds, quick, peers_python)
    title = f"Masked-LM training, rows of {ROW_LENGTH}, tokens a second"
    write_report(settings, results, "masked_lm", title, command)
    return settings


def make_batches(training):
    """The batches of a repetition, made by our pipeline of words without meaning."""
    from benchmarks.workers.masked_words import full_batches

    return full_batches(
        training.vocabulary_size, ROW_LENGTH, training.batch_size, training.steps
    )


def configurations(size, training, batches, folder, peers_python):
    """The rows of the report, in its order."""
    vocabulary_size = training.vocabulary_size
    tokens = sum(real_tokens(batch) for batch in batches)
    options = {
        "size": size,
        "vocabulary_size": vocabulary_size,
        "batches": str(Path(folder) / "batches.npz"),
        "steps": len(batches),
    }
    flops = sum(
        masked_batch_flops(ENCODERS[size], batch, vocabulary_size) for batch in batches
    )

    def row(name, module, more=None, **process):
        return Configuration(
            name,
            f"benchmarks.workers.{module}",
            {**options, **(more or {})},
            useful_flops_per_token=flops / tokens,
            **process,
        )

    ours = {"as_recipes": True}
    return [
        row("zoo", "zoo_masked_lm", **ours),
        row("zoo, rematerialised", "zoo_masked_lm", {"remat": True}, **ours),
        row("KerasNLP graph", "keras_nlp_masked_lm"),
        row("KerasNLP graph, set as ours", "keras_nlp_masked_lm", **ours),
        row("HF BERT eager", "bert_masked_lm", python=peers_python or ""),
        *limit_configurations(
            [masked_lm_products(ENCODERS[size], vocabulary_size, b) for b in batches],
            tokens,
            peers_python,
        ),
    ]


if __name__ == "__main__":
    options = parser(__doc__, quick="at most 3 rounds of a single step")
    options.add_argument("--sizes", nargs="+", choices=TRAININGS, default=[*TRAININGS])
    main(**vars(options.parse_args()))
