"""What Keras 3 does to gradients before it sums those of TensorFlow's replicas.

It clips them, so that the norm which it bounds depends on how many replicas there are;
and it looks for overflow in the first replica's alone.
"""

import functools

import keras

try:
    import tensorflow as tf
except ImportError:  # training on JAX alone
    tf = None


def clip_whole_gradients(optimizer):
    """Lets a keras.optimizers.Optimizer that clips sum first, among replicas."""
    while optimizer is not None:
        clips = ("clipnorm", "clipvalue", "global_clipnorm")
        clips = any(getattr(optimizer, name, None) for name in clips)
        if clips and not hasattr(optimizer._clip_gradients, "func"):
            optimizer._clip_gradients = functools.partial(
                _clip_sum, optimizer._clip_gradients
            )
        optimizer = getattr(optimizer, "inner_optimizer", None)


def agree_on_overflow(optimizer):
    """Lets no replica go on where the gradients of one are not finite."""
    scales = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if scales and not hasattr(optimizer.check_finite, "func"):
        optimizer.check_finite = functools.partial(_all_finite, optimizer.check_finite)


def _clip_sum(clip, gradients):
    context = tf.distribute.get_replica_context()
    clipped = clip(context.all_reduce(tf.distribute.ReduceOp.SUM, gradients))
    # Keras goes on to sum what each replica gives.
    share = 1.0 / context.num_replicas_in_sync
    return [tf.math.scalar_mul(share, gradient) for gradient in clipped]


def _all_finite(check_finite, gradients):
    finite = tf.cast(check_finite(gradients), tf.float32)
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, finite) > 0.999
