"""Images with captions to batches for training a captioning model."""

import logging
import re

import numpy as np
import tensorflow as tf

from zoo.data.augmentation import NUM_DRAWS, augment
from zoo.data.epoch_dataset import epoch_dataset
from zoo.data.image_decoding import fitted_image
from zoo.data.places import Places
from zoo.data.row_epochs import RowEpochs
from zoo.data.tokenized_texts import check_examples
from zoo.data.unusable import Unusable

# A mirrored image has its left on its right; "leftmost" and "left-hand" too.
_SIDES = re.compile(r"\b(left|right)", re.IGNORECASE)
# Images are kept this much larger than the model reads them, to cut parts out.
_MARGIN = 8 / 7
_ALPHA = 0.4  # of the Beta distribution of the shares of mixed images
_logger = logging.getLogger(__name__)


def caption_batches(
    examples,
    tokenizer,
    *,
    image_size,
    max_length=64,
    batch_tokens=4096,
    most_images=64,
    augmented=True,
    flip=True,
    num_buckets=4,
    shuffle=True,
    seed=0,
    first_epoch=0,
    batches_per_update=1,
):
    """Decodes and tokenizes a corpus once and serves it in batches of few shapes.

    All captions of an image are packed in one row, so that it is encoded once. With
    `augmented`, every epoch shows another part of it, perhaps mirrored (not where a
    caption speaks of left or right), in slightly other colours. Epochs are as in
    `zoo.data.translation_batches`: a batch is a pure function of (seed, epoch, step).

    Images that cannot be decoded, or have no caption with a word in it, are left out
    with a warning that names them; if they are more than 2 %, that is an error. The
    pixels of all others are held in memory.

    Args:
        examples: `tf.data.Dataset` of `{"image", "captions"}`: the bytes of a JPEG or
            PNG, and strings `(number,)`.
        tokenizer: a `zoo.text` tokenizer with start and end.
        image_size: (int, int). Height and width that the model reads.
        max_length: int. Captions of more ids, the end included, are left out.
        batch_tokens: int. The most places for captions in a batch.
        most_images: int. The most images in a batch.
        augmented: bool.
        flip: bool. `False` mirrors none, where captions tell sides in other words.
        Others: as in `zoo.data.classification_batches`.

    Returns:
        `tf.data.Dataset` of (inputs, labels, sample_weight): inputs are `images` uint8
        `(batch, height, width, 3)`, `target_ids`, `target_segment_ids` and
        `target_positions` `(batch, length)`; labels and weights `(batch, length)`, the
        weights 0 on padding and with mean 1.
    """
    corpus = CaptionCorpus(examples, tokenizer, image_size, max_length, augmented)
    dataset = corpus.epochs(
        batch_tokens=batch_tokens,
        most_rows=most_images,
        num_buckets=num_buckets,
        batches_per_update=batches_per_update,
        shuffle=shuffle,
        seed=seed,
        first_epoch=first_epoch,
    )

    def view(inputs, labels, weight):
        images = seen(inputs, image_size, flip) if augmented else inputs["images"]
        places = {k: v for k, v in inputs.items() if k.startswith("target_")}
        return {"images": images, **places}, labels, weight

    return dataset.map(view, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def seen(inputs, image_size, flip=True):
    """A random view of each image of a batch of `CaptionCorpus.epochs`."""
    can_flip = inputs["can_flip"] & flip
    return augment(inputs["images"], inputs["draws"], can_flip, *image_size)


class _CaptionEpochs:
    """The epochs of a corpus, each batch with the random numbers of its views."""

    def __init__(self, corpus, *, seed, **options):
        self.corpus = corpus
        self.seed = seed
        self.rows = RowEpochs(corpus.lengths, corpus.arrays, seed=seed, **options)
        self.num_batches = self.rows.num_batches

    def batches(self, epoch):
        """Yields (inputs, labels, sample_weight)."""
        for step, (inputs, labels, weight) in enumerate(self.rows.batches(epoch)):
            generator = np.random.default_rng([self.seed, epoch, step])
            draws = generator.random((len(labels), NUM_DRAWS), np.float32)
            shares = generator.beta(_ALPHA, _ALPHA, len(labels)).astype(np.float32)
            yield {**inputs, "draws": draws, "shares": shares}, labels, weight

    @property
    def signature(self):
        shapes = self.rows.shapes
        length = shapes[0][0] if len(shapes) == 1 else None
        places = tf.TensorSpec([None, length], tf.int32)
        names = ("target_ids", "target_segment_ids", "target_positions")
        inputs = {
            **dict.fromkeys(names, places),
            "images": tf.TensorSpec([None, *self.corpus.size, 3], tf.uint8),
            "can_flip": tf.TensorSpec([None], tf.bool),
            "draws": tf.TensorSpec([None, NUM_DRAWS], tf.float32),
            "shares": tf.TensorSpec([None], tf.float32),
        }
        return inputs, places, tf.TensorSpec([None, length], tf.float32)


class CaptionCorpus:
    """Images as pixels, and the captions of each as one packed row.

    Args:
        As in `caption_batches`.

    Attributes:
        images: list of uint8 `(height, width, 3)`.
        lengths: int `(images,)`. Places that the captions of each take.
    """

    def __init__(self, examples, tokenizer, image_size, max_length, augmented):
        check_captioned_images(examples)
        margin = _MARGIN if augmented else 1.0
        self.size = [round(side * margin) for side in image_size]
        images, captions = _read(examples, self.size)
        flat = [caption for own in captions for caption in own]
        ids = iter(tokenizer.tokenize(tf.constant(flat, tf.string)).to_list())
        parts = [
            _packed(
                *([next(ids) for _ in own], tokenizer.start_token_id),
                *(tokenizer.end_token_id, max_length),
            )
            for own in captions
        ]
        num_too_long = len(flat) - sum(part[1].max(initial=0) for part in parts)
        kept = [i for i, part in enumerate(parts) if len(part[0])]
        if num_too_long:
            _logger.warning(
                "Left out %d captions of more than max_length=%d ids, and with them %d "
                "images, which have no others.",
                *(num_too_long, max_length, len(parts) - len(kept)),
            )
        if not kept:
            raise ValueError(
                f"There is no caption to train on: all have more than {max_length} "
                "ids. Pass a larger max_length."
            )
        self.images = [images[i] for i in kept]
        self.can_flip = np.array(
            [not any(map(_SIDES.search, captions[i])) for i in kept]
        )
        columns = zip(*(parts[i] for i in kept), strict=True)
        self.ids, self.segments, self.positions, self.labels = map(
            np.concatenate, columns
        )
        self.lengths = np.array([len(parts[i][0]) for i in kept])
        self.offsets = np.concatenate([[0], np.cumsum(self.lengths)])

    def epochs(self, *, first_epoch=0, **options):
        """A `tf.data.Dataset` of (inputs, labels, sample_weight).

        Args:
            **options: of `RowEpochs`.
        """
        epochs = _CaptionEpochs(self, **options)
        return epoch_dataset(epochs, epochs.signature, first_epoch)

    def arrays(self, batch):
        """(inputs, labels, weight) of one `batching.Batch`."""
        places = Places(batch.shape[:2], batch, batch.source_starts, self.lengths)

        def gathered(values):
            return places.gather(values, self.offsets)

        images = np.zeros((batch.shape[0], *self.size, 3), np.uint8)
        for row, image in zip(batch.rows, batch.pairs, strict=True):
            images[row] = self.images[image]
        can_flip = np.zeros(batch.shape[0], bool)
        can_flip[batch.rows] = self.can_flip[batch.pairs]
        segments = gathered(self.segments)
        inputs = {
            "images": images,
            "can_flip": can_flip,
            "target_ids": gathered(self.ids),
            "target_segment_ids": segments,
            "target_positions": gathered(self.positions),
        }
        return inputs, gathered(self.labels), (segments > 0).astype(np.float32)


def _packed(captions, start, end, max_length):
    """The captions of one image as (ids, segments, positions, labels), int arrays.

    >>> _packed([[5, 6], [7]], start=1, end=2, max_length=9)
    [1, 5, 6, 1, 7], [1, 1, 1, 2, 2], [0, 1, 2, 0, 1], [5, 6, 2, 7, 2]
    """
    captions = [ids for ids in captions if 0 < len(ids) < max_length]
    columns = [
        np.concatenate(
            [
                np.array([[start, *ids], [i + 1] * (len(ids) + 1)], np.int32),
                np.array([range(len(ids) + 1), [*ids, end]], np.int32),
            ]
        )
        for i, ids in enumerate(captions)
    ]
    return tuple(np.concatenate([np.zeros((4, 0), np.int32), *columns], axis=1))


def _read(examples, size):
    """Decodes all images: list of uint8 `(*size, 3)`, and the captions of each."""

    def decode(example):
        image, error = fitted_image(example["image"], *size)
        return {"image": image, "error": error, "captions": example["captions"]}

    decoded = examples.map(
        decode, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    unusable = Unusable(examples, "image", "caption")
    images, captions = [], []
    for example in decoded.as_numpy_iterator():
        own = unusable.usable(example["captions"], example["error"].decode())
        if own:
            images.append(example["image"])
            captions.append(own)
    unusable.check()
    return images, captions


def check_captioned_images(examples):
    """Raises if `examples` are not what `caption_batches` takes."""
    check_examples(examples, ("image", "captions"))
    image, captions = (examples.element_spec[k] for k in ("image", "captions"))
    fits = image.shape.rank == 0 and captions.shape.rank == 1
    if not fits or {image.dtype, captions.dtype} != {tf.string}:
        raise ValueError(
            "Images are the bytes of their files, a string scalar, each with its "
            f"captions, strings (number,). Received: {examples.element_spec}. Pass "
            "examples one by one, as zoo.data.read gives them."
        )
