"""Teaches an encoder of images which words are said of them, before sentences."""

import math
import types

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from zoo.data.image_words import image_word_batches
from zoo.schedules import warmup_cosine
from zoo.tasks.compiling import should_jit_compile
from zoo.training.fit import fit

_WARMUP_SHARE = 0.05


def learn_image_words(
    captioner,
    examples,
    *,
    epochs,
    run_dir,
    batch_size=48,
    learning_rate=1e-3,
    weight_decay=0.05,
    dropout=0.2,
    seed=0,
    settings=None,
    resume=True,
    **fit_arguments,
):
    """Trains `captioner.model.image_encoder` to tell the words of an image's captions.

    The decoder of a captioner with random weights learns at first what is said of any
    image, and, where there are only thousands, little more: what its encoder gives is
    noise to it. So the encoder learns first, alone and much faster: a dense layer on
    the mean of its places scores every token, which is right if a caption of the image
    has it, as the word detectors of
    [Fang et al., 2015](https://arxiv.org/abs/1411.4952), section 3.

    >>> zoo.training.learn_image_words(
    ...     captioner, examples, epochs=30, run_dir="runs/flickr8k-words"
    ... )
    >>> captioner.model.fit(captioner.batches(examples), epochs=30, shuffle=False)

    Args:
        captioner: `zoo.ImageCaptioner`. Only its encoder changes.
        examples: as `captioner.batches` takes them.
        epochs: int.
        run_dir, settings, resume: as in `zoo.training.fit`, which goes on where a run
            stopped.
        batch_size, seed: of `zoo.data.image_word_batches`.
        learning_rate: float. The peak of a schedule that falls to 0 like a cosine.
        weight_decay, dropout: float. Of AdamW, and before the dense layer.
        **fit_arguments: of `zoo.training.fit`.

    Returns:
        dict of lists: the metrics of every epoch.
    """
    tokenizer = captioner.tokenizer

    def batches(first_epoch):
        return image_word_batches(
            examples,
            tokenizer,
            image_size=captioner.image_size,
            batch_size=batch_size,
            max_length=captioner.model.max_length,
            seed=seed,
            first_epoch=first_epoch,
        )

    first = batches(0)  # holds all images: made once where a run begins
    scores = keras.layers.Dense(
        tokenizer.vocabulary_size(), dtype="float32", name="scores"
    )
    model = _word_model(captioner.model, scores, dropout)
    scores.bias.assign(_log_odds(examples, tokenizer))
    num_steps = int(first.cardinality()) * epochs
    schedule = warmup_cosine(
        learning_rate, math.ceil(_WARMUP_SHARE * num_steps), num_steps
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(
            schedule, weight_decay=weight_decay, beta_2=0.98
        ),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        loss_weights=[float(scores.units)],  # the sum over tokens, not their mean
        jit_compile=should_jit_compile(),
    )
    return fit(
        types.SimpleNamespace(model=model),
        lambda epoch: batches(epoch) if epoch else first,
        epochs=epochs,
        run_dir=run_dir,
        settings=settings,
        average=None,
        resume=resume,
        **fit_arguments,
    )


def _word_model(captioning_model, scores, dropout):
    """Images `(B, H, W, 3)` -> logits of the tokens `(B, V)`."""
    images = keras.Input((*captioning_model.image_size, 3))
    memory = captioning_model.image_encoder(images)
    places = tuple(range(1, len(memory.shape) - 1))
    mean = ops.mean(ops.cast(memory, "float32"), axis=places)
    dropped = keras.layers.Dropout(dropout, dtype="float32")(mean)
    return keras.Model(images, scores(dropped), name="image_words")


def _log_odds(examples, tokenizer):
    """How common each token is: what is said of an image that nobody has seen."""
    size = tokenizer.vocabulary_size()

    def words(example):
        ids = tokenizer.tokenize(example["captions"]).flat_values
        return tf.math.bincount(ids, None, size, size, tf.float32, binary_output=True)

    def add(sums, row):
        return sums[0] + row, sums[1] + 1.0

    count, total = examples.map(words).reduce((tf.zeros(size), 0.0), add)
    return np.log((count + 0.1) / (total - count + 0.1))
