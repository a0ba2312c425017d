"""A run that is killed again and again ends as one that nothing disturbed.

    python -m benchmarks.survive
    python -m benchmarks.survive --kills 3

The translation recipe trains on generated dates, once undisturbed and once killed with
SIGKILL 20 times, every other time while it writes a checkpoint; the same command goes
on each time. The weights of both must have the same bytes, and metrics.csv the same
rows. Writes `survive.md`; about 12 minutes on 2 cores.
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

RECIPE = [
    *(sys.executable, "-m", "recipes.translate", "--epochs", "2"),
    *("--save-minutes", "0.02"),
]


def main(kills, results, seed=1):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        whole = begin(folder / "whole")
        if whole.wait():
            raise RuntimeError(f"The undisturbed run ended with {whole.returncode}.")
        moments = random.Random(seed)
        rows = []
        for number in range(kills):
            process = begin(folder / "parts")
            rows.append(killed(process, folder / "parts", number % 2, moments))
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


def killed(process, run_dir, while_writing, moments):
    """Kills it a while after it has saved anew; gives what was saved by then."""
    before = newest(run_dir)
    while newest(run_dir) == before:
        if process.poll() is not None:
            raise RuntimeError(f"It ended with {process.returncode} by itself.")
        time.sleep(0.01)
    time.sleep(moments.uniform(0, 4))
    if while_writing:
        end = time.monotonic() + 5
        while not partial(run_dir) and time.monotonic() < end:
            time.sleep(0.0005)
    writes = partial(run_dir)
    process.kill()
    process.wait()
    return newest(run_dir), writes


def newest(run_dir):
    """The name of the newest checkpoint, or nothing."""
    return max((path.stem for path in run_dir.glob("checkpoints/*.json")), default="")


def partial(run_dir):
    """Whether a file is being written."""
    return any(True for _ in run_dir.glob("checkpoints/partial-*"))


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
    lines += ["", "| killed after | while it wrote |", "| --- | --- |"]
    lines += [f"| {name} | {'yes' if writes else 'no'} |" for name, writes in rows]
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
