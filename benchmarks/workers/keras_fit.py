"""What the Keras workers share: batches from disk, a repetition by `model.fit`."""

import functools
import math

import keras
import tensorflow as tf

from benchmarks.batches import load_batches, real_tokens


def fit_repetitions(model, batches, steps):
    """Makes `repeat()`: `steps` further batches through `model.fit`.

    Args:
        model: a compiled model.
        batches: list of `(inputs, labels, sample_weight)` or `(inputs, labels)`.
        steps: int. Batches of one repetition.

    Returns:
        The function, which returns the number of real tokens it worked on.
    """
    groups = [batches[at : at + steps] for at in range(0, len(batches), steps)]
    datasets = [_dataset(group) for group in groups]
    tokens = [sum(real_tokens(inputs) for inputs, *_ in group) for group in groups]
    position = 0

    def repeat():
        nonlocal position
        number = position % len(groups)
        position += 1
        model.fit(datasets[number], verbose=0, shuffle=False)
        return tokens[number]

    return repeat


def labelled(path, with_weights=True):
    """Batches of a file as `(inputs, labels[, sample_weight])`."""
    examples = []
    for batch in load_batches(path):
        labels = batch.pop("labels")
        weights = batch.pop("sample_weight")
        examples.append((batch, labels, weights) if with_weights else (batch, labels))
    return examples


def facts(model):
    """What the report shows of a Keras model."""
    return {
        "parameters": sum(math.prod(weight.shape) for weight in model.weights),
        "versions": f"tensorflow {tf.__version__}, keras {keras.__version__}",
    }


def _dataset(examples):
    """One data set of all examples, whose lengths are free where they differ."""
    one_by_one = [tf.data.Dataset.from_tensors(example) for example in examples]
    free = functools.reduce(tf.data.Dataset.concatenate, one_by_one)
    return without_tuner(free.prefetch(1))


def without_tuner(dataset):
    """Keeps TensorFlow from waiting where a repetition ends, see `epoch_dataset`."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
