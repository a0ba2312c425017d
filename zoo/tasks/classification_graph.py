"""From strings to probabilities of classes, in the graph."""

import tensorflow as tf

from zoo.tasks.encoding import encode_in_pieces
from zoo.tasks.text_rows import mean_of_rows, rows_of_pairs, rows_of_texts

THRESHOLD = 0.5  # from which a class is among the labels, where there are several


def class_probabilities(texts, text_pairs, task, encode):
    """strings `(n,)`, and the second ones or None -> float32 `(n, classes)`.

    The probabilities of a text in several rows are the mean of theirs.
    """
    options = (task.tokenizer, task.max_length)
    if text_pairs is None:
        rows, owner = rows_of_texts(texts, *options)
    else:
        rows, owner = rows_of_pairs(texts, text_pairs, *options)
    logits = encode_in_pieces(encode, rows, len(task.classes))
    values = tf.sigmoid(logits) if task.multi_label else tf.nn.softmax(logits)
    return mean_of_rows(values, rows, owner, tf.size(texts))


def named_classes(probability, classes, multi_label):
    """float32 `(n, classes)` -> the outputs of the exported classifier."""
    names = tf.constant(classes)
    outputs = {
        "label": tf.gather(names, tf.argmax(probability, axis=1)),
        "probability": probability,
        "classes": tf.broadcast_to(names, tf.shape(probability)),
    }
    if multi_label:
        outputs["labels"] = probability >= THRESHOLD
    return outputs
