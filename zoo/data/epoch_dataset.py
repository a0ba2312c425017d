"""Epochs that are functions of their number, as one `tf.data.Dataset`."""

import numpy as np
import tensorflow as tf


def epoch_dataset(epochs, signature, first_epoch):
    """The endless row of epochs as a dataset that gives one each iteration.

    Args:
        epochs: has `num_batches`, the same in every epoch, and `batches(epoch)`.
        signature: `tf.TensorSpec`s of what that yields.
        first_epoch: int, from 0. The epoch to begin with.
    """
    if first_epoch < 0:
        raise ValueError(f"first_epoch={first_epoch}. Epochs are counted from 0.")
    with tf.device("CPU:0"):
        epoch = tf.Variable(first_epoch, dtype=tf.int64, trainable=False)

    def batches():
        for step, batch in enumerate(epochs.batches(int(epoch.numpy())), start=1):
            yield step == epochs.num_batches, batch

    def count(is_last, batch):
        epoch.assign_add(tf.cast(is_last, tf.int64))
        return batch

    dataset = tf.data.Dataset.from_generator(
        batches, output_signature=(tf.TensorSpec([], tf.bool), signature)
    )
    # Counted after the prefetching: when a batch is asked for, not when it is made.
    dataset = dataset.prefetch(4).map(count)
    options = tf.data.Options()
    options.experimental_optimization.inject_prefetch = False
    # Nothing here is left to tune, and TensorFlow's tuner can miss that an iterator
    # ends: the epoch then hangs until the next look, as far off as it was long.
    options.autotune.enabled = False
    return dataset.with_options(options).apply(
        tf.data.experimental.assert_cardinality(epochs.num_batches)
    )


def with_mean_one(batches, batches_per_update):
    """Scales the weights of (inputs, labels, weight) so that their mean is 1.

    The loss, a sum over the places of a batch divided by their number, is then the mean
    over those of weight 1 in the batch or, with several batches an update of the
    weights, in all of these, each counted alike.
    """
    update = []
    for batch in batches:
        update.append(batch)
        if len(update) == batches_per_update:
            yield from _scaled(update)
            update = []
    if update:
        yield from _scaled(update)


def _scaled(update):
    real = np.mean([weight.sum() for _, _, weight in update])
    for inputs, labels, weight in update:
        yield inputs, labels, weight * np.float32(weight.size / max(real, 1e-6))


def check_batches_per_update(batches_per_update):
    """Raises where an update would take no batch."""
    if batches_per_update < 1:
        raise ValueError(
            f"batches_per_update={batches_per_update}. An update of the weights "
            "takes at least one batch: pass the optimizer's "
            "gradient_accumulation_steps, or 1 where it has none."
        )
