"""Which pieces of a text its classifier looked at."""

import tensorflow as tf
from keras import ops

from zoo.tasks.text_rows import rows_of_pairs, rows_of_texts


def explain(text, task):
    """Reads the attention of the token from which the classes are scored, the first.

    Args:
        text: list of str: one text, or the two of a pair.
        task: `zoo.TextClassifier`.

    Returns:
        dict: `pieces`, a list of str of length S, special tokens included, and
        `attention`, float32 array `(layers, S)`, the mean over the heads, whose rows
        sum to 1. Of a text that is too long, what is in its first chunk.
    """
    read = rows_of_pairs if len(text) == 2 else rows_of_texts
    sides = [tf.constant([side], tf.string) for side in text]
    rows, _ = read(*sides, task.tokenizer, task.max_length)
    pieces, attention = attention_of_first_row(rows, task)
    return {"pieces": pieces, "attention": attention[:, 0]}


def attention_of_first_row(rows, task):
    """Pieces, list of str of length S, and attention, float32 array `(layers, S, S)`.

    Row i of a layer's is what piece i saw of each, the mean over the heads.
    """
    first = {name: ragged[:1].to_tensor() for name, ragged in rows.items()}
    outputs = task.model.encoder(first, training=False, return_scores=True)
    scores = [ops.cast(layer[0], "float32") for layer in outputs["attention_scores"]]
    vocabulary = task.tokenizer.get_vocabulary()
    pieces = [vocabulary[i] for i in first["token_ids"].numpy()[0]]
    return pieces, ops.convert_to_numpy(ops.mean(ops.stack(scores), axis=1))
