"""What Keras 3 does by each of TensorFlow's replicas, made to be as by one device.

It clips gradients before it sums them, so that the norm which it bounds depends on how
many replicas there are; it looks for overflow in the first replica's alone; and batch
normalization takes the statistics of each replica's rows.
"""

import contextlib
import functools

import keras

try:
    import tensorflow as tf
except ImportError:  # training on JAX alone
    tf = None

from zoo.losses import ContrastiveCrossentropy


@contextlib.contextmanager
def as_one_device(model, num_replicas):
    """Lets several replicas train a compiled model as one device would.

    Raises:
        ValueError: they cannot, with its loss or its optimizer.
    """
    if num_replicas > 1 and isinstance(model.loss, ContrastiveCrossentropy):
        raise ValueError(
            f"{num_replicas} devices train together, and the loss compares each row "
            "of a batch with all others, which other devices have. Train on one: "
            "distribute='none' (--distribute none)."
        )
    norms = []
    if num_replicas > 1 and keras.backend.backend() == "tensorflow":
        _refuse_accumulation(model.optimizer, num_replicas)
        _clip_whole_gradients(model.optimizer)
        _agree_on_overflow(model.optimizer)
        kind = keras.layers.BatchNormalization
        norms = [x for x in model._flatten_layers() if isinstance(x, kind)]
        norms = [norm for norm in norms if not norm.synchronized]
    for norm in norms:
        norm.synchronized = True
    try:
        yield
    finally:
        for norm in norms:  # what is saved is read on other backends, which refuse it
            norm.synchronized = False


def _refuse_accumulation(optimizer, num_replicas):
    """Keras cannot accumulate gradients within TensorFlow's replicas."""
    while optimizer is not None:
        steps = getattr(optimizer, "gradient_accumulation_steps", None) or 1
        if steps > 1:
            raise ValueError(
                f"gradient_accumulation_steps={steps}, and {num_replicas} devices "
                "train together, which Keras cannot do both on TensorFlow. Accumulate "
                "on one device: distribute='none' (--distribute none), or on JAX."
            )
        optimizer = getattr(optimizer, "inner_optimizer", None)


def _clip_whole_gradients(optimizer):
    """Lets a keras.optimizers.Optimizer that clips sum first, among replicas."""
    while optimizer is not None:
        clips = ("clipnorm", "clipvalue", "global_clipnorm")
        clips = any(getattr(optimizer, name, None) for name in clips)
        if clips and not hasattr(optimizer._clip_gradients, "func"):
            optimizer._clip_gradients = functools.partial(
                _clip_sum, optimizer._clip_gradients
            )
        optimizer = getattr(optimizer, "inner_optimizer", None)


def _agree_on_overflow(optimizer):
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
