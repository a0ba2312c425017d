"""Images, mixed in pairs, and the words of their captions."""

import numpy as np
import pytest
import tensorflow as tf

from tests.data.test_captioning import written
from zoo.data import image_word_batches
from zoo.text import learn_tokenizer

CAPTIONS = [["dark night", "a night"], ["bright day"]]
SIZE = (14, 21)


@pytest.fixture(scope="module")
def tokenizer():
    return learn_tokenizer(sum(CAPTIONS, []) * 30, 300, at_most=True)


def batches(tokenizer, count=24, **options):
    """Of black and of white images, every second."""
    examples = tf.data.Dataset.from_tensor_slices(
        {
            "image": [written(("black", "white")[i % 2]) for i in range(count)],
            "captions": tf.ragged.constant([CAPTIONS[i % 2] for i in range(count)]),
        }
    )
    options = {"image_size": SIZE, "batch_size": 8, **options}
    return image_word_batches(examples, tokenizer, **options)


def words_of(tokenizer, captions):
    """float `(V,)`, 1 for each token of any of them."""
    words = np.zeros(tokenizer.vocabulary_size())
    words[tokenizer.tokenize(captions).flat_values.numpy()] = 1
    return words


def test_pixels_and_words_are_the_same_mean_of_two_images(tokenizer):
    dark, bright = (words_of(tokenizer, captions) for captions in CAPTIONS)
    shown = []
    for images, words in batches(tokenizer):
        assert images.shape[1:] == (*SIZE, 3)
        for image, row in zip(images.numpy(), words.numpy(), strict=True):
            (share,) = set(row[(bright > 0) & (dark == 0)].round(5))
            expected = share * bright + (1 - share) * dark
            np.testing.assert_allclose(row, expected, atol=1e-5)
            # Brightness moves each of the two by at most a fifth.
            assert abs(image.mean() / 255 - share) <= 0.21
            shown.append(share)
    assert len(shown) == 24
    assert 0 in shown and 1 in shown  # some beside one of their own kind
    assert any(0.02 < share < 0.98 for share in shown)


def test_an_epoch_follows_from_the_seed_and_its_number(tokenizer):
    both = batches(tokenizer)
    first, second = list(both), list(both)
    again = list(batches(tokenizer, first_epoch=1))
    for (images, words), (same_images, same_words) in zip(second, again, strict=True):
        np.testing.assert_array_equal(images, same_images)
        np.testing.assert_array_equal(words, same_words)
    other = list(batches(tokenizer, seed=1))
    for epoch in (second, other):
        assert not np.array_equal(first[0][0], epoch[0][0])


def test_room_in_the_last_batch_is_left_out(tokenizer):
    epoch = batches(tokenizer, count=9, batch_size=4)
    assert epoch.cardinality() == 3
    words = np.concatenate([words for _, words in epoch])
    assert len(words) == 9
    assert (words.max(axis=1) >= 0.5).all()


def test_a_batch_holds_an_image(tokenizer):
    with pytest.raises(ValueError, match="batch_size must be 1 or more, got 0"):
        batches(tokenizer, batch_size=0)


def test_images_without_captions_are_refused(tokenizer):
    examples = tf.data.Dataset.from_tensor_slices({"image": [b"x"]})
    with pytest.raises(ValueError, match="captions"):
        image_word_batches(examples, tokenizer, image_size=SIZE)
