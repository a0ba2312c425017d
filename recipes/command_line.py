"""From a command line to a recipe, and to an end that the shell understands."""

import os
import signal
import sys
from pathlib import Path

import tyro

import zoo
from zoo.training import TrainingStoppedError
from zoo.training.stopping import explained_disk


def run(main):
    """Calls a recipe with what the command line says.

    A training that stopped ends the process at once: Python's own end would wait for
    what still reads ahead, and that for Python. So does a disk that is full before or
    after it.
    """
    try:
        with explained_disk(Path(sys.argv[0]).stem):
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


def check_lora(rank, preset):
    """Refuses to leave an encoder of random weights as it is."""
    if rank is not None and not Path(preset).is_dir():
        raise ValueError(
            f"--lora-rank {rank} leaves the encoder as it is, and that of {preset!r} "
            "is not trained. Leave it out, or pass a trained one's folder as --preset."
        )
