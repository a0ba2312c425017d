"""A full disk is told as such, whoever notices it."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from zoo.training import TrainingStoppedError
from zoo.training.stopping import explained_disk

ROOT = Path(__file__).resolve().parents[2]
FULL = os.strerror(errno.ENOSPC)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, FULL),
        OSError(f"Unable to write (error message = '{FULL}')"),
        tf.errors.ResourceExhaustedError(None, None, f"run/events.zoo; {FULL}"),
    ],
)
def test_a_full_disk_is_told_in_one_line(error):
    with (
        pytest.raises(TrainingStoppedError, match="^run: no space is left.*resume: it"),
        explained_disk("whole"),  # what is told once is not told again
        explained_disk("run"),
    ):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EACCES, os.strerror(errno.EACCES)),
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"),
    ],
)
def test_other_errors_are_left_as_they_are(error):
    with pytest.raises(type(error)) as found, explained_disk("run"):
        raise error
    assert found.value is error


def test_a_disk_that_is_full_after_training_ends_a_recipe_in_one_line():
    code = f"""
import sys
from recipes.command_line import run

def main():
    raise OSError("Unable to write ({FULL})")

sys.argv = ["recipes/translate.py"]
run(main)
"""
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1].startswith("translate: no space is left to")
    assert "Traceback" not in process.stderr
