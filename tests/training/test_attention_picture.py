import matplotlib.image
import numpy as np
import pytest

from zoo.training import draw_attention


def test_the_picture_grows_with_the_pieces(tmp_path):
    sizes = []
    for length in (2, 9):
        path = tmp_path / f"{length}.png"
        draw_attention(
            path, ["▁a"] * length, ["▁x", "▁y"], np.ones((2, length)) / length
        )
        sizes.append(matplotlib.image.imread(path).shape)
    assert sizes[1][1] > sizes[0][1]
    assert sizes[1][0] == sizes[0][0]


def test_columns_and_rows_have_names(tmp_path):
    pictures = []
    for axes in (("source", "target"), ("piece", "layer")):
        draw_attention(tmp_path / "a.png", ["a"], ["x"], np.ones((1, 1)), axes=axes)
        pictures.append((tmp_path / "a.png").read_bytes())
    assert pictures[0] != pictures[1]


def test_heads_are_averaged(tmp_path):
    heads = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    draw_attention(tmp_path / "heads.png", ["a", "b"], ["x"], heads)
    draw_attention(tmp_path / "mean.png", ["a", "b"], ["x"], heads.mean(axis=0))
    one, other = (
        matplotlib.image.imread(tmp_path / name) for name in ("heads.png", "mean.png")
    )
    np.testing.assert_array_equal(one, other)


def test_pieces_of_any_script_and_formula_signs_are_drawn(tmp_path):
    path = tmp_path / "a.png"
    draw_attention(path, ["$", "$x_", "狗", "<0x0A>", "\n"], ["^"], np.ones((1, 5)))
    assert path.stat().st_size > 1000


def test_a_matrix_that_does_not_fit_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"shape \(1, 2\) for 2 target and 1 source"):
        draw_attention(tmp_path / "a.png", ["a"], ["x", "y"], np.ones((1, 2)))
