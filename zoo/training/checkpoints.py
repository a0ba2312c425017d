"""Weights and training state of every epoch: to go on from, to keep, to stop by."""

import time
import warnings
from pathlib import Path

import keras

from zoo.training import checkpoint_files as files
from zoo.training.ranking import checked_mode, epochs_since_best, ranked_epochs

# One to go on from, and the one before it in case the disk spoiled the first.
NUM_STATES = 2


class Checkpoints(keras.callbacks.Callback):
    """Saves every epoch, keeps the last and the best, stops when none gets better.

    Put it behind the callbacks that add metrics to the logs. What is best, and
    for how long nothing was, follows from the history that each checkpoint holds:
    a run that was interrupted decides as it would have without.

    Args:
        folder: where they lie.
        monitor: str. The metric that decides, as named in the logs.
        mode: `"max"`, `"min"`, or `"auto"` to take it from the metric's name.
        patience: int. Stop after that many epochs without a new best; `None`
            never stops.
        keep: int. The weights of how many last and of how many best epochs stay.
            The optimizer's state stays for the last two only.

    >>> checkpoints = Checkpoints("runs/en-de/checkpoints", "val_bleu")
    >>> first_epoch = checkpoints.restore(model)
    >>> model.fit(x, y, initial_epoch=first_epoch, callbacks=[checkpoints])
    """

    def __init__(
        self, folder, monitor="val_bleu", mode="auto", *, patience=None, keep=1
    ):
        super().__init__()
        self.folder = Path(folder)
        self.monitor = monitor
        self.mode = checked_mode(monitor, mode)
        self.patience = patience
        self.keep = keep
        self.history = []

    @property
    def patience_is_spent(self):
        since_best = epochs_since_best(self.history, self.monitor, self.mode)
        return self.patience is not None and since_best >= self.patience

    def restore(self, model):
        """Loads the newest complete checkpoint into a compiled, built model.

        That is: weights, optimizer with its step count, the states of dropout and
        other random layers, and the history.

        Returns:
            int: how many epochs are done, 0 where there is no checkpoint. It is
            `fit`'s `initial_epoch`.

        Raises:
            ValueError: the model is not ready, the checkpoint is of another model,
                or none of several checkpoints is whole. If only the newest is
                damaged, a warning names it.
        """
        for ready, word in ((model.built, "built"), (model.compiled, "compiled")):
            if not ready:
                raise ValueError(
                    f"Checkpoints.restore got a model that is not {word}. Build and "
                    "compile it first, so that there are variables to restore."
                )
        paths = sorted(self.folder.glob("epoch-*.json"), reverse=True)
        for path in paths:
            try:
                record = files.read_record(path)
            except ValueError as error:
                warnings.warn(f"{error} Using the one before.", stacklevel=2)
                continue
            files.load_checkpoint(path, record, model)
            self.history = record["history"]
            return record["epoch"]
        if paths:
            raise ValueError(
                f"None of the {len(paths)} checkpoints in {self.folder} is whole. "
                "Pass resume=False (--no-resume) to start anew; the old run is moved "
                "aside."
            )
        return 0

    def on_epoch_begin(self, epoch, logs=None):
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self._check_monitor(logs)
        model = self.model
        row = {"epoch": epoch + 1, **{name: float(x) for name, x in logs.items()}}
        row["learning_rate"] = float(model.optimizer.learning_rate)
        row["seconds"] = round(time.perf_counter() - self._began, 2)
        self.history.append(row)
        facts = {"monitor": self.monitor, "mode": self.mode, "history": self.history}
        self.folder.mkdir(parents=True, exist_ok=True)
        files.write_checkpoint(self.folder, epoch + 1, model, facts)
        self._prune()
        if self.patience_is_spent:
            model.stop_training = True

    def _check_monitor(self, logs):
        if self.monitor not in logs:
            raise ValueError(
                f"monitor={self.monitor!r} is not among the metrics of the epoch: "
                f"{sorted(logs)}. Name one of these, or add the callback that "
                "measures it before this one."
            )

    def _prune(self):
        done = [row["epoch"] for row in self.history]
        best = ranked_epochs(self.history, self.monitor, self.mode)
        kept = {*done[-self.keep :], *best[: self.keep]}
        for epoch in done:
            path = files.record_path(self.folder, epoch)
            if epoch not in done[-NUM_STATES:]:
                path.unlink(missing_ok=True)
                files.state_path(path).unlink(missing_ok=True)
            if epoch not in kept:
                files.weights_path(path).unlink(missing_ok=True)
