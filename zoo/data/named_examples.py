"""Some of the examples of files, with the names of these for messages."""

import functools
import itertools

import numpy as np
import tensorflow as tf


def first_examples(examples, most):
    """The first examples, `most` or all; `examples.take` would lose their names."""
    first = examples.take(most)
    names = names_of(examples)
    if names is not None:
        first.media_names = names[:most]
    return first


def chosen_examples(examples, is_chosen):
    """Those examples for which a list of bool says so."""
    numbered = tf.data.Dataset.zip(
        examples, tf.data.Dataset.from_tensor_slices(np.array(is_chosen, bool))
    )
    chosen = numbered.filter(lambda _, chosen: chosen).map(lambda example, _: example)
    names = names_of(examples)
    if names is not None:
        chosen.media_names = list(itertools.compress(names, is_chosen))
    return chosen


def joined_examples(*parts):
    """One part after the other."""
    joined = functools.reduce(tf.data.Dataset.concatenate, parts)
    names = [names_of(part) for part in parts]
    if None not in names:
        joined.media_names = list(itertools.chain(*names))
    return joined


def names_of(examples):
    """list of str, of the files as `zoo.data.read` names them; None if unknown."""
    return getattr(examples, "media_names", None)
