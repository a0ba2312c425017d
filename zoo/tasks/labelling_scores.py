"""Scores of labels of words, and of the spans that they make up."""

import numpy as np
import tensorflow as tf


def labelling_scores(answers, labels, lengths, rules):
    """Accuracy of words, and precision, recall and F1 of spans.

    A span is right if its label and both its ends are, as in
    [Tjong Kim Sang and De Meulder, 2003](https://aclanthology.org/W03-0419).

    Args:
        answers, labels: int `(words of all sentences,)`.
        lengths: int `(sentences,)`, their numbers of words.
        rules: `zoo.tasks.labelling_graph.SpanRules`.

    Returns:
        dict of floats in [0, 1]; of spans only where labels begin with `B-` or `I-`.
    """
    scores = {"accuracy": float((answers == labels).mean())}
    if not rules.has_prefixes:
        return scores
    found, given = (_spans(ids, lengths, rules) for ids in (answers, labels))
    right = len(found & given)
    scores["precision"] = right / len(found) if found else 0.0
    scores["recall"] = right / len(given) if given else 0.0
    both = len(found) + len(given)
    scores["f1"] = 2 * right / both if both else 0.0
    return scores


def _spans(ids, lengths, rules):
    """A set of (sentence, label, first word, the word behind)."""
    words = tf.range(len(ids))
    columns = [
        tf.RaggedTensor.from_row_lengths(column, lengths)
        for column in (tf.constant(ids, tf.int32), words, words + 1)
    ]
    labels, starts, ends = rules.spans(*columns)
    sentences = labels.value_rowids().numpy()
    values = (np.asarray(x.flat_values) for x in (labels, starts, ends))
    return set(zip(sentences.tolist(), *(x.tolist() for x in values), strict=True))
