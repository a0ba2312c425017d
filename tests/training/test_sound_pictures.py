import numpy as np
import pytest
from PIL import Image

from zoo.training import draw_transcript


@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_sound_with_its_pieces(tmp_path, count):
    rng = np.random.default_rng(0)
    samples = rng.normal(size=8_000)
    pieces = ["\u2581$one", "\u2581", "t", "wo", "\u2581\u97f3", "x", "y"][:count]
    path = tmp_path / "sound.png"
    draw_transcript(
        path,
        samples,
        8_000,
        pieces,
        np.linspace(0, 0.9, count),
        rng.random((count, 25)),
        title="what was said (what should have been)",
    )
    with Image.open(path) as image:
        assert image.width > 300 and len(image.getcolors(1 << 24)) > 50


def test_hardly_any_sound(tmp_path):
    draw_transcript(tmp_path / "a.png", np.zeros(3), 8_000, [], [], np.zeros((0, 2)))
    assert (tmp_path / "a.png").is_file()
