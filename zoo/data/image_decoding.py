"""Bytes of JPEG and PNG files to pixels, in the graph: trains and serves alike.

Whatever a file is, an answer comes: an image, or an error in words. A graph has no
`try`, but a data set of one element can leave out what raises.
"""

import tensorflow as tf

from zoo.data.exif import jpeg_orientation, png_orientation, upright
from zoo.data.first_error import first_error

# 10,000 x 10,000. What a header claims is believed only up to here.
MOST_PIXELS = 100_000_000
_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_HEADER = 24  # bytes of a PNG until its height ends
# Beyond this many times the size wanted, pixels are averaged before they are resized.
_MUCH_LARGER = 4


# Traced once: its conditions take a second to build, image after image.
@tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
def decode_image(data):
    """Decodes a JPEG or a PNG of any kind to upright RGB.

    Grey, palette, CMYK and 16-bit images are converted, transparency is put on white,
    and the orientation in EXIF data is applied.

    >>> image, error = decode_image(tf.io.read_file("cat.jpg"))

    Args:
        data: string scalar.

    Returns:
        uint8 `(height, width, 3)`, `(0, 0, 3)` where there is an error; and a string
        scalar that says what is wrong, `""` where nothing is.
    """
    is_jpeg = tf.strings.substr(data, 0, len(_JPEG)) == _JPEG
    is_png = tf.strings.substr(data, 0, len(_PNG)) == _PNG
    height, width = tf.cond(
        is_png, lambda: _png_size(data), lambda: _jpeg_size(data, is_jpeg)
    )
    kind = tf.where(is_png, "PNG", "JPEG")
    pixels = tf.cast(height, tf.int64) * tf.cast(width, tf.int64)
    error = first_error(
        (tf.strings.length(data) == 0, "The image is empty: it has no bytes."),
        (
            ~(is_jpeg | is_png),
            "The image is neither a JPEG nor a PNG, which are the kinds that are read.",
        ),
        (pixels == 0, tf.strings.join(["The header of the ", kind, " is damaged."])),
        (
            pixels > MOST_PIXELS,
            tf.strings.join(
                [
                    *("The ", kind, " says that it has "),
                    *(tf.strings.as_string(width), " x "),
                    *(tf.strings.as_string(height), " pixels; at most "),
                    *(f"{MOST_PIXELS:,}", " are read. Make it smaller."),
                ]
            ),
        ),
    )
    nothing = tf.zeros([0, 0, 3], tf.uint8)
    image = tf.cond(error == "", lambda: _pixels(data, is_png), lambda: nothing)
    is_broken = (error == "") & (tf.size(image) == 0)
    broken = tf.strings.join(["The ", kind, " is cut short or damaged."])
    return image, tf.where(is_broken, broken, error)


def fitted_image(data, height, width):
    """Decodes and resizes: what trains and what serves see the same pixels.

    Args:
        data: string scalar.
        height, width: int.

    Returns:
        uint8 `(height, width, 3)`, black where there is an error; and the error, as
        `decode_image` gives it.
    """
    image, error = decode_image(data)
    black = tf.zeros([height, width, 3], tf.uint8)
    fitted = tf.cond(
        error == "", lambda: resize_image(image, height, width), lambda: black
    )
    return fitted, error


def resize_image(image, height, width):
    """Fits an image into a size, its shape kept and the rest grey.

    Args:
        image: uint8 `(any, any, 3)`, at least one pixel.
        height, width: int.

    Returns:
        uint8 `(height, width, 3)`.
    """
    sides = tf.shape(image)[:2]
    scale = tf.reduce_min(tf.constant([height, width]) / sides)
    fitted = tf.cast(tf.round(tf.cast(sides, tf.float64) * scale), tf.int32)
    fitted = tf.clip_by_value(fitted, 1, [height, width])
    # Averages of whole pixels need no copy of a huge image in floating point.
    reduced = tf.cond(
        tf.reduce_all(sides > _MUCH_LARGER * fitted),
        lambda: tf.image.resize(image, _MUCH_LARGER * fitted, "area"),
        lambda: tf.cast(image, tf.float32),
    )
    resized = tf.image.resize(reduced, fitted, antialias=True)
    above, left = tf.unstack((tf.constant([height, width]) - fitted) // 2)
    below, right = tf.unstack(tf.constant([height, width]) - fitted - [above, left])
    padded = tf.pad(
        resized, [[above, below], [left, right], [0, 0]], constant_values=127.0
    )
    padded = tf.clip_by_value(tf.round(padded), 0.0, 255.0)
    return tf.ensure_shape(tf.cast(padded, tf.uint8), [height, width, 3])


def _png_size(data):
    """Height and width from the header, 0 where it is cut short."""

    def read():
        sides = tf.io.decode_raw(tf.strings.substr(data, 16, 8), tf.int32, False)
        return sides[1], sides[0]

    is_whole = tf.strings.length(data) >= _HEADER
    height, width = tf.cond(is_whole, read, lambda: (0, 0))
    # The format allows 31 bits: what looks negative is damaged.
    return tf.maximum(height, 0), tf.maximum(width, 0)


def _jpeg_size(data, is_jpeg):
    nothing = tf.zeros([3], tf.int32)
    # What is no JPEG is not asked: the library would complain on standard error.
    sides = tf.cond(
        is_jpeg,
        lambda: _or_else(tf.io.extract_jpeg_shape, data, nothing),
        lambda: nothing,
    )
    return sides[0], sides[1]


def _pixels(data, is_png):
    """uint8 `(height, width, 3)`; nothing where the data is damaged."""

    def decode(data):
        return tf.cond(is_png, lambda: _png(data), lambda: _jpeg(data))

    return _or_else(decode, data, tf.zeros([0, 0, 3], tf.uint8))


def _jpeg(data):
    image = tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")
    return upright(image, jpeg_orientation(data))


def _png(data):
    """Transparency is put on white."""
    image = tf.io.decode_png(data, channels=4)
    colours, opacity = image[..., :3], image[..., 3:]
    # Of fewer than 8 bits, TensorFlow fills in an opacity of as few.
    depth = tf.io.decode_raw(tf.strings.substr(data, _HEADER, 1), tf.uint8)[0]
    full = tf.bitwise.left_shift(1, tf.cast(tf.minimum(depth, 8), tf.int32)) - 1
    opacities = tf.cast(opacity, tf.int32)
    is_opaque = (tf.reduce_min(opacities) == full) & (tf.reduce_max(opacities) == full)
    image = tf.cond(is_opaque, lambda: colours, lambda: _on_white(colours, opacity))
    return upright(image, png_orientation(data))


def _on_white(colours, opacity):
    """uint8, uint8 -> uint8. 16 bits hold the products: an image may be large."""
    colours, opacity = (tf.cast(x, tf.uint16) for x in (colours, opacity))
    mixed = (colours * opacity + 255 * (255 - opacity) + 127) // 255
    return tf.cast(mixed, tf.uint8)


def _or_else(function, data, default):
    """`function(data)`, or `default` where that raises."""
    shape = [None if side == 0 else side for side in default.shape]
    shape = shape if default.shape.rank > 1 else default.shape

    def ensured(data):
        return tf.ensure_shape(function(data), shape)

    tried = tf.data.Dataset.from_tensors(data).map(ensured).ignore_errors()
    otherwise = tf.data.Dataset.from_tensors(default)
    return tried.concatenate(otherwise).take(1).get_single_element()
