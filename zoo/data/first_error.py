"""Errors in a graph, which has no `raise` that leaves a neighbour alone."""

import tensorflow as tf


def first_error(*cases):
    """The message of the first (is wrong, message) that applies, `""` for none.

    Args:
        cases: pairs of a bool scalar and a string scalar.
    """
    message = tf.constant("")
    for is_wrong, words in reversed(cases):
        message = tf.where(is_wrong, words, message)
    return message
