"""Learning-rate schedules of Transformers."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class InverseSquareRoot(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly for `warmup_steps`, then falls with `1 / sqrt(step)`.

    Section 5.3 of [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), with
    the peak as an argument; their peak is `(hidden_dim * warmup_steps) ** -0.5`.

    >>> schedule = InverseSquareRoot(1e-3, warmup_steps=100)
    >>> [float(schedule(step)) for step in (50, 100, 400)]
    [0.0005, 0.001, 0.0005]

    Args:
        peak_learning_rate: float. The rate at step `warmup_steps`.
        warmup_steps: int > 0. Number of updates of the rising part.
    """

    def __init__(self, peak_learning_rate, warmup_steps=4000):
        if peak_learning_rate <= 0 or warmup_steps <= 0:
            raise ValueError(
                "InverseSquareRoot needs a positive peak_learning_rate and positive "
                f"warmup_steps, got {peak_learning_rate} and {warmup_steps}."
            )
        self.peak_learning_rate = peak_learning_rate
        self.warmup_steps = warmup_steps

    def __call__(self, step):
        # The optimizer counts from 0; an update with rate 0 would be wasted.
        step = ops.maximum(ops.cast(step, "float32"), 1.0)
        rising = step / self.warmup_steps
        falling = ops.sqrt(self.warmup_steps / step)
        return self.peak_learning_rate * ops.minimum(rising, falling)

    def get_config(self):
        return {
            "peak_learning_rate": self.peak_learning_rate,
            "warmup_steps": self.warmup_steps,
        }


def warmup_cosine(peak_learning_rate, warmup_steps, num_steps):
    """Rises linearly for `warmup_steps`, then falls to 0 like a cosine.

    [Loshchilov and Hutter, 2017](https://arxiv.org/abs/1608.03983), section 3, without
    restarts, as `keras.optimizers.schedules.CosineDecay` has it.

    Args:
        peak_learning_rate: float. The rate at step `warmup_steps`.
        warmup_steps: int. Number of updates of the rising part.
        num_steps: int. Number of all updates.

    Returns:
        keras.optimizers.schedules.CosineDecay.
    """
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        warmup_target=peak_learning_rate,
        warmup_steps=warmup_steps,
        decay_steps=max(num_steps - warmup_steps, 1),
    )
