"""Images that come in, as the bytes of files."""

import os
from collections.abc import Iterable, Mapping, Set

import numpy as np
import tensorflow as tf

_MOST_BYTES = 2**28  # 256 MiB: no image of the most pixels that are decoded is larger
_CHANNELS = (1, 3, 4)  # grey, RGB, RGBA


def checked_images(images):
    """One image or a list -> (bytes of files, names for messages, is it one alone).

    A path is read, and an array becomes a PNG, so that everything is decoded by the
    graph that serves.
    """
    single = _is_one(images)
    if single:
        images = [images]
    elif isinstance(images, Mapping | Set) or not isinstance(images, Iterable):
        raise TypeError(f"{_EXPECTED}, or a list of them; got {_described(images)}.")
    images = list(images)
    names = [f"The image at place {i} ({_described(x)})" for i, x in enumerate(images)]
    pairs = zip(images, names, strict=True)
    return [_file_bytes(image, name) for image, name in pairs], names, single


def _is_one(images):
    if isinstance(images, np.ndarray | tf.Tensor):
        return len(images.shape) < 4
    return isinstance(images, str | bytes | os.PathLike)


def _file_bytes(image, name):
    if isinstance(image, bytes):
        return image
    if isinstance(image, str | os.PathLike):
        return _read(image, name)
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
    return tf.io.encode_png(array).numpy()


def _read(path, name):
    try:
        size = os.path.getsize(path)
        if size > _MOST_BYTES:
            raise ValueError(
                f"{name} has {size:,} bytes; at most {_MOST_BYTES:,} are read. Make it "
                "smaller."
            )
        with open(path, "rb") as file:
            return file.read(_MOST_BYTES)
    except OSError as error:
        raise type(error)(
            f"{name} cannot be read ({error.strerror or error}). Pass the path of a "
            "JPEG or PNG file."
        ) from error


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
