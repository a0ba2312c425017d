"""What one looks at to see how a classifier errs: tables and pictures."""

import csv
import warnings
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from zoo.atomic_write import atomic_write

NUM_BINS = 10  # of the calibration curve
NUM_WORST = 50
MOST_NAMED = 40  # classes whose names fit an axis


def write_classification_report(run_dir, classes, texts, labels, probability):
    """Writes four files to a run's folder, from answers on texts held out.

    `confusion.png`, how often each class was taken for each other; `calibration.png`,
    how often answers of a certain confidence are right; `classes.csv`, precision,
    recall and F1 of each class; `most_wrong.csv`, the texts whose label was thought
    least likely.

    Args:
        run_dir: path.
        classes: list of str.
        texts: list of str, or of pairs of str.
        labels: int `(n,)`.
        probability: float `(n, classes)`.
    """
    run_dir = Path(run_dir)
    answers = probability.argmax(axis=1)
    confusion = np.zeros((len(classes), len(classes)), int)
    np.add.at(confusion, (labels, answers), 1)
    draw_confusion(run_dir / "confusion.png", classes, confusion)
    bins = calibration(probability.max(axis=1), answers == labels)
    _draw_calibration(run_dir / "calibration.png", bins)
    _write_table(run_dir / "classes.csv", class_scores(classes, confusion))
    told = probability[np.arange(len(labels)), labels]
    worst = [i for i in told.argsort() if answers[i] != labels[i]][:NUM_WORST]
    _write_table(
        run_dir / "most_wrong.csv",
        [
            {
                "label": classes[labels[i]],
                "answer": classes[answers[i]],
                "probability of the label": f"{told[i]:.4f}",
                "probability of the answer": f"{probability[i].max():.4f}",
                "text": texts[i] if isinstance(texts[i], str) else " | ".join(texts[i]),
            }
            for i in worst
        ],
    )


def class_scores(classes, confusion):
    """A row a class from its confusions, int `(label, answer)`.

    >>> class_scores(["a", "b"], np.array([[3, 1], [0, 4]]))[0]
    {"class": "a", "texts": 4, "precision": 1.0, "recall": 0.75, "f1": 0.8571}
    """
    right, given = confusion.diagonal(), confusion.sum(axis=1)
    answered = confusion.sum(axis=0)
    return [
        {
            "class": name,
            "texts": int(given[i]),
            "precision": _share(right[i], answered[i]),
            "recall": _share(right[i], given[i]),
            "f1": _share(2 * right[i], given[i] + answered[i]),
        }
        for i, name in enumerate(classes)
    ]


def calibration(confidence, is_right):
    """The answers in ten bins of confidence, those without an answer left out.

    >>> calibration(np.array([0.95, 0.93, 0.62]), np.array([True, False, True]))
    [(0.62, 1.0, 1), (0.94, 0.5, 2)]

    Returns:
        list of (mean confidence, share that is right, number), rising.
    """
    bins = np.minimum((confidence * NUM_BINS).astype(int), NUM_BINS - 1)
    return [
        (
            float(confidence[bins == i].mean()),
            float(is_right[bins == i].mean()),
            int((bins == i).sum()),
        )
        for i in np.unique(bins)
    ]


def _share(part, whole):
    return round(float(part / whole), 4) if whole else 0.0


def _write_table(path, rows):
    with (
        atomic_write(path) as beside,
        open(beside, "w", newline="", encoding="utf-8") as file,
    ):
        if rows:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def draw_confusion(path, classes, confusion):
    """Draws how often each class was taken for each other, int `(label, answer)`."""
    size = 2.5 + 0.3 * min(len(classes), MOST_NAMED)
    figure = Figure(figsize=(size, size), layout="constrained")
    axes = figure.subplots()
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    if len(classes) <= MOST_NAMED:
        style = {"parse_math": False}
        axes.set_xticks(range(len(classes)), classes, rotation=90, **style)
        axes.set_yticks(range(len(classes)), classes, **style)
        for i, j in zip(*confusion.nonzero(), strict=True):
            colour = "white" if shares[i, j] > 0.5 else "black"
            axes.text(j, i, confusion[i, j], color=colour, ha="center", va="center")
    axes.set_xlabel("answer")
    axes.set_ylabel("label")
    _save(figure, path)


def _draw_calibration(path, bins):
    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    axes = figure.subplots()
    confidence, right, numbers = zip(*bins, strict=True)
    axes.plot([0, 1], [0, 1], color="tab:gray", linestyle=":", label="ideal")
    axes.plot(confidence, right, marker="o", color="tab:blue", label="answers")
    for x, y, number in zip(confidence, right, numbers, strict=True):
        axes.annotate(f" {number}", (x, y), size=7)
    axes.set_xlabel("confidence (numbers of answers at the points)")
    axes.set_ylabel("share that is right")
    axes.legend()
    _save(figure, path)


def _save(figure, path):
    with atomic_write(path) as beside, warnings.catch_warnings():
        # A script that the font lacks becomes boxes, which is no reason to fail.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(beside, dpi=110)
