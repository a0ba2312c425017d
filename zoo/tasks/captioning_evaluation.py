"""Captions of examples that have references, for scores and pictures."""

import itertools

import keras

from zoo.data.captioning import check_captioned_images
from zoo.data.unusable import Unusable


def captioned_rows(caption, examples, batch_size):
    """Captions images and keeps their references beside.

    Images that cannot be decoded, or have no reference with a word in it, are left out
    with a warning that names them; more than 2 % of them are an error.

    Args:
        caption: callable. list of bytes -> (captions, errors), lists of str.
        examples: tf.data of raw examples, `{"image", "captions"}`.
        batch_size: int. Images at a time; a progress bar counts them.

    Yields:
        dicts: `image` bytes, `caption` str, `references` list of str.
    """
    check_captioned_images(examples)
    known = int(examples.cardinality())
    progress = keras.utils.Progbar(known if known > 0 else None, unit_name="image")
    unusable = Unusable(examples, "image", "caption")
    each = examples.as_numpy_iterator()
    while batch := list(itertools.islice(each, batch_size)):
        captions, errors = caption([example["image"] for example in batch])
        for example, text, error in zip(batch, captions, errors, strict=True):
            references = unusable.usable(example["captions"], error)
            if references:
                row = {"caption": text, "references": references}
                yield {"image": example["image"], **row}
        progress.add(len(batch))
    unusable.check()
