import matplotlib.image

from zoo.training import draw_curves

HISTORY = [
    {"epoch": 1, "loss": 3.0, "val_loss": 3.2, "val_bleu": 8.0, "seconds": 9.0},
    {"epoch": 2, "loss": 2.0, "val_bleu": 12.0, "seconds": 9.0},
]


def width_and_height(path):
    height, width, _ = matplotlib.image.imread(path).shape
    return width, height


def test_a_panel_a_metric_and_none_for_seconds(tmp_path):
    draw_curves(tmp_path / "two.png", HISTORY, "val_bleu")
    only_loss = [{"epoch": 1, "loss": 3.0}]
    draw_curves(tmp_path / "one.png", only_loss, "loss", "min")
    two, one = (width_and_height(tmp_path / f"{name}.png") for name in ("two", "one"))
    assert two == (2 * one[0], one[1])


def test_more_than_three_panels_go_to_further_rows(tmp_path):
    four = [{"epoch": 1, "loss": 1.0, "val_bleu": 2.0, "val_chrf": 3.0, "wer": 4.0}]
    draw_curves(tmp_path / "four.png", four)
    draw_curves(tmp_path / "one.png", [{"epoch": 1, "loss": 1.0}])
    width, height = width_and_height(tmp_path / "one.png")
    assert width_and_height(tmp_path / "four.png") == (3 * width, 2 * height)
