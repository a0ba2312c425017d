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
    first = {name: ragged[:1].to_tensor() for name, ragged in rows.items()}
    outputs = task.model.encoder(first, training=False, return_scores=True)
    from_first = [scores[0, :, 0] for scores in outputs["attention_scores"]]
    vocabulary = task.tokenizer.get_vocabulary()
    return {
        "pieces": [vocabulary[i] for i in first["token_ids"].numpy()[0]],
        "attention": ops.convert_to_numpy(
            ops.mean(ops.cast(ops.stack(from_first), "float32"), axis=1)
        ),
    }
