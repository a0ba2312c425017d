"""The two dense layers of a Transformer block."""

import functools

import keras
from keras import ops

from zoo.layers.dropout import Dropout

_GATED = {"swiglu": "silu", "geglu": "gelu"}
# Names beside those that Keras knows.
_NAMED = {"gelu_tanh": functools.partial(keras.activations.gelu, approximate=True)}


@keras.saving.register_keras_serializable(package="zoo")
class FeedForward(keras.layers.Layer):
    """Applies the same two dense layers to every position.

    Computes `contract(dropout(activation(expand(x))))`, eq. 2 of
    [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), or, gated,
    `contract(dropout(activation(gate(x)) * expand(x)))` of
    [Shazeer, 2020](https://arxiv.org/abs/2002.05202).

    Args:
        hidden_dim: int. Size of the last axis, in and out.
        intermediate_dim: int. Size between the two layers, often
            `4 * hidden_dim`, or two thirds of that when gated.
        activation: str or callable: a Keras activation, `"gelu_tanh"` (the
            approximation of the first BERTs), or `"swiglu"` or `"geglu"` (gated; the
            latter with exact GELU). Defaults to `"relu"`.
        dropout: float in [0, 1). Defaults to `0.0`.
        use_bias: bool. Defaults to `True`.

    Call arguments:
        x: float tensor `(batch, length, hidden_dim)`.

    Returns:
        float tensor `(batch, length, hidden_dim)`.
    """

    def __init__(
        self,
        hidden_dim,
        intermediate_dim,
        activation="relu",
        dropout=0.0,
        use_bias=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.activation = activation
        self.use_bias = use_bias
        self.is_gated = isinstance(activation, str) and activation in _GATED

        def dense(name, units, activation=None):
            return keras.layers.Dense(
                units, activation, use_bias, dtype=self.dtype_policy, name=name
            )

        if self.is_gated:
            self.gate = dense("gate", intermediate_dim, _GATED[activation])
            self.expand = dense("expand", intermediate_dim)
        else:
            function = activation_function(activation)
            self.expand = dense("expand", intermediate_dim, function)
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.contract = dense("contract", hidden_dim)

    def build(self, x_shape):
        if x_shape[-1] != self.hidden_dim:
            raise ValueError(
                f"FeedForward(hidden_dim={self.hidden_dim}) got an input whose last "
                f"axis is {x_shape[-1]} (shape {tuple(x_shape)}). Pass "
                f"hidden_dim={x_shape[-1]}, or project the input first."
            )
        if self.is_gated:
            self.gate.build(x_shape)
        self.expand.build(x_shape)
        self.contract.build((*x_shape[:-1], self.intermediate_dim))

    def call(self, x):
        return in_rows(self._of_rows, x)

    def _of_rows(self, x):
        expanded = self.expand(x)
        if self.is_gated:
            expanded = self.gate(x) * expanded
        return self.contract(self.dropout(expanded))

    def compute_output_shape(self, x_shape):
        return tuple(x_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "intermediate_dim": self.intermediate_dim,
            "activation": plain_activation(self.activation),
            "dropout": self.dropout.rate,
            "use_bias": self.use_bias,
        }


def plain_activation(activation):
    """What a config holds of an activation: its name, or what Keras reads it from."""
    if isinstance(activation, str):
        return activation
    return keras.activations.serialize(activation)


def in_rows(function, x):
    """Calls a function of `(places, features)` on the places of all rows of `x`.

    TensorFlow joins a matrix product with its bias and activation only where nothing
    stands between them, and Keras puts a reshape between for more than two axes.

    >>> in_rows(dense, x)  # what dense(x) gives

    Args:
        function: callable. float `(places, dim)` -> float `(places, other_dim)`.
        x: float tensor `(..., dim)`.

    Returns:
        float tensor `(..., other_dim)`.
    """
    *shape, dim = ops.shape(x)
    rows = function(ops.reshape(x, (-1, dim)))
    return ops.reshape(rows, (*shape, rows.shape[-1]))


def activation_function(activation):
    """The function behind an `activation` of `FeedForward`; of a gated one, its gate's.

    >>> activation_function("gelu_tanh")(x)
    """
    if isinstance(activation, str):
        activation = _GATED.get(activation, activation)
        activation = _NAMED.get(activation, activation)
    return keras.activations.get(activation)
