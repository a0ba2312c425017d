"""The orientation of a photo, read from its EXIF data in the graph.

A camera stores what its sensor saw and notes how it was held: tag 0x0112 of the TIFF
structure in the segment APP1 of a JPEG (CIPA DC-008, 4.6.5), which is the chunk eXIf of
a PNG.
"""

import tensorflow as tf

_SEARCHED = 1 << 18  # bytes from the start; a segment is at most a quarter of them
_EXIF = b"Exif\x00\x00"
_APP1, _START_OF_SCAN, _END = 0xE1, 0xDA, 0xD9
_LITTLE, _BIG = 0x4949, 0x4D4D  # "II" and "MM"
_ORIENTATION = 0x0112
_MOST_SEGMENTS = 1024
_MOST_CHUNKS = 100_000  # of a PNG, whose pixels may lie in many
_MOST_ENTRIES = 256
_ENTRY = 12  # bytes


def jpeg_orientation(data):
    """string scalar, the bytes of a JPEG -> int32 scalar, 1 to 8; 1 where none is said.

    What is damaged counts as not being there.
    """
    data = tf.strings.substr(data, 0, _SEARCHED)
    values = tf.cast(tf.io.decode_raw(data, tf.uint8), tf.int32)
    start = _exif_start(data, values)
    return tf.cond(start > 0, lambda: _tiff_orientation(values, start), lambda: 1)


def png_orientation(data):
    """The same of a PNG."""

    def chunk(position):
        size = tf.strings.length(data)
        head = tf.strings.substr(data, tf.minimum(position, size), 8)
        values = tf.cast(tf.io.decode_raw(head, tf.uint8), tf.int32)
        return _number(values, 0, 4), tf.strings.substr(head, 4, 4), size

    def is_another(position):
        length, kind, size = chunk(position)
        is_there = (kind != b"eXIf") & (kind != b"IEND") & (length < size - position)
        return is_there & (position + 8 < size)

    def next_one(position):
        length, _, _ = chunk(position)
        return [position + length + 12]  # its length, kind and checksum

    position = tf.while_loop(
        is_another, next_one, [tf.constant(8)], maximum_iterations=_MOST_CHUNKS
    )[0]
    length, kind, size = chunk(position)
    begin = tf.minimum(position + 8, size)

    def read():
        tiff = tf.strings.substr(data, begin, tf.minimum(length, _SEARCHED))
        values = tf.cast(tf.io.decode_raw(tiff, tf.uint8), tf.int32)
        return _tiff_orientation(values, 0)

    return tf.cond((kind == b"eXIf") & (length > 0) & (begin < size), read, lambda: 1)


def upright(image, orientation):
    """uint8 `(height, width, channels)` -> the image as it was seen."""
    turned = tf.cond(
        orientation >= 5, lambda: tf.transpose(image, [1, 0, 2]), lambda: image
    )
    is_mirrored = tf.reduce_any(orientation == tf.constant([2, 3, 6, 7]))
    is_upside_down = tf.reduce_any(orientation == tf.constant([3, 4, 7, 8]))
    turned = tf.cond(is_mirrored, lambda: turned[:, ::-1], lambda: turned)
    return tf.cond(is_upside_down, lambda: turned[::-1], lambda: turned)


def _exif_start(data, values):
    """Where the TIFF structure begins; 0 where there is none."""

    def is_segment(position):
        kind = _number(values, position + 1, 1)
        is_last = (kind == _START_OF_SCAN) | (kind == _END)
        return (_number(values, position, 1) == 0xFF) & ~is_last

    def is_exif(position):
        kind = _number(values, position + 1, 1)
        # Asked only of places that are there: substr refuses others.
        text = tf.strings.substr(data, tf.minimum(position + 4, tf.size(values)), 6)
        return (kind == _APP1) & (text == _EXIF)

    def next_one(position):
        is_filling = _number(values, position + 1, 1) == 0xFF
        return position + tf.where(is_filling, 1, 2 + _number(values, position + 2, 2))

    position = tf.while_loop(
        lambda position: is_segment(position) & ~is_exif(position),
        lambda position: [next_one(position)],
        [tf.constant(2)],
        maximum_iterations=_MOST_SEGMENTS,
    )[0]
    found = is_segment(position)
    return tf.where(found & is_exif(position), position + 10, 0)


def _tiff_orientation(values, start):
    """Reads the first directory of a TIFF structure."""
    order = _number(values, start, 2)
    is_little = order == _LITTLE
    directory = start + _number(values, start + 4, 4, is_little)
    count = tf.minimum(_number(values, directory, 2, is_little), _MOST_ENTRIES)
    entries = directory + 2 + _ENTRY * tf.range(count)
    is_it = _number(values, entries, 2, is_little) == _ORIENTATION
    said = tf.boolean_mask(_number(values, entries + 8, 2, is_little), is_it)
    orientation = tf.concat([said, [1]], axis=0)[0]
    is_known = (orientation >= 1) & (orientation <= 8)
    is_known &= is_little | (order == _BIG)
    return tf.where(is_known, orientation, 1)


def _number(values, position, size, is_little=False):
    """The number of `size` bytes at a position, or at each of several.

    Bytes beyond the end are 0, and so is a number of 4 bytes that int32 cannot hold.
    """
    places = tf.expand_dims(position, -1) + tf.range(size)
    is_there = (places >= 0) & (places < tf.size(values))
    found = tf.gather(values, tf.clip_by_value(places, 0, tf.size(values) - 1))
    weights = [1 << 8 * i for i in range(size)]
    weights = tf.where(is_little, weights, weights[::-1])
    return tf.maximum(tf.reduce_sum(tf.where(is_there, found, 0) * weights, axis=-1), 0)
