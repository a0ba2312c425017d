"""Scenes of shapes: captions are read off the pixels again, by other means."""

import io
import re

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageFilter

from zoo.data.generated_scenes import captioned_scenes

RAINBOW = ["red", "orange", "yellow", "green", "blue", "purple"]
# Where the next colour begins, in degrees of hue; red is on both sides of 0.
HUES = [15, 39, 80, 190, 255, 330]
THING = "a (small|large) (\\w+) (circle|square|triangle|cross)"
CAPTION = re.compile(f"{THING} (left of|right of|above|below) {THING}")


def strings(examples):
    """[(PNG, caption)]."""
    return [
        (image, caption.decode())
        for batch in examples.batch(1_000).as_numpy_iterator()
        for image, (caption,) in zip(batch["image"], batch["captions"], strict=True)
    ]


def parse(caption):
    """Size, colour and shape, relation, size, colour and shape."""
    return CAPTION.fullmatch(caption).groups()


@pytest.fixture(scope="module")
def splits():
    return {
        name: strings(captioned_scenes(name))
        for name in ("train", "validation", "test")
    }


def shapes_of(png):
    """{colour: float `(height, width)`}, how much of each pixel is of that shape."""
    image = Image.open(io.BytesIO(png))
    pixels = np.asarray(image, int)
    contrast = np.abs(pixels - pixels[0, 0]).max(axis=-1)
    hues = np.asarray(image.convert("HSV"))[..., 0] * (360 / 256)
    colours = np.digitize(hues, HUES) % len(RAINBOW)
    found = {}
    for number, colour in enumerate(RAINBOW):
        inner = (colours == number) & (contrast > 150)
        if inner.any():
            near = Image.fromarray(inner).convert("L").filter(ImageFilter.MaxFilter(3))
            found[colour] = np.asarray(near, bool) * contrast / contrast[inner].max()
    assert len(found) == 2
    return found


def box(cover):
    """float (top, left), (bottom, right)."""
    places = np.argwhere(cover > 0.5)
    return places.min(axis=0), places.max(axis=0) + 1


def thing(colour, cover):
    start, end = box(cover)
    assert min(*start, *(len(cover) - end)) >= len(cover) // 8 - 1
    height, width = cover.sum(axis=0).max(), cover.sum(axis=1).max()
    assert abs(height - width) < 1.5
    share = cover.sum() / (height * width)
    middle = np.average(np.arange(len(cover)) + 0.5, weights=cover.sum(axis=1))
    if middle - start[0] > 0.58 * height:
        shape = "triangle"  # its weight is low, at two thirds
    elif share > 0.68:
        shape = "square" if share > 0.9 else "circle"
    else:
        shape = "cross"
    size = "small" if height < 0.23 * len(cover) else "large"
    return f"a {size} {colour} {shape}"


def seen(png):
    """The caption, from the pixels alone."""
    (first, cover), (second, other_cover) = shapes_of(png).items()
    (start, end), (other_start, other_end) = box(cover), box(other_cover)
    away = (start + end - other_start - other_end) / 2
    axis = np.abs(away).argmax()
    assert abs(away[axis]) > 1.6 * abs(away[1 - axis])
    gap = max(other_start[axis] - end[axis], start[axis] - other_end[axis])
    assert gap >= 2
    relation = [("above", "below"), ("left of", "right of")][axis][int(away[axis] > 0)]
    return f"{thing(first, cover)} {relation} {thing(second, other_cover)}"


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_what_is_seen_is_what_the_caption_says(splits, split):
    for png, caption in splits[split][:500]:
        assert seen(png) == caption


@pytest.mark.parametrize("image_size", [96, 224])
def test_scenes_of_other_sizes(image_size):
    for png, caption in strings(captioned_scenes("test", image_size, num_scenes=50)):
        assert Image.open(io.BytesIO(png)).size == (image_size, image_size)
        assert seen(png) == caption


def test_every_large_shape_has_more_area_than_any_small_one(splits):
    areas = {"small": [], "large": []}
    for png, caption in splits["validation"]:
        size, colour, _, _, other_size, other_colour, _ = parse(caption)
        covers = shapes_of(png)
        areas[size].append(covers[colour].sum())
        areas[other_size].append(covers[other_colour].sum())
    assert max(areas["small"]) < min(areas["large"])


def test_no_caption_is_in_two_splits_whatever_the_seed(splits):
    captions = {name: {caption for _, caption in splits[name]} for name in splits}
    other_seed = strings(captioned_scenes("train", num_scenes=3_000, seed=1))
    captions["train"] |= {caption for _, caption in other_seed}
    assert len(captions["train"]) > 3_000
    assert len(captions["test"]) > 150
    assert len(set.union(*captions.values())) == sum(map(len, captions.values()))


def test_the_first_colour_of_the_rainbow_is_named_first(splits):
    for _, caption in splits["train"] + splits["test"]:
        _, first, _, _, _, second, _ = parse(caption)
        assert RAINBOW.index(first) < RAINBOW.index(second)


def test_training_shows_every_shape_and_relation_often(splits):
    columns = list(
        zip(*(parse(caption) for _, caption in splits["train"]), strict=True)
    )
    sizes, colours, shapes, relations, *others = columns
    assert {*colours, *others[1]} == set(RAINBOW)
    for column in (sizes, shapes, relations, others[0], others[2]):
        values, counts = np.unique(column, return_counts=True)
        assert counts.min() > 0.9 * len(column) / len(values)
    things = set(zip(*columns[:3], strict=True)) | set(zip(*others, strict=True))
    assert len(things) == 2 * 6 * 4


def test_no_two_images_are_equal(splits):
    pixels = [
        Image.open(io.BytesIO(png)).tobytes()
        for name in splits
        for png, _ in splits[name]
    ]
    assert len(set(pixels)) == len(pixels) == 12_500


def test_equal_seeds_give_equal_scenes_and_others_do_not():
    first, again = (
        strings(captioned_scenes("test", num_scenes=20, seed=3)) for _ in range(2)
    )
    assert first == again
    assert first != strings(captioned_scenes("test", num_scenes=20, seed=4))


def test_fewer_scenes_are_the_first_of_more(splits):
    assert strings(captioned_scenes("val", num_scenes=20)) == splits["validation"][:20]


def test_images_are_scalars_and_captions_lists():
    scenes = captioned_scenes(num_scenes=1)
    assert scenes.element_spec == {
        "image": tf.TensorSpec([], tf.string),
        "captions": tf.TensorSpec([1], tf.string),
    }


def test_unknown_split_is_an_error_that_lists_the_splits():
    with pytest.raises(ValueError, match="scenes have no split 'eval'.*'train', 'val"):
        captioned_scenes("eval")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_scenes": 0}, "num_scenes must be in 1 ... 100,000, got 0"),
        ({"image_size": 8}, "image_size must be in 48 ... 1,024, got 8"),
    ],
)
def test_numbers_out_of_range_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        captioned_scenes(**options)
