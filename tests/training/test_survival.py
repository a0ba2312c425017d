"""Whatever ends a process inside an epoch, its run ends as if nothing had."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.training.test_fit import assert_same_run
from tests.training.tiny import Epochs, Stop, Task
from zoo import training
from zoo.training.checkpoint_files import record_paths

ROOT = Path(__file__).resolve().parents[2]
EPOCHS = 3


class Killed(BaseException):
    """What no handler sees coming."""


@pytest.fixture(autouse=True)
def no_curves(monkeypatch):
    """Drawing takes longer than training here; test_report.py draws."""
    monkeypatch.setattr("zoo.training.report.draw_curves", lambda *arguments: None)


def fit(run_dir, task, epochs=None, **options):
    options = {"epochs": EPOCHS, "average": None, "verbose": 0, **options}
    return training.fit(task, epochs or Epochs(), run_dir=run_dir, **options)


def kill():
    raise Killed


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    run_dir, task = tmp_path_factory.mktemp("undisturbed") / "run", Task(seed=1)
    training.fit(
        *(task, Epochs()), epochs=EPOCHS, run_dir=run_dir, average=None, verbose=0
    )
    return run_dir, task


class KillOnceSaved(keras.callbacks.Callback):
    """Kills behind a batch; before each one what came before it is on the disk."""

    def __init__(self, run_dir, epoch, batch):
        super().__init__()
        self.folder = run_dir / "checkpoints"
        self.where = epoch, batch

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        path = self.folder / f"state-{self.epoch:04d}-{batch:08d}.json"
        end = time.monotonic() + 30
        while not path.is_file():
            assert time.monotonic() < end, f"{path} was not written"
            time.sleep(0.005)
        if (self.epoch, batch) == self.where:
            kill()


@pytest.mark.parametrize("batch", [0, 3, 5, 6])
def test_it_goes_on_inside_an_epoch(run_dir, undisturbed, batch):
    whole_dir, whole = undisturbed
    with pytest.raises(Killed):
        killing = [KillOnceSaved(run_dir, 1, batch)]
        fit(run_dir, Task(seed=1), save_steps=1, callbacks=killing)
    rest, seen = Task(seed=2), []
    stop = Stop(1, 0, lambda: seen.append(rest.model.optimizer.iterations.numpy()))
    fit(run_dir, rest, callbacks=[stop])
    assert seen == [7 + batch + 1]  # the first batch that was not done yet
    assert_same_run(whole, rest, whole_dir, run_dir)


def test_what_it_begins_with_is_written_once(run_dir):
    """Else a run that is killed while it writes has lost what it began with."""
    first = run_dir / "checkpoints" / "state-0000-00000000.npz"
    written = []
    for _ in range(2):
        with pytest.raises(Killed):
            fit(run_dir, Task(), callbacks=[KillOnceSaved(run_dir, 0, 0)])
        written.append(first.stat().st_mtime_ns)
    assert written[0] == written[1]


def test_often_interrupted_it_is_the_same_run(run_dir, undisturbed):
    whole_dir, whole = undisturbed
    for batch in (1, 4, 2, 0, 5):
        with pytest.raises(Killed):
            stops = [Stop(epoch, batch, kill) for epoch in range(EPOCHS)]
            fit(run_dir, Task(seed=batch), save_steps=1, callbacks=stops)
    rest = Task(seed=9)
    fit(run_dir, rest)
    assert_same_run(whole, rest, whole_dir, run_dir)


def test_stopped_while_it_is_scored_it_repeats_one_batch(run_dir):
    class Stopped(Task):
        def evaluate(self, examples, num_beams=4):
            if len(self.scored) == 1:
                raise KeyboardInterrupt
            self.scored.append(self.model.optimizer.iterations.numpy())
            return {"bleu": 1.0}

    task = Stopped()
    task.scored = []
    with pytest.raises(KeyboardInterrupt):
        fit(run_dir, task, validation=[])
    assert record_paths(run_dir / "checkpoints")[0].name == "state-0001-00000006.json"
    task.scored = []
    with pytest.raises(KeyboardInterrupt):
        fit(run_dir, task, validation=[])
    assert task.scored == [14]


SCRIPT = """
import sys, time
from recipes.command_line import run
from tests.training.tiny import Epochs, Stop, Task
from zoo import training

class Slow(Epochs):
    def batches(self, epoch):
        for batch in super().batches(epoch):
            time.sleep(seconds)
            yield batch

def main():
    print("begins", flush=True)
    training.fit(Task(seed=1), Slow(), epochs=3, run_dir=run_dir, average=None,
                 save_steps=1, verbose=2)

run_dir, seconds = sys.argv[1], float(sys.argv.pop())
sys.argv.pop()
run(main)
"""


def begin(run_dir, seconds_a_batch):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(run_dir), str(seconds_a_batch)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "begins\n", process.stderr.read()
    return process


def wait_for_state(run_dir, process):
    """Until the run has saved something new inside an epoch."""
    pattern = "checkpoints/state-*-0000000[1-6].json"
    before = set(run_dir.glob(pattern))
    while not set(run_dir.glob(pattern)) - before:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_says_how_to_go_on(run_dir, undisturbed, number):
    process = begin(run_dir, 0.2)
    wait_for_state(run_dir, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == -number, err
    name = record_paths(run_dir / "checkpoints")[0].stem
    epoch, step = (int(part) for part in name.split("-")[1:])
    expected = f"the same command goes on after epoch {epoch} and {step} batches"
    assert f"run: stopped. Without --no-resume {expected}" in out, err
    rest = Task(seed=3)
    fit(run_dir, rest)
    whole_dir, whole = undisturbed
    assert_same_run(whole, rest, whole_dir, run_dir)


def test_killed_at_random_moments_it_is_the_same_run(run_dir, undisturbed):
    moments = random.Random(1)
    for _ in range(3):
        process = begin(run_dir, 0.02)
        wait_for_state(run_dir, process)
        time.sleep(moments.uniform(0, 0.2))
        process.kill()
        process.communicate()
    rest = Task(seed=4)
    fit(run_dir, rest)
    whole_dir, whole = undisturbed
    assert_same_run(whole, rest, whole_dir, run_dir)


def test_a_loss_that_is_not_finite_stops_at_once(run_dir):
    bad = Epochs(bad=[(1, 4)])
    with pytest.raises(training.TrainingStoppedError) as error:
        fit(run_dir, Task(), bad, save_steps=2)
    message = str(error.value)
    assert "The loss is not finite after batch 5 of epoch 2." in message
    assert "the same command goes on after epoch 1" in message
    assert "--skip-bad-steps" in message
    good = Task()
    training.Checkpoints(run_dir / "checkpoints").restore(good.model)
    assert all(np.isfinite(weight).all() for weight in good.model.get_weights())


@pytest.mark.parametrize("where", [(0, 0), (1, 4), (1, 6)])
def test_a_bad_batch_can_be_skipped(run_dir, where):
    class Without(Epochs):
        def batches(self, epoch):
            for step, batch in enumerate(super().batches(epoch)):
                if (epoch, step) != where:
                    yield batch

    # What is left of the epoch, as batches that are all good.
    task, other = Task(seed=1), Task(seed=1)
    history = fit(run_dir, task, Epochs(bad=[where]), skip_bad_steps=True)
    for epoch in range(EPOCHS):
        other.model.fit(
            *_joined(Without().batches(epoch)), batch_size=8, shuffle=False, verbose=0
        )
    for x, y in zip(task.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)
    assert np.isfinite(history["loss"]).all()


def _joined(batches):
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


def test_a_batch_that_spoils_the_weights_is_found(run_dir):
    """Its own loss is finite, and so may be that of the next ones."""
    task = Task(seed=1)

    def spoil():
        kernel = task.model.layers[0].kernel
        kernel.assign(kernel * np.nan)

    with pytest.raises(training.TrainingStoppedError, match="batch 3 of epoch 2"):
        fit(run_dir, task, save_minutes=9, callbacks=[Stop(1, 1, spoil)])


def test_a_gradient_that_waits_in_the_optimizer_is_seen(run_dir):
    """With accumulation it spoils the weights only some batches later."""
    task = Task(seed=1)
    adam = keras.optimizers.Adam(gradient_accumulation_steps=7)
    task.model.compile(adam, loss="mse", jit_compile=False)
    bad = Epochs(bad=[(1, 2)])
    history = fit(run_dir, task, bad, save_steps=1, skip_bad_steps=True)
    record = json.loads(record_paths(run_dir / "checkpoints")[0].read_text())
    assert record["skipped"] == [[1, 2]]
    assert np.isfinite(history["loss"]).all()


def test_where_every_batch_is_bad_it_gives_up(run_dir):
    bad = Epochs(bad=[(0, step) for step in range(7)])
    with pytest.raises(training.TrainingStoppedError, match="7 batches were skipped"):
        fit(run_dir, Task(), bad, skip_bad_steps=True)


def test_without_known_batches_a_bad_one_stops_it(run_dir):
    def unknown(first_epoch):
        data = Epochs(bad=[(0, 3)])(first_epoch)
        return data.filter(lambda x, y: True)

    with pytest.raises(training.TrainingStoppedError, match="batch 4 of epoch 1"):
        fit(run_dir, Task(), unknown, skip_bad_steps=True, save_steps=1)


def test_a_run_that_stopped_inside_needs_data_that_begin_there(run_dir):
    with pytest.raises(Killed):
        stop = KillOnceSaved(run_dir, 0, 3)
        fit(run_dir, Task(), save_steps=1, callbacks=[stop])
    with pytest.raises(ValueError, match="after batch 3, and these data begin with ep"):
        fit(run_dir, Task(), lambda first: Epochs()(first).filter(lambda x, y: True))


def test_several_batches_a_step_are_saved_between_epochs(run_dir):
    def task():
        made = Task(seed=1)
        made.model.compile("adam", loss="mse", steps_per_execution=2)
        return made

    with pytest.raises(Killed):
        fit(run_dir, task(), save_steps=1, callbacks=[Stop(1, 5, kill)])
    assert fit(run_dir, task())["epoch"] == [1, 2, 3]


def test_a_callback_can_stop_it(run_dir):
    task = Task()

    def stop():
        task.model.stop_training = True

    with pytest.raises(Killed):
        kills = [KillOnceSaved(run_dir, 1, 3)]
        fit(run_dir, Task(), save_steps=1, callbacks=kills)
    # In what is left of an epoch as well.
    assert fit(run_dir, task, callbacks=[Stop(1, 2, stop)])["epoch"] == [1, 2]


def test_a_row_that_came_too_late_is_written_by_the_next(run_dir, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("zoo.training.report.Report.on_epoch_end", lambda *_: kill())
        training.fit(Task(), Epochs(), epochs=1, run_dir=run_dir, verbose=0)
    training.fit(Task(), Epochs(), epochs=1, run_dir=run_dir, verbose=0)
    assert len(training.read_metrics(run_dir / "metrics.csv")) == 1


def test_a_signal_before_the_first_batch_is_no_error(run_dir, capsys):
    def interrupted(first_epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.fit(Task(), interrupted, epochs=1, run_dir=run_dir)
    assert "Nothing was trained that could be saved" in capsys.readouterr().out
    assert fit(run_dir, Task())["epoch"] == [1, 2, 3]


def test_a_damaged_state_takes_no_good_ones_place(run_dir):
    with pytest.raises(Killed):
        fit(run_dir, Task(), save_steps=1, callbacks=[KillOnceSaved(run_dir, 1, 4)])
    folder = run_dir / "checkpoints"
    state = record_paths(folder)[0].with_suffix(".npz")
    state.write_bytes(state.read_bytes()[:-9])
    (folder / "partial-state-0001-00000005.npz").write_bytes(b"half")
    with pytest.warns(UserWarning, match=f"{state.name} is cut short or damaged"):
        assert training.Checkpoints(folder, "loss").restore(Task().model) == (1, 3)
    assert (folder / f"damaged-{state.name}").is_file()
    assert not list(folder.glob("partial-*"))
    assert training.Checkpoints(folder, "loss").restore(Task().model) == (1, 3)


def test_a_full_disk_leaves_the_last_checkpoint(run_dir, undisturbed):
    code = f"""
import resource
from tests.training.tiny import Epochs, Stop, Task
from zoo import training

def fill():
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

training.fit(Task(seed=1), Epochs(), epochs=3, run_dir={str(run_dir)!r}, average=None,
             save_steps=1, verbose=0, callbacks=[Stop(1, 2, fill)])
"""
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    lines = process.stderr.splitlines()
    *_, last = [line for line in lines if "TrainingStoppedError: " in line]
    assert "no space is left" in last
    assert "goes on from the last checkpoint" in last
    assert not list(run_dir.rglob("partial-*"))
    rest = Task(seed=5)
    fit(run_dir, rest)
    whole_dir, whole = undisturbed
    assert_same_run(whole, rest, whole_dir, run_dir)


def test_a_second_process_on_the_folder_is_refused(run_dir):
    process = begin(run_dir, 0.5)
    wait_for_state(run_dir, process)
    with pytest.raises(ValueError, match=f"in use: process {process.pid} trains there"):
        fit(run_dir, Task())
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert fit(run_dir, Task())["epoch"] == [1, 2, 3]


def test_where_no_best_weights_are_left_the_last_are_used(run_dir):
    whole, again = Task(), Task(seed=1)
    fit(run_dir, whole, average=1)
    last = Task(seed=2)
    training.Checkpoints(run_dir / "checkpoints", "loss").restore(last.model)
    for path in (run_dir / "checkpoints").glob("*.weights.h5"):
        path.write_bytes(path.read_bytes()[:-9])
    with (
        pytest.warns(UserWarning, match="epoch-0002.weights.h5 is lost or damaged"),
        pytest.warns(
            UserWarning, match="none is left.*Those of the last step are used"
        ),
    ):
        fit(run_dir, again, average=1)
    for ours, theirs in zip(
        again.model.get_weights(), last.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
