"""Scenes of two coloured shapes, drawn on the spot, each with its one right caption.

The two shapes differ in colour, and the one whose colour comes first in the rainbow is
named first. That makes one caption out of the two that are true, "a small red circle
left of a large blue square" and not "a large blue square right of ...", so what a model
says is either equal to it or wrong.

The hash of a caption tells which split it belongs to. So what is asked for in the test,
sizes, colours, shapes and how they lie, never occurs together in training.
"""

import functools
import io
import itertools

import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw

from zoo.data.generated import split_name, split_of

NUM_SCENES = {"train": 10_000, "validation": 500, "test": 2_000}

# In the order of the rainbow; RGB.
_COLOURS = {
    "red": (220, 35, 35),
    "orange": (240, 125, 20),
    "yellow": (240, 215, 40),
    "green": (45, 160, 60),
    "blue": (40, 85, 220),
    "purple": (140, 50, 175),
}
_SHAPES = ("circle", "square", "triangle", "cross")
# The first shape lies before the second, on the axis x or y, or after it.
_RELATIONS = {
    "left of": (0, "before"),
    "right of": (0, "after"),
    "above": (1, "before"),
    "below": (1, "after"),
}
# Lengths are shares of the side of the image. A large triangle has more area than a
# small square, and the margin is the most that `zoo.data.captioning` cuts off.
_SIZES = {"small": (0.145, 0.175), "large": (0.28, 0.32)}
_MARGIN = 1 / 8
_LEAST_GAP = 0.05
# Of the distance along the axis of the relation, how much they may be apart across.
_MOST_SLANT = 0.5
# All three of a colour's RGB times this, then each of them up or down by so much.
_BRIGHTNESS = (0.85, 1.05)
_TINT = 8
_DARKEST_BACKGROUND = 225
# Drawn this much larger and averaged, so that edges are smooth.
_OVERSAMPLING = 4


def captioned_scenes(split="train", image_size=64, *, num_scenes=None, seed=0):
    """Draws scenes such as "a small red circle left of a large blue square".

    >>> next(captioned_scenes("test").as_numpy_iterator())
    {"image": b"\\x89PNG...", "captions": [b"a large blue square left of a large ..."]}

    Args:
        split: `"train"`, `"validation"` or `"test"`; no caption is in two of them.
        image_size: int. Height and width in pixels.
        num_scenes: int. Defaults to 10,000, 500 and 2,000. Fewer scenes are the first
            of more.
        seed: int, not negative. Which captions belong to which split does not depend
            on it.

    Returns:
        `tf.data.Dataset` of `{"image", "captions"}`: the bytes of a PNG, and strings
        `(1,)`. Captions recur, each time with shapes elsewhere and in other shades.
    """
    split = split_name(split, "scenes")
    num_scenes = NUM_SCENES[split] if num_scenes is None else num_scenes
    _check("num_scenes", num_scenes, 1, 100_000)
    _check("image_size", image_size, 48, 1_024)
    images, captions = [], []
    for number in range(num_scenes):
        generator = np.random.default_rng([seed, list(NUM_SCENES).index(split), number])
        scene = _scenes(split)[generator.integers(len(_scenes(split)))]
        images.append(_draw(scene, image_size, generator))
        captions.append([_caption(scene)])
    return tf.data.Dataset.from_tensor_slices({"image": images, "captions": captions})


def _check(name, value, least, most):
    if not least <= value <= most:
        raise ValueError(f"{name} must be in {least} ... {most:,}, got {value}.")


@functools.cache
def _scenes(split):
    """list of (shape, relation, shape), a shape being (size, colour, shape)."""
    things = list(itertools.product(_SIZES, _COLOURS, _SHAPES))
    order = list(_COLOURS)
    scenes = itertools.product(things, _RELATIONS, things)
    return [
        (first, relation, second)
        for first, relation, second in scenes
        if order.index(first[1]) < order.index(second[1])
        and split_of(_caption((first, relation, second))) == split
    ]


def _caption(scene):
    first, relation, second = scene
    return f"a {' '.join(first)} {relation} a {' '.join(second)}"


def _draw(scene, image_size, generator):
    """The bytes of a PNG."""
    first, relation, second = scene
    side = image_size * _OVERSAMPLING
    background = generator.integers(_DARKEST_BACKGROUND, 256, 3).tolist()
    image = Image.new("RGB", (side, side), tuple(background))
    canvas = ImageDraw.Draw(image)
    lengths = [generator.uniform(*_SIZES[size]) for size, _, _ in (first, second)]
    middles = _middles(relation, lengths, generator)
    for (_, colour, shape), length, middle in zip(
        (first, second), lengths, middles, strict=True
    ):
        corner = [side * (place - length / 2) for place in middle]
        fill = _shade(_COLOURS[colour], generator)
        _draw_shape(canvas, shape, *corner, side * length, fill)
    file = io.BytesIO()
    image.reduce(_OVERSAMPLING).save(file, "PNG")
    return file.getvalue()


def _shade(colour, generator):
    shade = np.multiply(colour, generator.uniform(*_BRIGHTNESS))
    shade += generator.uniform(-_TINT, _TINT, 3)
    return tuple(np.clip(np.round(shade), 0, 255).astype(int).tolist())


def _middles(relation, lengths, generator):
    """[(x, y), (x, y)] of two shapes that lie apart, and as the relation says."""
    axis, order = _RELATIONS[relation]
    low = [_MARGIN + length / 2 for length in lengths]
    high = [1 - place for place in low]
    room = 1 - 2 * _MARGIN - sum(lengths)
    gap = generator.uniform(_LEAST_GAP, room)
    distance = gap + sum(lengths) / 2
    begin = low[0] + generator.uniform(0, room - gap)
    along = [begin, begin + distance]
    if order == "after":
        along = [1 - place for place in along]
    slant = _MOST_SLANT * distance
    first = generator.uniform(low[0], high[0])
    second = generator.uniform(max(low[1], first - slant), min(high[1], first + slant))
    places = zip(along, (first, second), strict=True)
    return [place if axis == 0 else place[::-1] for place in places]


def _draw_shape(canvas, shape, left, top, length, fill):
    right, bottom = left + length, top + length
    if shape == "circle":
        canvas.ellipse((left, top, right, bottom), fill)
    elif shape == "square":
        canvas.rectangle((left, top, right, bottom), fill)
    elif shape == "triangle":
        middle = left + length / 2
        canvas.polygon([(left, bottom), (middle, top), (right, bottom)], fill)
    else:
        third = length / 3
        canvas.rectangle((left + third, top, right - third, bottom), fill)
        canvas.rectangle((left, top + third, right, bottom - third), fill)
