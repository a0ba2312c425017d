"""Which words are said of an image: what its encoder learns before sentences."""

import keras
import tensorflow as tf
from keras import ops

from zoo.data.captioning import check_captioned_images
from zoo.data.image_words import image_word_batches
from zoo.schedules import InverseSquareRoot
from zoo.tasks.compiling import should_jit_compile


class ImageWords:
    """Trains the image encoder of a captioner to tell the words of captions.

    The decoder of a captioner with random weights learns at first what is said of any
    image and, where there are only thousands, little more: what its encoder gives is
    noise to it. So the encoder learns first, alone and much faster: a dense layer on
    the mean of its places scores every token, which is right if a caption of the image
    has it, as the word detectors of
    [Fang et al., 2015](https://arxiv.org/abs/1411.4952), section 3.

    >>> words = zoo.tasks.ImageWords(captioner, examples)
    >>> words.model.fit(words.batches(), epochs=40, shuffle=False)
    >>> captioner.model.fit(captioner.batches(examples), epochs=30, shuffle=False)

    Args:
        captioner: `zoo.ImageCaptioner`. Only its encoder learns.
        examples: as `captioner.batches` takes them.
        dropout: float. Before the dense layer.

    Attributes:
        model: keras.Model, compiled, images `(B, H, W, 3)` -> logits `(B, V)`.
    """

    def __init__(self, captioner, examples, dropout=0.2):
        check_captioned_images(examples)
        encoder = captioner.model.image_encoder
        if not encoder.trainable_variables:
            raise ValueError(
                "ImageWords got a captioner whose image_encoder is frozen: it has "
                "nothing that could learn. Set its trainable to True, or leave out "
                "this step."
            )
        self.captioner = captioner
        self.examples = examples
        images = keras.Input((*captioner.image_size, 3))
        (memory,) = keras.tree.flatten(encoder(images))  # may have a name
        places = tuple(range(1, len(memory.shape) - 1))
        mean = ops.mean(ops.cast(memory, "float32"), axis=places)
        scores = keras.layers.Dense(
            captioner.tokenizer.vocabulary_size(), dtype="float32", name="scores"
        )
        dropped = keras.layers.Dropout(dropout, dtype="float32")(mean)
        self.model = keras.Model(images, scores(dropped), name="image_words")
        scores.bias.assign(_log_odds(examples, captioner.tokenizer))
        self.compile(InverseSquareRoot(1e-3, warmup_steps=500))

    def compile(self, learning_rate, weight_decay=0.05):
        """Compiles with another learning rate, a float or a schedule."""
        vocabulary_size = self.model.output_shape[-1]
        self.model.compile(
            optimizer=keras.optimizers.AdamW(
                learning_rate, weight_decay=weight_decay, beta_2=0.98
            ),
            loss=keras.losses.BinaryCrossentropy(from_logits=True),
            loss_weights=[float(vocabulary_size)],  # the sum over tokens, not the mean
            jit_compile=should_jit_compile(),
        )

    def batches(self, **options):
        """(images, words) for `model.fit`, with `shuffle=False`.

        Args:
            **options: of `zoo.data.image_word_batches`: `batch_size`, `flip`, `seed`,
                `first_epoch`.
        """
        return image_word_batches(
            self.examples,
            self.captioner.tokenizer,
            image_size=self.captioner.image_size,
            **{"max_length": self.captioner.model.max_length, **options},
        )


def _log_odds(examples, tokenizer):
    """How common each token is: what is said of an image that nobody has seen."""
    size = tokenizer.vocabulary_size()

    def words(example):
        ids = tokenizer.tokenize(example["captions"]).flat_values
        return tf.math.bincount(ids, None, size, size, tf.float32, binary_output=True)

    def add(sums, row):
        return sums[0] + row, sums[1] + 1.0

    count, total = examples.map(words).reduce((tf.zeros(size), 0.0), add)
    return tf.math.log((count + 0.1) / (total - count + 0.1))
