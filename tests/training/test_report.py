from tests.training.test_fit import fit
from tests.training.tiny import Task
from zoo import training


def test_a_run_leaves_its_report(run_dir):
    fit(run_dir, Task(), epochs=2, settings={"seed": 0})
    rows = training.read_metrics(run_dir / "metrics.csv")
    assert [row["epoch"] for row in rows] == [1, 2]
    names = {"epoch", "loss", "mae", "val_bleu", "val_chrf", "learning_rate"}
    assert set(rows[0]) == names  # the same whenever the run is repeated
    times = training.read_metrics(run_dir / "times.csv")
    assert set(times[0]) == {"epoch", "seconds", "val_seconds"}
    assert rows[1]["learning_rate"] < rows[0]["learning_rate"]
    assert (run_dir / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "=== epoch 2" in (run_dir / "samples.txt").read_text()
    assert list(run_dir.glob("tensorboard/validation/events.*"))
    assert list(run_dir.glob("tensorboard/train/events.*"))
