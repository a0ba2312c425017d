"""An epoch of batches as arrays, to look at and to compare."""

import numpy as np
import tensorflow as tf


def epoch_of(dataset):
    return [tf.nest.map_structure(lambda x: x.numpy(), batch) for batch in dataset]


def flat(epoch):
    return [array for batch in epoch for array in tf.nest.flatten(batch)]


def same(first, second):
    first, second = flat(first), flat(second)
    return len(first) == len(second) and all(
        np.array_equal(a, b) for a, b in zip(first, second, strict=True)
    )
