"""Where each word looked, and pages of captions, as pictures."""

import numpy as np
import pytest
from matplotlib.image import imread

from zoo.training.caption_pictures import (
    _words,
    draw_caption_attention,
    draw_captions,
)

IMAGE = np.full((20, 30, 3), 200, np.uint8)
PIECES = ["\u2581two", "\u2581do", "gs", "\u2581$x$", "</s>"]
ATTENTION = np.random.default_rng(0).random((5, 2, 3)).astype("float32")


def test_pieces_become_words_with_the_mean_of_what_they_saw():
    words, seen = _words(PIECES, ATTENTION)
    assert words == ["two", "dogs", "$x$"]
    np.testing.assert_array_equal(seen[0], ATTENTION[0])
    np.testing.assert_allclose(seen[1], ATTENTION[1:3].mean(axis=0))
    assert _words([], ATTENTION[:0]) == ([], [])
    assert _words(["s", "\u2581a"], ATTENTION[:2])[0] == ["s", "a"]


@pytest.mark.parametrize("count", [0, 1, 3, 5])
def test_a_panel_a_word(tmp_path, count):
    path = tmp_path / "attention.png"
    many = {"target_pieces": PIECES[:count], "attention": ATTENTION[:count]}
    draw_caption_attention(path, IMAGE, caption="two dogs $x$", **many)
    picture = imread(path)
    # Darker where a word looked away; the image alone is grey.
    assert picture.shape[1] > 200
    assert (np.ptp(picture[..., :3], axis=-1).max() > 0.2) == (count > 0)
    assert [p.name for p in tmp_path.iterdir()] == ["attention.png"]


def test_a_page_of_captions(tmp_path):
    row = {
        "image": IMAGE,
        "caption": "a long caption about $many things " * 4,
        "references": ["two dogs \u72ac", "a dog"],
        "score": 0.25,
    }
    draw_captions(tmp_path / "one.png", [row], title="best")
    draw_captions(tmp_path / "seven.png", [row] * 7)
    one, seven = imread(tmp_path / "one.png"), imread(tmp_path / "seven.png")
    assert seven.shape[0] == pytest.approx(2 * one.shape[0], abs=1)
    draw_captions(tmp_path / "none.png", [])
    assert (tmp_path / "none.png").is_file()
