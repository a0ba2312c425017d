"""How a model is compiled where nothing else is said."""

import keras

from zoo.losses import ContrastiveCrossentropy, SmoothedCrossentropy
from zoo.schedules import InverseSquareRoot
from zoo.tasks.compiling import should_jit_compile
from zoo.tasks.sparse_ctc import SparseCTC


def compile_translation_model(model):
    """Compiles with what trains well from scratch (Vaswani et al. 2017, section 5)."""
    warmup_steps = 4000
    peak = (model.hidden_dim * warmup_steps) ** -0.5
    model.compile(
        optimizer=keras.optimizers.Adam(
            InverseSquareRoot(peak, warmup_steps), beta_2=0.98, epsilon=1e-9
        ),
        loss=SmoothedCrossentropy(),
        jit_compile=should_jit_compile(),
    )


def compile_captioning_model(model):
    """Compiles with what trains well from scratch."""
    model.compile(
        optimizer=keras.optimizers.AdamW(
            InverseSquareRoot(5e-4, warmup_steps=1000),
            weight_decay=0.01,
            beta_2=0.98,
            global_clipnorm=1.0,
        ),
        loss=SmoothedCrossentropy(),
        jit_compile=should_jit_compile(),
    )


def compile_speech_model(model, ctc_weight=0.3):
    """Compiles with what trains well from scratch."""
    model.compile(
        optimizer=keras.optimizers.AdamW(
            InverseSquareRoot(1e-3, warmup_steps=1000),
            weight_decay=0.01,
            beta_2=0.98,
            global_clipnorm=1.0,
        ),
        **speech_losses(ctc_weight),
        jit_compile=should_jit_compile(),
    )


def speech_losses(ctc_weight, label_smoothing=0.1):
    """`loss` and `loss_weights` for `compile`; a loss of weight 0 is not computed.

    With `ctc_weight=0` CTC learns nothing, so that times of words and recordings of
    more than one window are guesses; with 1 the decoder learns nothing: pass
    `ctc=True` wherever something is transcribed. The losses of CTC and of the decoder
    are added with weights of sum 1
    ([Watanabe et al., 2017](https://arxiv.org/abs/1609.06773)).
    """
    if not 0 <= ctc_weight <= 1:
        raise ValueError(
            f"ctc_weight must be in 0 ... 1, got {ctc_weight}. A usual one is 0.3."
        )
    losses = {"ctc": ctc_loss(), "tokens": SmoothedCrossentropy(label_smoothing)}
    weights = {"ctc": ctc_weight, "tokens": 1.0 - ctc_weight}
    used = [name for name, weight in weights.items() if weight]
    return {
        "loss": {name: losses[name] for name in used},
        "loss_weights": {name: weights[name] for name in used},
    }


def ctc_loss():
    """The faster one, where it goes with how models are compiled."""
    return keras.losses.CTC() if should_jit_compile() else SparseCTC()


def compile_classification_model(model, multi_label=False):
    """Compiles with what trains well from scratch; a trained encoder wants less.

    Fine-tuning takes a peak of 2e-5 to 5e-5 ([Devlin et al., 2018](
    https://arxiv.org/abs/1810.04805), section A.3): compile again with that.
    """
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    if multi_label:
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        accuracy = keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)
    model.compile(
        optimizer=keras.optimizers.AdamW(
            InverseSquareRoot(5e-4, warmup_steps=500),
            weight_decay=0.01,
            global_clipnorm=1.0,
        ),
        loss=loss,
        weighted_metrics=[accuracy],
        jit_compile=should_jit_compile(),
    )


def compile_masked_language_model(model):
    """Compiles with what trains small models well from scratch."""
    model.compile(
        optimizer=keras.optimizers.AdamW(
            InverseSquareRoot(1e-3, warmup_steps=1000),
            weight_decay=0.01,
            beta_2=0.98,
            global_clipnorm=1.0,
        ),
        loss=SmoothedCrossentropy(label_smoothing=0.0),
        weighted_metrics=[
            keras.metrics.SparseCategoricalAccuracy(name="masked_accuracy")
        ],
        jit_compile=should_jit_compile(),
    )


def compile_embedding_model(model):
    """Compiles with what trains well from scratch; a trained encoder wants less."""
    if model.encoder.pooler is not None:  # published weights may have one
        model.encoder.pooler.trainable = False  # nothing that trains reads it
    model.compile(
        optimizer=keras.optimizers.AdamW(
            InverseSquareRoot(5e-4, warmup_steps=500),
            weight_decay=0.01,
            global_clipnorm=1.0,
        ),
        loss=ContrastiveCrossentropy(),
        jit_compile=should_jit_compile(),
    )
