"""What encoder and decoder blocks share: arguments, norms and the residual rule."""

import keras

from zoo.layers.attention import MultiHeadAttention
from zoo.layers.dropout import Dropout
from zoo.layers.feed_forward import FeedForward
from zoo.layers.layer_norm import LayerNorm


class TransformerBlock(keras.layers.Layer):
    """Abstract: make a `TransformerEncoderBlock` or a `TransformerDecoderBlock`.

    Post-norm (`norm_first=False`) is `norm(x + dropout(sublayer(x)))`, as in
    [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762); pre-norm is
    `x + dropout(sublayer(norm(x)))`.

    Args:
        num_heads: int that divides `hidden_dim`.
        hidden_dim: int. Size of the last axis, in and out.
        intermediate_dim: int. Size inside the feed-forward layers.
        dropout: float in [0, 1), on each sublayer's output. Defaults to `0.0`.
        activation: of the feed-forward layers, as `FeedForward` takes it.
        norm_first: bool. Defaults to `False`.
        norm: `"layer"` or `"rms"`.
        attention_dropout: float in [0, 1), on attention probabilities.
        num_key_value_heads: int that divides `num_heads`. Defaults to `num_heads`.
        positions: None, `"rotary"` or `"alibi"`, in self-attention.
        norm_epsilon: float. Defaults to `1e-5`.
        use_key_bias: bool. See `MultiHeadAttention`.
    """

    def __init__(
        self,
        num_heads,
        hidden_dim,
        intermediate_dim,
        dropout=0.0,
        activation="relu",
        norm_first=False,
        *,
        norm="layer",
        attention_dropout=0.0,
        num_key_value_heads=None,
        positions=None,
        norm_epsilon=1e-5,
        use_key_bias=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.norm_first = norm_first
        self.norm = norm
        self.attention_dropout = attention_dropout
        self.num_key_value_heads = num_key_value_heads
        self.positions = positions
        self.norm_epsilon = norm_epsilon
        self.use_key_bias = use_key_bias
        self.self_attention = self._attention("self_attention", positions)
        self.self_attention_norm = self.make_norm("self_attention_norm")
        self.feed_forward = FeedForward(
            hidden_dim,
            intermediate_dim,
            activation,
            dtype=self.dtype_policy,
            name="feed_forward",
        )
        self.feed_forward_norm = self.make_norm("feed_forward_norm")
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    def _attention(self, name, positions):
        return MultiHeadAttention(
            self.num_heads,
            self.hidden_dim,
            num_key_value_heads=self.num_key_value_heads,
            dropout=self.attention_dropout,
            use_key_bias=self.use_key_bias,
            positions=positions,
            dtype=self.dtype_policy,
            name=name,
        )

    def make_norm(self, name):
        common = {
            "epsilon": self.norm_epsilon,
            "dtype": self.dtype_policy,
            "name": name,
        }
        if self.norm == "layer":
            return LayerNorm(**common)
        if self.norm == "rms":
            # Given a list, the layer leaves its own config alone when it is built.
            return keras.layers.RMSNormalization(axis=[-1], **common)
        raise ValueError(
            f"{type(self).__name__} got norm={self.norm!r}. Choose 'layer' or 'rms'."
        )

    def build(self, x_shape):
        for layer in (
            self.self_attention,
            self.self_attention_norm,
            self.feed_forward,
            self.feed_forward_norm,
        ):
            layer.build(x_shape)

    def _enter(self, x, norm):
        return norm(x) if self.norm_first else x

    def _leave(self, x, sublayer_output, norm):
        x = x + self.dropout(sublayer_output)
        return x if self.norm_first else norm(x)

    def _feed(self, x):
        y = self.feed_forward(self._enter(x, self.feed_forward_norm))
        return self._leave(x, y, self.feed_forward_norm)

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "intermediate_dim": self.feed_forward.intermediate_dim,
            "dropout": self.dropout.rate,
            "activation": self.feed_forward.get_config()["activation"],
            "norm_first": self.norm_first,
            "norm": self.norm,
            "attention_dropout": self.attention_dropout,
            "num_key_value_heads": self.num_key_value_heads,
            "positions": self.positions,
            "norm_epsilon": self.norm_epsilon,
            "use_key_bias": self.use_key_bias,
        }
