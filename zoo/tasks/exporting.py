"""Exports from every backend: SavedModels are TensorFlow's alone."""

import functools
import json
import os
import subprocess
import sys
import tempfile

import keras

from zoo.tasks.lora import merges_lora

_PROGRAM = """
import json, sys
import zoo

name, folder, directory, options = sys.argv[1:]
task = getattr(zoo, name).from_preset(folder)
print(task.export(directory, **json.loads(options)))
"""


def exports(export):
    """Lets a task's `export` run in TensorFlow, and write sums of low-rank changes.

    On another backend the task is saved to a folder that goes away, and a process with
    TensorFlow, on the CPU, reads it there and exports it.
    """
    export = merges_lora(export)

    @functools.wraps(export)
    def export_anywhere(task, directory, **options):
        if keras.backend.backend() == "tensorflow":
            return export(task, directory, **options)
        with tempfile.TemporaryDirectory() as folder:
            task.save_to_preset(folder)
            return _in_tensorflow(type(task).__name__, folder, directory, options)

    return export_anywhere


def _in_tensorflow(name, folder, directory, options):
    arguments = [name, folder, str(directory), json.dumps(options)]
    environment = {
        **os.environ,
        "KERAS_BACKEND": "tensorflow",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "CUDA_VISIBLE_DEVICES": "-1",  # the devices are this process's
    }
    environment.pop("XLA_FLAGS", None)  # one engine's end the other
    result = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        reason = (result.stderr.strip() or "it gave no reason.").splitlines()[-1]
        if result.returncode < 0:
            reason = f"it was ended by signal {-result.returncode}."
        raise RuntimeError(
            f"The process that exports with TensorFlow failed: {reason} Mend that, or "
            "save with save_to_preset and export in a process of yours with "
            "KERAS_BACKEND=tensorflow."
        )
    return result.stdout.splitlines()[-1]
