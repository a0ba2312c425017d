"""Scores of classes against labels."""

import numpy as np

from zoo.tasks.classification_graph import THRESHOLD

_SMALLEST = 1e-7  # a probability of 0 would cost infinitely much


def classification_scores(probability, labels, multi_label=False):
    """Accuracy, F1 and loss of probabilities.

    Args:
        probability: float `(n, classes)`.
        labels: int `(n,)`; with `multi_label` bool `(n, classes)`.

    Returns:
        dict: `accuracy` (the share of texts whose every label is right), `macro_f1`
        (the mean over the classes that occur in labels or answers), `loss` (mean
        cross-entropy in nats), all but the last in [0, 1]; with `multi_label` also
        `micro_f1`.
    """
    num_classes = probability.shape[1]
    if multi_label:
        answers, truth = probability >= THRESHOLD, np.asarray(labels, bool)
    else:
        answers = np.eye(num_classes, dtype=bool)[probability.argmax(axis=1)]
        truth = np.eye(num_classes, dtype=bool)[labels]
    right = (answers & truth).sum(axis=0)
    both = answers.sum(axis=0) + truth.sum(axis=0)
    f1 = 2 * right[both > 0] / both[both > 0]
    # Where no text has a label, and is given none, all is right.
    scores = {
        "accuracy": float((answers == truth).all(axis=1).mean()),
        "macro_f1": float(f1.mean()) if f1.size else 1.0,
    }
    if multi_label:
        scores["micro_f1"] = float(2 * right.sum() / both.sum()) if f1.size else 1.0
    told = np.where(truth, probability, 1 - probability)
    told = told if multi_label else probability[truth]
    scores["loss"] = float(-np.log(np.maximum(told, _SMALLEST)).mean())
    return scores
