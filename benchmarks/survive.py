"""A run that is killed again and again ends as one that nothing disturbed.

    python -m benchmarks.survive
    python -m benchmarks.survive --kills 3

The translation recipe trains on generated dates, once undisturbed and once killed with
SIGKILL 20 times: in each of two epochs after it saved, while it writes a checkpoint, at
any time from the start, and while it writes the weights of the epoch; at last when it
has trained. The same command goes on each time. The weights of both must have the same
bytes, and metrics.csv the same rows. Writes `survive.md`; half an hour on 2 slow cores.
"""

import argparse
import datetime
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py

from benchmarks.command_line import RESULTS
from benchmarks.report import machine

EPOCHS = 2
RECIPE = [
    *(sys.executable, "-m", "recipes.translate", "--epochs", str(EPOCHS)),
    *("--save-minutes", "0.02"),
]
SAVED, WRITES, ANY, WEIGHTS, TRAINED = (
    *("after it saved", "while it writes", "at any time"),
    *("at an epoch's weights", "when it has trained"),
)


def main(kills, results, seed=1):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        started = time.monotonic()
        whole = begin(folder / "whole")
        if whole.wait():
            raise RuntimeError(f"The undisturbed run ended with {whole.returncode}.")
        seconds = time.monotonic() - started
        moments = random.Random(seed)
        rows = []
        for kind, epoch in plan(kills):
            process = begin(folder / "parts")
            found = killed(process, folder / "parts", kind, epoch, seconds, moments)
            rows.append((kind, *found))
        last = begin(folder / "parts")
        if last.wait():
            raise RuntimeError(f"The disturbed run ended with {last.returncode}.")
        are_same = {
            "bytes of the weights": digest(folder / "whole")
            == digest(folder / "parts"),
            "rows of metrics.csv": metrics(folder / "whole")
            == metrics(folder / "parts"),
        }
    write(rows, are_same, Path(results))
    return are_same


def begin(run_dir):
    """The recipe in a process of its own."""
    command = [*RECIPE, "--run-dir", run_dir, "--export-dir", f"{run_dir}-export"]
    return subprocess.Popen(
        list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def plan(kills):
    """How and in which epoch it is killed each time.

    >>> plan(8)
    [("after it saved", 1), ("while it writes", 1), ("at any time", 1),
     ("at an epoch's weights", 1), ("after it saved", 2), ("while it writes", 2),
     ("at any time", 2), ("when it has trained", 2)]
    """
    planned = []
    for epoch in range(1, EPOCHS + 1):
        count = kills * epoch // EPOCHS - kills * (epoch - 1) // EPOCHS
        num_weights = -(-count // 4)
        kinds = [(SAVED, WRITES, ANY)[n % 3] for n in range(count - num_weights)]
        planned += [(kind, epoch) for kind in (*kinds, *[WEIGHTS] * num_weights)]
    return [*planned[:-1], *[(TRAINED, EPOCHS)] * bool(planned)]


def killed(process, run_dir, kind, epoch, seconds, moments):
    """Kills it at such a moment, where an undisturbed run takes so many seconds.

    Returns:
        (str, bool): the newest checkpoint by then, and whether one was being written.
    """

    def wait(has_come, at_most=float("inf")):
        end = time.monotonic() + at_most
        while not has_come() and time.monotonic() < end:
            if process.poll() is not None:
                raise RuntimeError(f"It ended with {process.returncode} by itself.")
            time.sleep(0.0005)

    before, left_over = newest(run_dir), partial(run_dir)
    epochs_end = f"state-{epoch:04d}"
    if kind in (SAVED, WRITES):
        wait(lambda: newest(run_dir) != before)
        time.sleep(moments.uniform(0, 4))
    if kind == WRITES:
        wait(lambda: partial(run_dir), at_most=5)
    elif kind == ANY:
        time.sleep(moments.uniform(0, seconds / 4))
    elif kind == WEIGHTS:
        wait(lambda: not partial(run_dir))  # what the kill before has left
        name = f"*epoch-{epoch:04d}*"
        wait(lambda: partial(run_dir, name) or newest(run_dir) >= epochs_end)
    elif kind == TRAINED:
        wait(lambda: newest(run_dir) >= epochs_end)
        time.sleep(moments.uniform(0, seconds / 8))
    process.kill()
    process.wait()
    is_new = kind != ANY or not left_over
    return newest(run_dir), partial(run_dir) and is_new


def newest(run_dir):
    """The name of the newest checkpoint, or nothing."""
    return max((path.stem for path in run_dir.glob("checkpoints/*.json")), default="")


def partial(run_dir, name="*"):
    """Whether a file is being written, or was when it was killed."""
    return any(True for _ in run_dir.glob(f"checkpoints/partial-{name}"))


def digest(run_dir):
    """Of every weight of the model that the run ended with."""
    (path,) = run_dir.glob("model-*.weights.h5")
    found = hashlib.sha256()

    def add(name, item):
        if isinstance(item, h5py.Dataset):
            found.update(name.encode() + item[()].tobytes())

    with h5py.File(path, "r") as file:
        file.visititems(add)
    return found.hexdigest()


def metrics(run_dir):
    return (run_dir / "metrics.csv").read_text()


def write(rows, are_same, folder):
    origin = f"{machine()}, {datetime.date.today().isoformat()}"
    lines = ["# A run that is killed again and again", "", f"{origin}.", ""]
    lines += [f"    python -m benchmarks.survive --kills {len(rows)}", ""]
    lines += ["| compared with an undisturbed run | |", "| --- | --- |"]
    lines += [
        f"| {what} | {'the same' if x else 'DIFFER'} |" for what, x in are_same.items()
    ]
    lines += ["", "| killed | newest checkpoint | while it wrote |"]
    lines += ["| --- | --- | --- |"]
    lines += [f"| {kind} | {name} | {'yes' if x else 'no'} |" for kind, name, x in rows]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "survive.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--results", default=RESULTS, help="folder of the report")
    same = main(**vars(options.parse_args()))
    print(
        *(f"{what}: {'the same' if x else 'DIFFER'}" for what, x in same.items()),
        sep="\n",
    )
    sys.exit(not all(same.values()))
