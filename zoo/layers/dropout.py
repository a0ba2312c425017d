"""Dropout from 8-bit random numbers."""

import keras
from keras import ops

# A random word of 32 bits holds four draws of 8 bits.
_DRAWS_PER_WORD = 4
_LEVELS = 256


@keras.saving.register_keras_serializable(package="zoo")
class Dropout(keras.layers.Layer):
    """Zeroes features at random in training, and scales up those kept.

    [Srivastava et al., 2014](https://jmlr.org/papers/v15/srivastava14a.html). Making
    random numbers is most of the work of dropout on a CPU, and one bit more than the
    decision needs is waste: here each decision costs 8 random bits, not 32. So the
    rate is rounded to a multiple of 1/256 (0.1 becomes 0.1016, 0.3 becomes 0.3008),
    and the scale is that of the rounded rate, so that the mean is exact.

    Args:
        rate: float in [0, 1). A rate that would round to 0 or 1 is drawn by Keras,
            with 32 bits.
        seed: optional int.

    Call arguments:
        x: float tensor of any shape.
        training: bool.

    Returns:
        float tensor like `x`.
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(
                f"Dropout got rate={rate}. It is the share that is zeroed: pass a "
                "number of at least 0 and below 1."
            )
        self.rate = rate
        self.seed = seed
        self.dropped_levels = round(rate * _LEVELS)
        if rate > 0:
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, x, training=False):
        if not training or self.rate == 0:
            return x
        if self.dropped_levels in (0, _LEVELS) or not x.shape[-1]:
            return keras.random.dropout(x, self.rate, seed=self.seed_generator)
        kept_share = 1 - self.dropped_levels / _LEVELS
        kept = ops.cast(self._draw(x) >= self.dropped_levels, x.dtype)
        return x * kept * (1 / kept_share)

    def _draw(self, x):
        """uint8 tensor of the shape of `x`, uniform over 0..255."""
        *rows, dim = ops.shape(x)
        words = -(-dim // _DRAWS_PER_WORD)
        draws = keras.random.randint(
            (*rows, words), -(2**31), 2**31 - 1, seed=self.seed_generator
        )
        return ops.view(draws, "uint8")[..., :dim]

    def compute_output_shape(self, input_shape):  # by this name for `summary`
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
