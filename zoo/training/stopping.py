"""A run that stops before its end says why, and how it goes on."""

import contextlib
import errno
import os
import signal

from zoo.training.checkpoints import NotFiniteError
from zoo.training.interruption import interruptible

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
        with interruptible(checkpoints) as received:
            yield
    except KeyboardInterrupt:
        checkpoints.save()
        if verbose:
            print(f"\n{path}: stopped. {_saved(checkpoints)}", flush=True)
        if signal.SIGTERM in received:
            # To whom listened before, mostly nobody: then the process ends here.
            signal.raise_signal(signal.SIGTERM)
        raise
    except NotFiniteError as error:
        checkpoints.wait()
        raise TrainingStoppedError(
            f"{path}: {error} {_saved(checkpoints)} Lower the learning rate, or go on "
            "without such batches: skip_bad_steps=True (--skip-bad-steps)."
        ) from error
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        why = os.strerror(error.errno)
        raise TrainingStoppedError(
            f"{path}: no space is left to write to ({why}). Make some, and give the "
            "same command again: it goes on from the last checkpoint."
        ) from error
    finally:
        checkpoints.close()


def _saved(checkpoints):
    epoch, step = checkpoints.saved
    if not epoch and not step:
        return "Nothing was trained that could be saved."
    inside = f" and {step} batches" if step else ""
    return f"The same command goes on after epoch {epoch}{inside}."
