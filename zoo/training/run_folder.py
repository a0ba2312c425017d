"""One run, one folder: what is in it, and who may go on with it."""

import csv
import fcntl
import json
import os
import weakref
from pathlib import Path

from zoo.atomic_write import atomic_write, partial_path
from zoo.training.distribution import process_index, the_first_one_first

# A run may go on with other values of these: they say how long to train, where things
# lie and how to search. (A schedule that ends with the epochs is then that of the
# longer run.)
MAY_CHANGE = (
    *("epochs", "patience", "resume", "run_dir", "export_dir"),
    *("save_minutes", "skip_bad_steps", "distribute", "remat"),
    *("num_beams", "length_penalty"),
)
_LOCK = "lock"
_MADE_FROM = "made_from"  # the setting that says what the data are


class RunFolder:
    """Makes the folder of a run, or takes up the one that is there.

        run_dir/
          settings.json           what makes this run this run
          lock                    held by the process that trains
          checkpoints/            weights, optimizer and all else that changes
          metrics.csv times.csv curves.png samples.txt tensorboard/ README.md

    Args:
        path: where the folder lies or shall lie.
        settings: dict of plain values, such as a recipe's arguments. A run is
            only taken up with the settings it began with; those named in
            `may_change` aside.
        resume: bool. With `False` a run that is there is moved aside
            (`run_dir.1`, `run_dir.2`, ...) and a new one begun. Nothing is
            deleted.
        writes: bool. With `False` the folder is another process's, which made it and
            trains together with this one.

    Raises:
        ValueError: the folder holds a run with other settings, files that are no
            run at all, or a run that another process is at. `close` ends one's own.
    """

    def __init__(
        self, path, settings=None, *, resume=True, may_change=MAY_CHANGE, writes=True
    ):
        self.path = Path(path)
        self.settings = json.loads(json.dumps(settings or {}, default=str))
        self.checkpoints = self.path / "checkpoints"
        self.metrics = self.path / "metrics.csv"
        self.times = self.path / "times.csv"
        self.curves = self.path / "curves.png"
        self.samples = self.path / "samples.txt"
        self.tensorboard = self.path / "tensorboard"
        self._settings_file = self.path / "settings.json"
        self._lock = None
        self._writes = writes
        if not writes:
            return
        if self._is_occupied():
            self._refuse_if_not_a_run()
            self._take()
            if resume:
                self._refuse_if_different(may_change)
            else:
                self._move_aside()
        self.path.mkdir(parents=True, exist_ok=True)
        self._take()
        # First of all: a folder with these is a run, however early it is stopped.
        self._write_settings()
        self.checkpoints.mkdir(exist_ok=True)

    def refuse_other_data(self, facts):
        """Compares the data with those that the run began with, and keeps new facts.

        Args:
            facts: dict of plain values that are the same at each start, such as the
                number of batches. Those that an older run lacks are not compared.

        Raises:
            ValueError: they are others.
        """
        before = self.settings.get(_MADE_FROM, {})
        different = _differences(before, facts, facts.keys() & before.keys())
        if different:
            raise ValueError(
                f"{self.path} holds a run that began with other data ({different}). "
                "Give the same data to go on with it, another run_dir, or resume=False "
                "(--no-resume) to move it aside and start anew."
            )
        if self._writes and not facts.keys() <= before.keys():
            self.settings[_MADE_FROM] = {**before, **facts}
            self._write_settings()

    def close(self):
        """Lets other processes have the folder; so does the end of this one."""
        if self._lock is not None:
            self._lock()
            self._lock = None

    def _take(self):
        """Holds a lock that the system takes back when the process ends, however."""
        if self._lock is not None:
            return
        lock = open(self.path / _LOCK, "a+", encoding="utf-8")  # noqa: SIM115 (kept)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip()
            lock.close()
            raise ValueError(
                f"{self.path} is in use: process {owner} trains there. Wait for it, or "
                "choose another run_dir."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = weakref.finalize(self, lock.close)

    def _is_occupied(self):
        if not self.path.is_dir():
            return self.path.exists()
        left_over = {partial_path(self._settings_file), self.path / _LOCK}
        return any(file not in left_over for file in self.path.iterdir())

    def _refuse_if_not_a_run(self):
        if not self._settings_file.is_file():
            raise ValueError(
                f"{self.path} exists and is not the folder of a run: it has no "
                f"{self._settings_file.name}. Choose another run_dir."
            )

    def _write_settings(self):
        with atomic_write(self._settings_file) as beside:
            beside.write_text(json.dumps(self.settings, indent=2) + "\n")

    def _refuse_if_different(self, may_change):
        try:
            before = self._settings_before()
            self._compare(before, may_change)
        except ValueError:
            self.close()
            raise
        if _MADE_FROM in before:
            self.settings[_MADE_FROM] = before[_MADE_FROM]

    def _compare(self, before, may_change):
        names = {*before, *self.settings} - {*may_change, _MADE_FROM}
        different = _differences(before, self.settings, names)
        if different:
            raise ValueError(
                f"{self.path} holds a run with other settings ({different})."
                " Give the same settings to go on with it, another run_dir, or "
                "resume=False (--no-resume) to move it aside and start anew."
            )

    def _settings_before(self):
        try:
            settings = json.loads(self._settings_file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(
                f"{self._settings_file} is damaged ({error}). Choose another run_dir, "
                "or resume=False (--no-resume) to move the run aside."
            ) from error
        return settings if isinstance(settings, dict) else {}

    def _move_aside(self):
        number = 1
        while (aside := Path(f"{self.path}.{number}")).exists():
            number += 1
        self.path.rename(aside)
        self.close()  # it is the lock of the old run


def _differences(before, now, names):
    return "; ".join(
        f"{name}: {before.get(name)!r} there, {now.get(name)!r} now"
        for name in sorted(names)
        if before.get(name) != now.get(name)
    )


def write_metrics(path, history):
    """Writes a history, one row an epoch, as CSV; what is missing stays empty."""
    columns = list(dict.fromkeys(name for row in history for name in row))
    with (
        atomic_write(path) as beside,
        open(beside, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(history)


def begin_run(run_dir, settings=None, resume=True):
    """Makes a run's folder before `fit` does, where something else is learned first.

    Args:
        run_dir, settings, resume: as `fit` takes them; then give it `resume=True`.

    Raises:
        ValueError: as `fit` raises it for a folder that it cannot go on with.
    """
    shared_run_folder(run_dir, settings, resume).close()


def shared_run_folder(run_dir, settings, resume):
    """The `RunFolder` of all processes that train together; the first one makes it."""
    leads = process_index() == 0
    with the_first_one_first(leads):
        return RunFolder(run_dir, settings, resume=resume, writes=leads)


def read_metrics(path):
    """The history that `metrics.csv` holds: a list of dicts of numbers."""
    with open(path, newline="", encoding="utf-8") as file:
        return [
            {
                name: int(value) if name == "epoch" else float(value)
                for name, value in row.items()
                if value
            }
            for row in csv.DictReader(file)
        ]
