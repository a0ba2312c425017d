"""Images that come in, and the bytes of files that the graph decodes."""

import os
from collections.abc import Iterable, Mapping, Set

import numpy as np
import tensorflow as tf

from zoo.data.image_decoding import MOST_PIXELS

_MOST_BYTES = 2**30  # of a file: more than any image that is decoded takes
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
        raise TypeError(f"{_EXPECTED}, or a list of them; got {_described(images)}.")
    images = list(images)
    names = [f"The image at place {i} ({_described(x)})" for i, x in enumerate(images)]
    pairs = zip(images, names, strict=True)
    return [_checked(image, name) for image, name in pairs], names, single


def file_bytes(image):
    """The bytes of a checked image's file; none where it can no longer be read."""
    if isinstance(image, np.ndarray):
        return tf.io.encode_png(image).numpy()
    if isinstance(image, bytes):
        return image
    try:
        with open(image, "rb") as file:
            return file.read(_MOST_BYTES)
    except OSError:
        return b""


def _is_one(images):
    if isinstance(images, np.ndarray):
        return images.ndim < 4
    return isinstance(images, str | bytes | os.PathLike)


def _checked(image, name):
    if isinstance(image, bytes):
        return image
    if isinstance(image, str | os.PathLike):
        _check_path(image, name)
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


def _check_path(path, name):
    try:
        size = os.path.getsize(path)
        with open(path, "rb"):
            pass
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        kind = type(error) if isinstance(error, OSError) else FileNotFoundError
        raise kind(
            f"{name} cannot be read ({getattr(error, 'strerror', None) or error}). "
            "Pass the path of a JPEG or PNG file."
        ) from error
    if size > _MOST_BYTES:
        raise ValueError(
            f"{name} has {size:,} bytes; at most {_MOST_BYTES:,} are read. Make it "
            "smaller."
        )


def _described(image):
    if isinstance(image, np.ndarray | tf.Tensor):
        dtype = np.dtype(getattr(image.dtype, "as_numpy_dtype", image.dtype))
        return f"an array {tuple(image.shape)} of {dtype.name}"
    if isinstance(image, bytes):
        return f"{len(image):,} bytes"
    if isinstance(image, str | os.PathLike):
        return os.fspath(image)
    return f"{type(image).__name__} {image!r:.60}"


_EXPECTED = (
    "An image is a path, the bytes of a JPEG or PNG file, or an array of uint8 "
    "(height, width, 3)"
)
