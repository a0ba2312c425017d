"""Losses that Keras lacks."""

import keras
from keras import ops

_NEVER = -1e9  # as a score, a probability of 0
_SMALLEST = 1e-24  # of a squared length to divide by


@keras.saving.register_keras_serializable(package="zoo")
class SmoothedCrossentropy(keras.losses.Loss):
    """Label-smoothed cross-entropy on integer labels.

    The target distribution puts `1 - label_smoothing` on the label and spreads
    `label_smoothing` evenly over the whole vocabulary, section 5.4 of
    [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762). No one-hot tensor
    is made, and the gradient is written by hand: one softmax serves both ways.

    The reduction is a plain mean over all positions. Give it sample weights that
    are 0 on padding and have mean 1 over the batch, as the pipelines of
    `zoo.data` do, and it is the exact mean over real tokens, also on replicas
    and (with `batches_per_update`) under gradient accumulation.

    Args:
        label_smoothing: float in [0, 1). Defaults to `0.1`.

    Call arguments:
        y_true: int tensor `(batch, length)`.
        y_pred: logits `(batch, length, vocabulary_size)`.
    """

    def __init__(self, label_smoothing=0.1, name="smoothed_crossentropy", **kwargs):
        super().__init__(name=name, **kwargs)
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                f"label_smoothing must be in [0, 1), got {label_smoothing}. The "
                "paper's value is 0.1; 0 gives plain cross-entropy."
            )
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        return smoothed_crossentropy(y_true, y_pred, self.label_smoothing)

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable(package="zoo")
class ContrastiveCrossentropy(keras.losses.Loss):
    """Cross-entropy of the choice which other row of a batch belongs to a row.

    With `s` the cosine of two rows divided by `temperature`, the loss of row i is the
    mean over its partners j of `-log(exp(s_ij) / sum over k != i of exp(s_ik))`:
    equation 1 of [Chen et al., 2020](https://arxiv.org/abs/2002.05709) where there is
    one partner, equation 2 of [Khosla et al., 2020](https://arxiv.org/abs/2004.11362)
    where there are several.

    Args:
        temperature: float. Defaults to `0.05`, as in
            [Gao et al., 2021](https://arxiv.org/abs/2104.08821).

    Call arguments:
        y_true: int tensor `(rows,)`, equal for rows that belong together; rows with a
            negative number are no partners and not chosen from.
        y_pred: float tensor `(rows, hidden_dim)`, of any length.
    """

    def __init__(self, temperature=0.05, name="contrastive_crossentropy", **kwargs):
        super().__init__(name=name, **kwargs)
        if not temperature > 0:
            raise ValueError(
                f"temperature must be over 0, got {temperature}. A usual one is 0.05."
            )
        self.temperature = temperature

    def call(self, y_true, y_pred):
        labels = ops.reshape(ops.cast(y_true, "int32"), (-1,))
        rows = ops.cast(y_pred, "float32")
        squared = ops.sum(ops.square(rows), axis=-1, keepdims=True)
        # A row of zeros has a slope of 0, where a square root would have none.
        rows = rows * ops.rsqrt(ops.maximum(squared, _SMALLEST))
        scores = ops.matmul(rows, ops.transpose(rows)) / self.temperature
        is_other = ops.logical_not(ops.eye(ops.shape(labels)[0], dtype="bool"))
        is_choice = ops.logical_and(is_other, ops.expand_dims(labels >= 0, axis=0))
        scores = ops.where(is_choice, scores, _NEVER)
        log_probability = scores - ops.logsumexp(scores, axis=-1, keepdims=True)
        is_partner = ops.equal(*(ops.expand_dims(labels, axis) for axis in (0, 1)))
        is_partner = ops.logical_and(is_partner, is_choice)
        total = ops.sum(ops.where(is_partner, log_probability, 0.0), axis=-1)
        count = ops.sum(ops.cast(is_partner, "float32"), axis=-1)
        return -total / ops.maximum(count, 1.0)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}


def smoothed_crossentropy(labels, logits, label_smoothing=0.1):
    """int `(...)`, logits `(..., vocabulary_size)` -> float32 loss `(...)`.

    With `z` the logits, `y` the label, `e` the smoothing and `V` the vocabulary:

        loss    = logsumexp(z) - (1 - e) z[y] - e mean(z)
        d / d z = softmax(z) - e / V - (1 - e) onehot(y)
    """
    shape = ops.shape(logits)
    labels = ops.reshape(ops.cast(labels, "int32"), (-1,))
    rows = ops.cast(ops.reshape(logits, (-1, shape[-1])), "float32")

    @ops.custom_gradient
    def loss_of(rows):
        index = ops.expand_dims(labels, axis=-1)
        probability = ops.softmax(rows, axis=-1)
        # The largest probability is at least 1 / V, so its logarithm is safe.
        log_sum = ops.max(rows, axis=-1) - ops.log(ops.max(probability, axis=-1))
        at_label = ops.squeeze(ops.take_along_axis(rows, index, axis=-1), axis=-1)
        loss = log_sum - (1.0 - label_smoothing) * at_label
        if label_smoothing:
            loss -= label_smoothing * ops.mean(rows, axis=-1)

        def gradient(*upstreams, upstream=None):
            scale = ops.expand_dims(
                upstreams[0] if upstream is None else upstream, axis=-1
            )
            everywhere = (probability - label_smoothing / shape[-1]) * scale
            label_part = ops.take_along_axis(everywhere, index, axis=-1)
            label_part -= (1.0 - label_smoothing) * scale
            where = ops.stack([ops.arange(ops.shape(labels)[0]), labels], axis=-1)
            return ops.scatter_update(
                everywhere, where, ops.squeeze(label_part, axis=-1)
            )

        return loss, gradient

    return ops.reshape(loss_of(rows), shape[:-1])
