"""Images with captions to batches, and other views of an image."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.data.epochs_probe import epoch_of, same
from zoo.data.augmentation import NUM_DRAWS, augment
from zoo.data.captioning import _SIDES, caption_batches
from zoo.text import learn_tokenizer

COLOURS = ["red", "lime", "blue", "white", "black"]
SIZE = (14, 21)


def written(colour, size=(30, 20)):
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def corpus(count=23, broken=()):
    """Images of one colour, which is what their one to three captions say."""
    images, captions = [], []
    for i in range(count):
        colour = COLOURS[i % len(COLOURS)]
        data = written(colour)
        images.append(data[:-20] if i in broken else data)
        texts = [f"a {colour} image {i}", f"all {colour}, to the left {i}", f"{i}"]
        captions.append(texts[: 1 + i % 3])
    ragged = tf.ragged.constant(captions, tf.string, 1)
    return captions, tf.data.Dataset.from_tensor_slices(
        {"image": images, "captions": ragged}
    )


@pytest.fixture(scope="module")
def tokenizer():
    captions, _ = corpus()
    return learn_tokenizer([text for own in captions for text in own] * 3, 300)


@pytest.fixture
def make(tokenizer):
    def make(examples=None, **options):
        options = {"image_size": SIZE, "batch_tokens": 256, "num_buckets": 3, **options}
        return caption_batches(examples or corpus()[1], tokenizer, **options)

    return make


def captions_shown(epoch, tokenizer):
    """(caption, mean colour of its image), sorted."""
    shown = []
    for inputs, labels, weight in epoch:
        for row in np.flatnonzero(weight.any(axis=1)):
            colour = inputs["images"][row].mean(axis=(0, 1)).round().astype(int)
            segments = inputs["target_segment_ids"][row]
            for segment in range(1, segments.max() + 1):
                here = segments == segment
                ids, next_ids = inputs["target_ids"][row][here], labels[row][here]
                np.testing.assert_array_equal(ids[1:], next_ids[:-1])
                positions = inputs["target_positions"][row][here]
                np.testing.assert_array_equal(positions, np.arange(here.sum()))
                assert ids[0] == tokenizer.start_token_id
                assert next_ids[-1] == tokenizer.end_token_id
                text = tokenizer.detokenize(tf.constant(ids[1:])).numpy().decode()
                shown.append((text, tuple(colour.tolist())))
    return sorted(shown)


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_caption_is_shown_once_an_epoch_beside_its_image(
    make, tokenizer, shuffle
):
    captions, examples = corpus()
    rgb = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255)}
    rgb |= {"white": (255, 255, 255), "black": (0, 0, 0)}
    expected = sorted(
        (text, rgb[COLOURS[i % len(COLOURS)]])
        for i, own in enumerate(captions)
        for text in own
    )
    dataset = make(examples, shuffle=shuffle, augmented=False)
    epochs = [epoch_of(dataset) for _ in range(2)]
    for epoch in epochs:
        assert len(epoch) == int(dataset.cardinality()) > 1
        assert captions_shown(epoch, tokenizer) == expected
        for inputs, labels, _ in epoch:
            assert inputs["images"].shape[1:] == (*SIZE, 3)
            assert inputs["images"].dtype == np.uint8 and labels.size <= 256
    assert same(epochs[0], epochs[1]) != shuffle


def test_weights_have_mean_one_and_are_0_on_padding(make):
    for inputs, _, weight in epoch_of(make()):
        np.testing.assert_array_equal(weight > 0, inputs["target_segment_ids"] > 0)
        np.testing.assert_allclose(weight.mean(), 1.0, rtol=1e-6)


def test_a_batch_follows_from_seed_and_epoch(make):
    whole = list(make(seed=3).repeat(2))
    second = whole[len(whole) // 2 :]
    assert same(epoch_of(make(seed=3, first_epoch=1)), epoch_of(second))
    assert not same(epoch_of(make(seed=4, first_epoch=1)), epoch_of(second))


def test_images_of_a_batch_are_bounded(make):
    sizes = [len(weight) for _, _, weight in epoch_of(make(most_images=2))]
    assert set(sizes) <= {1, 2} and 2 in sizes


def test_few_broken_images_are_left_out_and_many_are_an_error(make, caplog):
    _, examples = corpus(60, broken=[7])
    rows = sum((weight.any(axis=1)).sum() for _, _, weight in epoch_of(make(examples)))
    assert rows == 59
    assert "Left out 1 of 60 images. image 7 (" in caplog.text
    assert "The PNG is cut short or damaged" in caplog.text
    with pytest.raises(ValueError, match="2 of 60 images .* image 3 .* cut short"):
        make(corpus(60, broken=[3, 9])[1])
    with pytest.raises(ValueError, match="There are no images"):
        make(examples.take(0))


def test_long_captions_are_left_out_and_counted(make, caplog, tokenizer):
    captions, examples = corpus()
    lengths = [len(tokenizer.tokenize(text)) + 1 for own in captions for text in own]
    longest = max(lengths)
    epoch = epoch_of(make(examples, max_length=longest - 1))
    count = sum(length == longest for length in lengths)
    assert (
        f"Left out {count} captions of more than max_length={longest - 1} ids"
        in caplog.text
    )
    assert len(captions_shown(epoch, tokenizer)) == len(lengths) - count
    with pytest.raises(
        ValueError, match="no caption to train on: all have more than 1"
    ):
        make(examples, max_length=1)


# Views


def ramp(rows=12, columns=20):
    """Red says the row, green the column."""
    image = np.zeros((rows, columns, 3), "uint8")
    image[..., 0] = 5 * np.arange(rows)[:, None]
    image[..., 1] = 5 * np.arange(columns)
    return image


def views(draws, can_flip=True, size=(8, 10)):
    """Of an image whose colours are not changed where the last draws are 1/2."""
    draws = np.asarray(draws, "float32")
    images = np.repeat(ramp()[None], len(draws), axis=0)
    return augment(images, draws, np.full(len(draws), can_flip), *size).numpy()


def test_a_view_is_a_part_and_perhaps_mirrored():
    draws = [
        [0, 0, 0.9, 0.5, 0.5, 0.5],
        [0.999, 0.999, 0.9, 0.5, 0.5, 0.5],
        [0, 0, 0.1, 0.5, 0.5, 0.5],
    ]
    first, last, mirrored = views(draws)
    np.testing.assert_array_equal(first, ramp()[:8, :10])
    np.testing.assert_array_equal(last, ramp()[4:, 10:])
    np.testing.assert_array_equal(mirrored, ramp()[:8, 9::-1])
    np.testing.assert_array_equal(views(draws[2:], can_flip=False)[0], first)


def test_colours_are_shifted_a_little():
    place = [0, 0, 0.9]

    def two(*colours):
        return views([[*place, *each] for each in colours]).astype(int)

    dark, bright = two((0, 0.5, 0.5), (1, 0.5, 0.5))
    assert bright[..., 0].min() >= 51 and dark.max() <= 4
    flat, strong = two((0.5, 0, 0.5), (0.5, 1, 0.5))
    assert flat[..., 1].std() < ramp()[:8, :10, 1].std() < strong[..., 1].std()
    grey, vivid = (np.ptp(view, axis=-1) for view in two((0.5, 0.5, 0), (0.5, 0.5, 1)))
    assert grey.sum() < np.ptp(ramp()[:8, :10], axis=-1).sum() < vivid.sum()


def test_all_views_are_possible():
    draws = np.random.default_rng(0).random((400, NUM_DRAWS))
    draws[:, 3:] = 0.5
    corners = {tuple(view[0, 0, :2].tolist()) for view in views(draws)}
    rows = {row for row, _ in corners}
    assert rows == {0, 5, 10, 15, 20}
    # 11 places from the left edge, and 11 of a mirrored one.
    assert {column for _, column in corners} == {5 * i for i in range(20)}


def test_other_words_for_sides_keep_an_image_as_it_is(tokenizer):
    texts = ["the leftmost dog", "a Right-handed man", "a dog is here", "no side"]
    assert [bool(_SIDES.search(text)) for text in texts] == [True, True, False, False]


@pytest.mark.parametrize(
    "example",
    [
        {"image": b"png", "captions": "one"},
        {"image": np.zeros((4, 4, 3), "uint8"), "captions": ["one"]},
        {"image": [b"png"], "captions": [["one"]]},
    ],
)
def test_examples_of_another_form_are_refused(make, example):
    with pytest.raises(ValueError, match="string scalar, each with its captions"):
        make(tf.data.Dataset.from_tensors(example))


def test_captions_without_a_word_and_bytes_that_are_no_text(make, caplog):
    _, examples = corpus(120)
    texts = tf.ragged.constant([["...", ""], [b"\xff", b"a"]], tf.string, 1)
    odd = tf.data.Dataset.from_tensor_slices(
        {"image": [written("red")] * 2, "captions": texts}
    )
    epoch = epoch_of(make(examples.concatenate(odd)))
    assert sum(int(weight.any(axis=1).sum()) for _, _, weight in epoch) == 120
    assert "image 120 ('...'): It has no caption with a word in it" in caplog.text
    assert "image 121: A caption is no UTF-8" in caplog.text


def test_nothing_is_mirrored_where_that_is_asked_for(make):
    halves = Image.new("RGB", (30, 20), "black")
    halves.paste("white", (0, 0, 15, 20))
    file = io.BytesIO()
    halves.save(file, "PNG")
    data = {"image": [file.getvalue()] * 30, "captions": [["all"]] * 30}
    examples = tf.data.Dataset.from_tensor_slices(data)

    def mirrored(flip):
        epoch = epoch_of(make(examples, flip=flip))
        return [
            inputs["images"][row, :, 0].mean() < inputs["images"][row, :, -1].mean()
            for inputs, _, weight in epoch
            for row in np.flatnonzero(weight.any(axis=1))
        ]

    assert 5 < sum(mirrored(flip=True)) < 25
    assert not any(mirrored(flip=False))
