"""A small convolutional network, which learns to see from thousands of images."""

import numbers

import keras
from keras import layers


def residual_network(image_size, widths=(64, 128, 256), num_blocks=2, dtype=None):
    """Builds an encoder of images for `zoo.CaptioningModel`, with random weights.

    The basic blocks of [He et al., 2015](https://arxiv.org/abs/1512.03385), figure 5,
    with the changes B and D of [He et al., 2018](https://arxiv.org/abs/1812.01187),
    figure 2: a halving skips by the mean of its places; and each block begins as the
    identity (section 3.1). What a Transformer has to learn about neighbours it has
    from the start, so that it needs fewer images.

    >>> encoder = residual_network(96)
    >>> zoo.ImageCaptioner.from_preset("captioner_tiny", ..., image_encoder=encoder)

    Args:
        image_size: int or (int, int). Height and width of the images in pixels.
        widths: ints. Features of each stage.
        num_blocks: int, 1 or more. Blocks of a stage, of two convolutions each.
        dtype: policy of all layers.

    Returns:
        keras.Model, RGB from 0 to 255 `(B, H, W, 3)` -> `(B, h, w, D)`, D `widths[-1]`;
        the stem and each stage halve the sides and round up: 96 becomes 6.
    """

    def normed(x, width, size, stride=1, gamma="ones"):
        x = layers.Conv2D(
            *(width, size, stride),
            padding="same",
            data_format="channels_last",
            use_bias=False,
            kernel_initializer="he_normal",
            dtype=dtype,
        )(x)
        return layers.BatchNormalization(gamma_initializer=gamma, dtype=dtype)(x)

    def relu(x):
        return layers.ReLU(dtype=dtype)(x)

    if isinstance(image_size, numbers.Integral):
        image_size = (image_size, image_size)
    images = keras.Input((*image_size, 3))
    x = layers.Rescaling(1 / 127.5, -1.0, dtype=dtype)(images)
    x = relu(normed(x, widths[0] // 2, 3, stride=2))
    for width in widths:
        for number in range(num_blocks):
            stride = 1 if number else 2
            y = relu(normed(x, width, 3, stride))
            y = normed(y, width, 3, gamma="zeros")
            if not number:
                mean = layers.AveragePooling2D(2, padding="same", dtype=dtype)
                x = normed(mean(x), width, 1)
            x = relu(layers.Add(dtype=dtype)([x, y]))
    return keras.Model(images, x, name="residual_network")
