"""A tiny task with the interface that zoo.training asks for."""

import keras
import numpy as np
import tensorflow as tf

from zoo.data.epoch_dataset import epoch_dataset

EXAMPLES = [
    {"source": "a dog", "target": "ein Hund"},
    {"source": "a cat", "target": b"eine Katze"},
    {"source": tf.constant("two cats"), "target": tf.constant("zwei Kätzchen")},
]


def tiny_model(seed=0, units=3):
    """Has dropout and a schedule, which a resume must carry over."""
    initializer = keras.initializers.GlorotUniform(seed)
    model = keras.Sequential(
        [
            keras.layers.Input((4,)),
            keras.layers.Dense(units, kernel_initializer=initializer),
            keras.layers.Dropout(0.5, seed=seed),
            keras.layers.Dense(1, kernel_initializer=initializer),
        ]
    )
    schedule = keras.optimizers.schedules.ExponentialDecay(0.05, 3, 0.9)
    adam = keras.optimizers.Adam(schedule)
    model.compile(adam, loss="mse", metrics=["mae"], jit_compile=False)
    return model


class Task:
    """Its BLEU is what the test says, or follows from the weights."""

    def __init__(self, bleu=None, **model):
        self.model = tiny_model(**model)
        self.bleu = None if bleu is None else iter(bleu)

    def evaluate(self, examples, num_beams=4):
        weights = self.model.get_weights()
        bleu = float(weights[0].sum()) if self.bleu is None else next(self.bleu)
        return {"bleu": bleu, "chrf": 1.0, "bleu_signature": "nrefs:1|case:mixed"}

    def generate(self, texts, num_beams=4):
        return [f"{text.upper()} by {num_beams} beams" for text in texts]


def batches(first_epoch=0):
    """The same two batches every epoch."""
    x = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
    pairs = (x, x.sum(axis=1, keepdims=True))
    return tf.data.Dataset.from_tensor_slices(pairs).batch(8)


class Interrupt(keras.callbacks.Callback):
    """Ctrl-C in the middle of an epoch (from 0)."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.epoch and batch == 1:
            raise KeyboardInterrupt


class Epochs:
    """Epochs of seven batches, none like another; those in `bad` hold a NaN."""

    num_batches = 7

    def __init__(self, bad=()):
        self.bad = bad

    def batches(self, epoch):
        for step in range(self.num_batches):
            x = np.random.default_rng([epoch, step]).normal(size=(8, 4))
            if (epoch, step) in self.bad:
                x[0] = np.nan
            yield x.astype("float32"), x.sum(axis=1, keepdims=True).astype("float32")

    def __call__(self, first_epoch=0):
        signature = (
            tf.TensorSpec((8, 4), tf.float32),
            tf.TensorSpec((8, 1), tf.float32),
        )
        return epoch_dataset(self, signature, first_epoch)


class Stop(keras.callbacks.Callback):
    """Calls `act` once, behind a batch of an epoch (from 0)."""

    def __init__(self, epoch, batch, act):
        super().__init__()
        self.where = [epoch, batch]
        self.act = act

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if [self.now, batch] == self.where:
            self.act()
