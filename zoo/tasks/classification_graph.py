"""From strings to probabilities of classes, in the graph."""

import tensorflow as tf

from zoo.tasks.encoding import encode_in_pieces
from zoo.tasks.text_rows import mean_of_rows, rows_of_pairs, rows_of_texts

THRESHOLD = 0.5  # from which a class is among the labels, where there are several


def class_probabilities(texts, text_pairs, task, encode):
    """strings `(n,)`, second ones or None -> float32 `(n, classes)`, number cut.

    The probabilities of a text in several rows are the mean of theirs.
    """
    options = (task.tokenizer, task.max_length)
    if text_pairs is None:
        rows, owner = rows_of_texts(texts, *options)
        num_cut = tf.constant(0)  # a long text is read in several rows
    else:
        rows, num_cut = rows_of_pairs(texts, text_pairs, *options)
        owner = tf.range(tf.size(texts))
    logits = encode_in_pieces(encode, rows, len(task.classes))
    values = tf.sigmoid(logits) if task.multi_label else tf.nn.softmax(logits)
    return mean_of_rows(values, rows, owner, tf.size(texts)), num_cut


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
