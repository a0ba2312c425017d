"""Accuracy against the number of labels, pretrained and from random weights.

    python -m benchmarks.few_labels --data ../shared/data/sst2 --preset runs/mini

The same classifier, with the vocabulary of the pretrained encoder, is trained on 100,
1,000 and all labelled texts of a split, each with three seeds, which also draw the
texts. The best epoch on the development set is kept; its accuracy there and on the
test set is written to `few_labels.csv`, `.md` and `.png`.
"""

import argparse
import csv
import datetime
import math
import os
import tempfile
from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure

import zoo
from benchmarks.command_line import RESULTS
from benchmarks.report import machine

TITLE = "Accuracy against the number of labels"
SIZES = (100, 1000, None)  # None: all
COLUMNS = ("labels", "weights", "seed", "development", "test")
PRETRAINED, RANDOM = "pretrained", "random"
BATCH_TOKENS = 1024
EPOCHS = 10
TEXTS_OF_EPOCH = 1000  # fewer are repeated, for each epoch ends with an evaluation


def main(
    data,
    split,
    preset,
    size,
    learning_rates,
    seeds,
    dtype="float32",
    sizes=SIZES,
    results=None,
):
    """Returns a list of dicts, one for each training, with the fields of `COLUMNS`."""
    keras.config.set_dtype_policy(dtype)
    _, validation, tests = zoo.data.read_splits(data)
    test = next(iter(tests.values()))
    texts = zoo.data.read(data, split)
    rows = []
    for number in sizes:
        for weights, rate in zip((PRETRAINED, RANDOM), learning_rates, strict=True):
            for seed in range(1, seeds + 1):
                keras.utils.set_random_seed(seed)
                some = texts.shuffle(10**5, seed, reshuffle_each_iteration=False)
                some = texts if number is None else some.take(number).cache()
                start = preset if weights == PRETRAINED else size
                classifier = train(some, validation, preset, start, rate, seed)
                accuracies = [
                    classifier.evaluate(part)["accuracy"] for part in (validation, test)
                ]
                found = (len(list(some)), weights, seed, *accuracies)
                rows.append(dict(zip(COLUMNS, found, strict=True)))
                print(rows[-1], flush=True)
    if results:
        options = f"--data {Path(data).name} --split {split} --preset FOLDER"
        options += f" --size {size} --learning-rates {learning_rates[0]:g}"
        options += f" {learning_rates[1]:g} --seeds {seeds} --dtype {dtype}"
        write(rows, Path(results), options, dtype)
    return rows


def train(texts, validation, preset, start, learning_rate, seed):
    """A classifier with the weights of its best epoch on the development set."""
    classes = sorted({e["label"].decode() for e in texts.as_numpy_iterator()})
    same = {}
    if start != preset:
        pretrained = zoo.MaskedLM.from_preset(preset)
        norm_first = pretrained.model.encoder.norm_first
        same = {"tokenizer": pretrained.tokenizer, "norm_first": norm_first}
    classifier = zoo.TextClassifier.from_preset(
        start,
        classes=classes,
        max_length=128,
        dropout=0.2,
        attention_dropout=0.2,
        dtype=keras.config.dtype_policy().name,  # a folder has one of its own
        **same,
    )
    texts = texts.repeat(max(1, TEXTS_OF_EPOCH // len(list(texts))))

    def batches(first_epoch):
        return classifier.batches(
            texts, batch_tokens=BATCH_TOKENS, seed=seed, first_epoch=first_epoch
        )

    num_steps = int(batches(0).cardinality()) * EPOCHS
    schedule = zoo.schedules.warmup_cosine(
        learning_rate, math.ceil(0.1 * num_steps), num_steps
    )
    classifier.model.compile(
        optimizer=keras.optimizers.AdamW(
            schedule, weight_decay=0.01, global_clipnorm=1.0
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=["accuracy"],
        jit_compile=zoo.tasks.should_jit_compile(),
    )
    with tempfile.TemporaryDirectory() as run_dir:
        zoo.training.fit(
            classifier,
            batches,
            epochs=EPOCHS,
            run_dir=run_dir,
            validation=validation,
            monitor="val_accuracy",
            verbose=0,
        )
    return classifier


def write(rows, folder, options, dtype):
    """The table of all trainings, the table of means and the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    command = f"python -m benchmarks.few_labels {options}"
    origin = f"{machine(dtype)}, {datetime.date.today().isoformat()}"
    with (folder / "few_labels.csv").open("w", newline="", encoding="utf-8") as file:
        file.writelines(f"# {line}\n" for line in (TITLE, origin, command))
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    lines = [f"# {TITLE}", "", f"{origin}.", "", f"    {command}", ""]
    lines += ["Mean of the seeds (smallest to largest).", ""]
    lines += ["| labels | weights | development set | test set |", "|---|---|---|---|"]
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for weights in (PRETRAINED, RANDOM):
        points = {}
        for labels in sorted({row["labels"] for row in rows}):
            these = [
                r for r in rows if (r["labels"], r["weights"]) == (labels, weights)
            ]
            points[labels] = np.array([[r[c] for c in COLUMNS[3:]] for r in these])
            cells = [
                f"{part.mean():.3f} ({part.min():.3f} to {part.max():.3f})"
                for part in points[labels].T
            ]
            lines.append(f"| {labels:,} | {weights} | {' | '.join(cells)} |")
        development = np.array([part[:, 0] for part in points.values()])
        middle = development.mean(axis=1)
        ends = (middle - development.min(axis=1), development.max(axis=1) - middle)
        axes.errorbar(list(points), middle, ends, marker="o", capsize=3, label=weights)
    axes.set(xscale="log", xlabel="labelled texts", ylabel="accuracy, development set")
    axes.set_title(f"{TITLE}\n{origin}", fontsize=8)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(folder / "few_labels.png", dpi=100)
    (folder / "few_labels.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", required=True, help="folder of labelled texts")
    options.add_argument("--split", default="train", help="to train on (train)")
    options.add_argument("--preset", required=True, help="a pretrained MaskedLM's")
    options.add_argument(
        "--size", default="bert_mini", help="the same size (bert_mini)"
    )
    options.add_argument(
        "--learning-rates",
        type=float,
        nargs=2,
        default=(3e-4, 1e-3),
        metavar=("PRETRAINED", "RANDOM"),
    )
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--dtype", default="float32", help="as recipes have it")
    options.add_argument("--results", default=RESULTS, help="folder of the report")
    main(**vars(options.parse_args()))
