"""A run that is interrupted ends as one that is not."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.training.tiny import EXAMPLES, Interrupt, Task, batches
from zoo import training

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def no_curves(monkeypatch):
    """Drawing takes longer than training here; test_report.py draws."""
    monkeypatch.setattr("zoo.training.report.draw_curves", lambda *arguments: None)


def fit(run_dir, task, epochs=5, **options):
    return training.fit(
        task,
        options.pop("batches", batches),
        epochs=epochs,
        run_dir=run_dir,
        validation=EXAMPLES,
        verbose=0,
        **options,
    )


def assert_same_run(one, other, one_dir, other_dir):
    """Weights, optimizer, and every row but for the time it took."""
    for x, y in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)
    variables = zip(
        one.model.optimizer.variables, other.model.optimizer.variables, strict=True
    )
    for x, y in variables:
        np.testing.assert_array_equal(x.numpy(), y.numpy())
    assert rows_without_time(one_dir) == rows_without_time(other_dir)


def rows_without_time(run_dir):
    rows = training.read_metrics(run_dir / "metrics.csv")
    return [
        {name: x for name, x in row.items() if not name.endswith("seconds")}
        for row in rows
    ]


def test_a_resumed_run_equals_an_undisturbed_one(tmp_path):
    undisturbed, first, second = Task(seed=1), Task(seed=1), Task(seed=2)
    fit(tmp_path / "whole", undisturbed, average=None)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "parts", first, callbacks=[Interrupt(3)], average=None)
    asked = []

    def recorded(first_epoch):
        asked.append(first_epoch)
        return batches(first_epoch)

    fit(tmp_path / "parts", second, batches=recorded, average=None)
    assert asked == [3]
    assert int(second.model.optimizer.iterations) == 10
    assert_same_run(undisturbed, second, tmp_path / "whole", tmp_path / "parts")
    assert [row["epoch"] for row in rows_without_time(tmp_path / "parts")] == [
        *range(1, 6)
    ]


def test_more_epochs_later_equal_all_at_once(tmp_path):
    whole, part, rest = Task(seed=1), Task(seed=1), Task(seed=2)
    fit(tmp_path / "whole", whole, settings={"epochs": 4}, epochs=4, average=3)
    fit(tmp_path / "parts", part, settings={"epochs": 2}, epochs=2, average=3)
    fit(tmp_path / "parts", rest, settings={"epochs": 4}, epochs=4, average=3)
    assert_same_run(whole, rest, tmp_path / "whole", tmp_path / "parts")


@pytest.mark.slow
def test_killed_by_the_system_it_goes_on(run_dir):
    code = f"""
import os, signal
from tests.training.tiny import Interrupt, Task, batches
from zoo import training

class Kill(Interrupt):
    def on_train_batch_end(self, batch, logs=None):
        if self.now == 2 and batch == 1:
            os.kill(os.getpid(), signal.SIGKILL)

training.fit(Task(), batches, epochs=4, run_dir={str(run_dir)!r}, callbacks=[Kill(2)])
"""
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    assert killed.returncode == -9, killed.stderr
    history = training.fit(Task(), batches, epochs=4, run_dir=run_dir, verbose=0)
    assert history["epoch"] == [1, 2, 3, 4]


def test_interrupted_while_saving_it_loses_one_epoch(run_dir, monkeypatch):
    task = Task(bleu=[1, 2, 3])
    save = task.model.save_weights

    def half(path, **options):
        save(path, **options)
        if int(task.model.optimizer.iterations) == 6:
            path.write_bytes(path.read_bytes()[:1000])
            raise KeyboardInterrupt

    monkeypatch.setattr(task.model, "save_weights", half)
    with pytest.raises(KeyboardInterrupt):
        fit(run_dir, task)
    assert fit(run_dir, Task(bleu=[30, 40, 50]))["val_bleu"] == [1, 2, 30, 40, 50]
    assert not list(run_dir.rglob("partial-*"))


def test_interrupted_between_checkpoint_and_report_no_row_is_lost(run_dir, monkeypatch):
    def interrupted(path, history):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("zoo.training.report.write_metrics", interrupted)
        fit(run_dir, Task(bleu=[1]))
    fit(run_dir, Task(bleu=[2, 3]), epochs=3)
    rows = training.read_metrics(run_dir / "metrics.csv")
    assert [row["val_bleu"] for row in rows] == [1, 2, 3]


def test_patience_survives_a_resume(run_dir):
    options = {"patience": 3, "epochs": 10}
    with pytest.raises(KeyboardInterrupt):
        fit(run_dir, Task(bleu=[5, 4, 4]), callbacks=[Interrupt(3)], **options)
    history = fit(run_dir, Task(bleu=[4, 9]), **options)
    assert history["val_bleu"] == [5, 4, 4, 4]


def test_a_finished_run_trains_no_more_and_gives_the_same_model(run_dir, capsys):
    first, again = Task(bleu=[3, 9, 1], seed=1), Task(bleu=[], seed=2)
    before = fit(run_dir, first, epochs=3)
    after = training.fit(
        again, batches, epochs=3, run_dir=run_dir, validation=EXAMPLES, verbose=2
    )
    assert before == after
    for x, y in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)
    assert "trained already, 3 epochs" in capsys.readouterr().out


def test_the_model_ends_with_the_best_epoch(run_dir):
    class Remembering(Interrupt):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                self.best = self.model.get_weights()

    remembering = Remembering(99)
    task = Task(bleu=[3, 9, 1])
    fit(run_dir, task, epochs=3, callbacks=[remembering])
    for x, y in zip(task.model.get_weights(), remembering.best, strict=True):
        np.testing.assert_array_equal(x, y)


def test_no_resume_moves_the_old_run_aside(run_dir):
    fit(run_dir, Task(bleu=[1, 2]), epochs=2)
    history = fit(run_dir, Task(bleu=[7]), epochs=1, resume=False)
    assert history["val_bleu"] == [7]
    old = training.read_metrics(run_dir.with_name("run.1") / "metrics.csv")
    assert [row["val_bleu"] for row in old] == [1, 2]


def test_without_validation_it_monitors_the_loss(run_dir):
    history = training.fit(Task(), batches, epochs=2, run_dir=run_dir, verbose=0)
    assert set(history) == {"epoch", "loss", "mae", "learning_rate", "seconds"}
    assert training.best_checkpoints(run_dir, 1)


def test_it_can_go_on_says_where(run_dir, capsys):
    fit(run_dir, Task(), epochs=1)
    training.fit(
        Task(), batches, epochs=2, run_dir=run_dir, validation=EXAMPLES, verbose=2
    )
    assert "run: going on after epoch 1/2." in capsys.readouterr().out


class Learned:
    """A tokenizer of these words."""

    def __init__(self, *words):
        self.words = words

    def get_vocabulary(self):
        return list(self.words)


def learned(words, classes):
    task = Task()
    task.tokenizer, task.classes = Learned(*words), classes
    return task


@pytest.mark.parametrize(
    ("words", "classes", "num_batches", "message"),
    [
        (("dog", "a"), ["x"], 2, "other data .tokenizer: '.{12}' there, '.{12}' now"),
        (("a", "dog"), ["y"], 2, "other data .classes: '"),
        (("a", "dog"), ["x"], 1, "other data .batches: 2 there, 1 now.*--no-resume"),
    ],
)
def test_a_run_is_gone_on_with_from_the_same_data(
    run_dir, words, classes, num_batches, message
):
    fit(run_dir, learned(("a", "dog"), ["x"]), epochs=1, settings={"seed": 1})
    with pytest.raises(ValueError, match=message):
        fit(
            *(run_dir, learned(words, classes)),
            batches=lambda first_epoch: batches(first_epoch).take(num_batches),
            settings={"seed": 1},
        )
    same = learned(("a", "dog"), ["x"])
    assert fit(run_dir, same, settings={"seed": 1}, epochs=2)["epoch"] == [1, 2]


def test_an_older_run_does_not_say_what_its_data_were(run_dir):
    fit(run_dir, learned(("a", "dog"), ["x"]), epochs=1)
    (run_dir / "settings.json").write_text("{}")
    other = learned(("a", "cat"), ["x"])
    assert fit(run_dir, other, epochs=2)["epoch"] == [1, 2]


def test_a_wrong_kind_of_average_is_refused(run_dir):
    with pytest.raises(ValueError, match="average_of='first'. Expected 'best' or"):
        fit(run_dir, Task(), average_of="first")
    assert not run_dir.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("epochs", epochs) for epochs in (0, -1, 1.5, None)),
        *(("patience", 0), ("patience", -1), ("average", 0), ("average", 2.5)),
    ],
)
def test_epochs_are_counted_from_one(tmp_path, name, value):
    with pytest.raises(ValueError, match=f"{name} must be .* from 1 up, got {value}"):
        fit(tmp_path / "run", Task(), **{"epochs": 1, name: value})
    assert not (tmp_path / "run").exists()
