"""A run that stops before its end says why, and how it goes on."""

import contextlib
import errno
import os
import signal

from zoo.training.distribution import num_processes
from zoo.training.interruption import interruptible
from zoo.training.skipping import NotFiniteError

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class TrainingStoppedError(RuntimeError):
    """Training cannot go on; the message says why, and what to do."""


@contextlib.contextmanager
def stopping_in_words(path, checkpoints, verbose):
    """Saves when Ctrl-C or SIGTERM come, and explains what else ends a run.

    Args:
        path: of the run folder.
        checkpoints: `zoo.training.Checkpoints`.
        verbose: whether to say where an interrupted run goes on.
    """
    try:
        with (
            explained_disk(path),
            _explained_peers(path, checkpoints),
            _saved_first(path, checkpoints, verbose),
        ):
            yield
    except NotFiniteError as error:
        advice = "Lower the learning rate, or go on without such batches: "
        advice += "skip_bad_steps=True (--skip-bad-steps)."
        if number := len(checkpoints.skipped.places):
            advice = f"{number} batches were skipped already: lower the learning rate."
        raise TrainingStoppedError(
            f"{path}: {error} {_saved(checkpoints)} {advice}"
        ) from error
    finally:
        checkpoints.close()


@contextlib.contextmanager
def _saved_first(path, checkpoints, verbose):
    try:
        with interruptible(checkpoints) as received:
            yield
    except KeyboardInterrupt:
        try:
            checkpoints.save()
            if verbose:
                print(f"\n{path}: stopped. {_saved(checkpoints)}", flush=True)
        finally:
            if signal.SIGTERM in received:
                # To whom listened before, mostly nobody: then the process ends here.
                signal.raise_signal(signal.SIGTERM)
        raise
    except NotFiniteError:
        checkpoints.wait()
        raise


@contextlib.contextmanager
def explained_disk(name):
    """Says in one line that the disk is full, and what to do; `name` comes first."""
    try:
        yield
    except TrainingStoppedError:
        raise
    except Exception as error:
        # TensorFlow and HDF5 have errors of their own, with the system's words in them.
        reasons = [
            os.strerror(number)
            for number in _NO_SPACE
            if number == getattr(error, "errno", None)
            or os.strerror(number) in str(error)
        ]
        if not reasons:
            raise
        raise TrainingStoppedError(
            f"{name}: no space is left to write to ({reasons[0]}). Make some, and give "
            "the same command again, without --no-resume: it goes on from the last "
            "checkpoint."
        ) from error


@contextlib.contextmanager
def _explained_peers(path, checkpoints):
    try:
        yield
    except Exception as error:
        # What TensorFlow's and JAX's collectives raise, of whatever type.
        lost = any(word in str(error) for word in ("unhealthy", "Gloo", "UNAVAILABLE"))
        if num_processes() == 1 or not lost:
            raise
        raise TrainingStoppedError(
            f"{path}: a process that trained together with this one is gone. "
            f"{_saved(checkpoints)} Give it to all {num_processes()} processes."
        ) from error


def _saved(checkpoints):
    epoch, step = checkpoints.saved or (0, 0)  # nothing before the first batch
    if not epoch and not step:
        return "Nothing was trained that could be saved."
    inside = f" and {step} batches" if step else ""
    return f"Without --no-resume the same command goes on after epoch {epoch}{inside}."
