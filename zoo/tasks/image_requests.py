"""Images that come in, and the bytes of files that the graph decodes."""

import os
from collections.abc import Iterable, Mapping, Set

import numpy as np
import tensorflow as tf

from zoo.data.image_decoding import MOST_PIXELS
from zoo.tasks.file_requests import check_path, described, file_bytes

_CHANNELS = (1, 3, 4)  # grey, RGB, RGBA


def checked_images(images):
    """One image or a list -> (list, names for messages, is it one alone).

    An item is a path that is there, bytes, or a uint8 array `(height, width, any)`.
    """
    if isinstance(images, tf.Tensor):
        images = images.numpy()
    if isinstance(images, np.ndarray) and images.dtype.kind in "OSU":
        images = images.tolist()  # paths or bytes
    single = _is_one(images)
    if single:
        images = [images]
    elif isinstance(images, Mapping | Set) or not isinstance(images, Iterable):
        raise TypeError(f"{_EXPECTED}, or a list of them; got {described(images)}.")
    images = list(images)
    names = [f"The image at place {i} ({described(x)})" for i, x in enumerate(images)]
    pairs = zip(images, names, strict=True)
    return [_checked(image, name) for image, name in pairs], names, single


def image_bytes(image):
    """The bytes of a checked image's file; none where it can no longer be read."""
    if isinstance(image, np.ndarray):
        return tf.io.encode_png(image).numpy()
    return file_bytes(image)


def _is_one(images):
    if isinstance(images, np.ndarray):
        return images.ndim < 4
    return isinstance(images, str | bytes | os.PathLike)


def _checked(image, name):
    if isinstance(image, bytes):
        return image
    if isinstance(image, str | os.PathLike):
        check_path(image, name, "a JPEG or PNG file")
        return image
    if not isinstance(image, np.ndarray | tf.Tensor):
        raise TypeError(f"{_EXPECTED}. {name} is none of these.")
    array = np.asarray(image)
    if array.ndim == 2:
        array = array[:, :, np.newaxis]
    fits = array.ndim == 3 and array.shape[-1] in _CHANNELS and array.size > 0
    if array.dtype != np.uint8 or not fits:
        raise ValueError(
            f"{name} must be of type uint8, values 0 to 255, and of shape (height, "
            "width, 3), or with 1 channel for grey or 4 with opacity. Convert it."
        )
    if array.shape[0] * array.shape[1] > MOST_PIXELS:
        raise ValueError(
            f"{name} has more than {MOST_PIXELS:,} pixels, which is the most that are "
            "read. Make it smaller."
        )
    return array


_EXPECTED = (
    "An image is a path, the bytes of a JPEG or PNG file, or an array of uint8 "
    "(height, width, 3)"
)
