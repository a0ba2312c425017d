"""Other views of an image: crops, flips, colours. Random numbers come from outside."""

import tensorflow as tf

NUM_DRAWS = 6  # of an image: row, column, flip, brightness, contrast, saturation
_BRIGHTNESS = 0.2  # of the range of a pixel, up or down
_CONTRAST = 0.2  # more or less
_SATURATION = 0.2  # more or less


def augment(images, draws, can_flip, height, width):
    """Cuts a random part out of each image, perhaps mirrors it, and shifts its colours.

    Args:
        images: uint8 `(batch, rows, columns, 3)`, at least as large as what is cut.
        draws: float32 `(batch, NUM_DRAWS)`, uniform from 0 to 1.
        can_flip: bool `(batch,)`.
        height, width: int.

    Returns:
        uint8 `(batch, height, width, 3)`.
    """
    row, column, flip, brightness, contrast, saturation = tf.unstack(draws, axis=1)
    sides = tf.shape(images)
    rows = _window(row, height, sides[1])
    columns = _window(column, width, sides[2])
    is_flipped = (can_flip & (flip < 0.5))[:, tf.newaxis]
    columns = tf.where(is_flipped, columns[:, ::-1], columns)
    cut = tf.gather(images, rows, axis=1, batch_dims=1)
    cut = tf.gather(cut, columns, axis=2, batch_dims=1)
    values = tf.cast(cut, tf.float32)
    mean = tf.reduce_mean(values, axis=[1, 2, 3], keepdims=True)

    def around(draw, center, share):
        factor = center + share * (2.0 * draw - 1.0)
        return factor[:, tf.newaxis, tf.newaxis, tf.newaxis]

    values = (values - mean) * around(contrast, 1.0, _CONTRAST) + mean
    grey = tf.image.rgb_to_grayscale(values)
    values = (values - grey) * around(saturation, 1.0, _SATURATION) + grey
    values += 255.0 * around(brightness, 0.0, _BRIGHTNESS)
    return tf.cast(tf.clip_by_value(tf.round(values), 0.0, 255.0), tf.uint8)


def _window(draw, length, side):
    """float `(batch,)` -> int `(batch, length)`, consecutive places below `side`."""
    room = tf.cast(side - length + 1, tf.float32)
    begin = tf.minimum(tf.cast(draw * room, tf.int32), side - length)
    return begin[:, tf.newaxis] + tf.range(length)
