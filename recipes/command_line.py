"""From a command line to a recipe, and to an end that the shell understands."""

import os
import signal
import sys

import tyro

import zoo
from zoo.training import TrainingStoppedError


def run(main):
    """Calls a recipe with what the command line says.

    A training that stopped ends the process at once: Python's own end would wait for
    what still reads ahead, and that for Python.
    """
    try:
        tyro.cli(main)
    except KeyboardInterrupt:
        sys.stdout.flush()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    except TrainingStoppedError as error:
        print(error, file=sys.stderr, flush=True)
        sys.stdout.flush()
        os._exit(1)


def use_devices(distribute, preset):
    """Calls `zoo.training.distribute` with the size of a preset, if known."""
    known = zoo.list_presets().get(preset)
    zoo.training.distribute(distribute, parameters=known.parameters if known else 0)
