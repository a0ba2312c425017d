"""Gradients that are clipped as a whole, not each replica's share of them.

Keras 3 clips before it sums the gradients of TensorFlow's replicas, so that the norm
which it bounds depends on how many there are.
"""

import functools

try:
    import tensorflow as tf
except ImportError:  # training on JAX alone
    tf = None


def clip_whole_gradients(optimizer):
    """Lets a keras.optimizers.Optimizer that clips sum first, among replicas."""
    while optimizer is not None:
        clips = (optimizer.clipnorm, optimizer.clipvalue, optimizer.global_clipnorm)
        if any(clips) and not hasattr(optimizer._clip_gradients, "func"):
            optimizer._clip_gradients = functools.partial(
                _clip_sum, optimizer._clip_gradients
            )
        optimizer = getattr(optimizer, "inner_optimizer", None)


def _clip_sum(clip, gradients):
    context = tf.distribute.get_replica_context()
    clipped = clip(context.all_reduce(tf.distribute.ReduceOp.SUM, gradients))
    # Keras goes on to sum what each replica gives.
    share = 1.0 / context.num_replicas_in_sync
    return [tf.math.scalar_mul(share, gradient) for gradient in clipped]
