from tests.training.test_fit import fit
from tests.training.tiny import Task
from zoo import training


def test_a_run_leaves_its_report(run_dir):
    fit(run_dir, Task(), epochs=2, settings={"seed": 0})
    rows = training.read_metrics(run_dir / "metrics.csv")
    assert [row["epoch"] for row in rows] == [1, 2]
    assert {"loss", "val_bleu", "val_chrf", "learning_rate", "seconds"} <= set(rows[0])
    assert rows[1]["learning_rate"] < rows[0]["learning_rate"]
    assert (run_dir / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "=== epoch 2" in (run_dir / "samples.txt").read_text()
    assert list(run_dir.glob("tensorboard/validation/events.*"))
    assert list(run_dir.glob("tensorboard/train/events.*"))
