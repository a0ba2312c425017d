"""Weights and training state of a run: to go on from, to keep, to stop by."""

import concurrent.futures
import contextlib
import math
import tempfile
import time
from pathlib import Path

import keras

from zoo.training import checkpoint_files as files
from zoo.training import distribution, ranking
from zoo.training.skipping import NotFiniteError, SkippedBatches

# One to go on from, and the one before it in case the disk spoiled the first.
NUM_STATES = 2


class Checkpoints(keras.callbacks.Callback):
    """Saves as it goes, keeps the last and the best, stops when none gets better.

    Put it behind the callbacks that add metrics to the logs. What is best, and
    for how long nothing was, follows from the history that each checkpoint holds:
    a run that was interrupted decides as it would have without.

    States are written in the background, from a copy. Inside an epoch they are
    written where `fit` knows how many batches it has, and always before its last one,
    so that who stops while the epoch is scored repeats one batch.

    Args:
        folder: where they lie.
        monitor: str. The metric that decides, as named in the logs.
        mode: `"max"`, `"min"`, or `"auto"` to take it from the metric's name.
        patience: int. Stop after that many epochs without a new best; `None`
            never stops.
        keep: int. The weights of how many last and of how many best epochs stay.
            The whole state stays twice.
        save_minutes, save_steps: float, int. Save inside an epoch after so many
            minutes or batches; neither is only between epochs.
        writes: bool. Where several processes train together, one writes.

    Attributes:
        epoch, step: int. Where the run stands: epochs that are done, batches of the
            next that are.
        history: list of dicts, the metrics of the epochs.
        skipped: SkippedBatches, those that the run goes on without.
        knows_batches: bool. Whether the epochs are of known length; where not, nothing
            is saved inside.
        saved: (int, int). Such a place, where the newest checkpoint on the disk is.
        busy: bool. Whether something changes that must not be left half done.
        is_asked_to_stop: bool. Raise KeyboardInterrupt as soon as nothing does.

    >>> checkpoints = Checkpoints("runs/en-de/checkpoints", "val_bleu")
    >>> first_epoch, _ = checkpoints.restore(model)
    >>> model.fit(x, y, initial_epoch=first_epoch, callbacks=[checkpoints])
    """

    def __init__(
        self,
        folder,
        monitor="val_bleu",
        mode="auto",
        *,
        patience=None,
        keep=1,
        save_minutes=None,
        save_steps=None,
        writes=True,
    ):
        super().__init__()
        self.folder = Path(folder)
        self.monitor = monitor
        self.mode = ranking.checked_mode(monitor, mode)
        self.patience = patience
        self.keep = keep
        self.save_minutes = save_minutes
        self.save_steps = save_steps
        self.writes = writes
        self.history = []
        self.skipped = SkippedBatches()
        self._checksums = {}  # of the weights of the epochs that stay
        self.epoch = self.step = 0
        self.saved = None  # the epoch and step of the newest checkpoint on the disk
        self._copied = None  # of the newest that is, or is being written
        self._saved_at = time.monotonic()
        self.knows_batches = True
        self.busy = self.is_asked_to_stop = False
        self._batches_after = 0  # of this epoch; 0 also where nobody knows
        self._left = None  # numbers of the batches of this epoch, if not all
        self._metrics = []  # of the epoch that a run goes on in
        self._seconds = 0.0
        self._begin = time.perf_counter()
        self._thread = concurrent.futures.ThreadPoolExecutor(1)
        self._writing = None

    @property
    def patience_is_spent(self):
        since_best = ranking.epochs_since_best(self.history, self.monitor, self.mode)
        return self.patience is not None and since_best >= self.patience

    def restore(self, model):
        """Loads the newest complete checkpoint into a compiled, built model.

        That is: weights, optimizer with its step count, the states of dropout and
        other random layers, metrics, and the history.

        Returns:
            (int, int): how many epochs are done and how many batches of the next, 0
            where there is no checkpoint. The first is `fit`'s `initial_epoch`.

        Raises:
            ValueError: the model is not ready, the checkpoint is of another model,
                none of several checkpoints is whole, or several processes found
                others. If only the newest is damaged, a warning names it.
        """
        for ready, word in ((model.built, "built"), (model.compiled, "compiled")):
            if not ready:
                raise ValueError(
                    f"Checkpoints.restore got a model that is not {word}. Build and "
                    "compile it first, so that there are variables to restore."
                )
        # It puts damaged ones aside.
        with distribution.the_first_one_first(self.writes):
            path, record = files.newest_whole(self.folder, clean=self.writes)
        if not distribution.all_say(f"{record and record['sha256']}"):
            raise ValueError(
                f"Processes that train together found different checkpoints; here it "
                f"is {path}. Let all see the same {self.folder}."
            )
        if record is not None:
            self._metrics = files.load_state(path, record, model)
            self.history = record["history"]
            self.skipped.restore(record["skipped"])
            self._checksums = dict(record.get("weights_sha256", ()))
            self.saved = self._copied = record["epoch"], record["step"]
            self.epoch, self.step = self.saved
            self._seconds = record["seconds"]
            self._batches_after, self.busy = 0, False
        return self.epoch, self.step

    def batches_left(self, num_batches):
        """Numbers of the batches that the epoch still trains on; None for all.

        `fit` is then to give it these alone.
        """
        self._left = None
        skipped = self.skipped.of_epoch(self.epoch)
        if not self.step and not skipped:
            return None
        if num_batches is None:
            raise ValueError(
                f"The run stopped inside an epoch, after batch {self.step}, and these "
                "data begin with epochs only. Give those it began with: a "
                "tf.data.Dataset that knows its cardinality."
            )
        self._left = [n for n in range(self.step, num_batches) if n not in skipped]
        return self._left

    def go_back(self, model):
        """Restores the checkpoint before the newest, behind which no batch is left."""
        if not self.step:
            raise NotFiniteError("The loss", self.epoch, 0)
        with distribution.the_first_one_first(self.writes):
            if self.writes:
                files.remove(files.record_paths(self.folder)[0])
        self.restore(model)

    def save(self):
        """Saves where the run stands, if it can go on from there, and waits for it."""
        is_new = (self.epoch, self.step) != self._copied
        if self._can_save_inside and not self.busy and is_new:
            self._save_state()
        self.wait()

    def wait(self):
        """Returns when all is on the disk; raises what writing it raised."""
        if self._writing is not None:
            self._writing.result()

    def close(self):
        """Returns when nothing is being written any more."""
        self._thread.shutdown()

    def on_train_begin(self, logs=None):
        self.model.optimizer.build(self.model.trainable_variables)
        if self._copied is None:
            self._save_state()  # so that there always is something to go back to

    def on_epoch_begin(self, epoch, logs=None):
        if epoch != self.epoch:
            self.epoch, self.step = epoch, 0
        if self.step:
            files.set_variables(self.model.metrics_variables, self._metrics)
        self._num_batches = self.params.get("steps")
        self._batches_after = 0
        self._begin = time.perf_counter() - self._seconds

    def on_train_batch_begin(self, batch, logs=None):
        self.busy = True

    def on_train_batch_end(self, batch, logs=None):
        self.step = 1 + (batch if self._left is None else self._left[batch])
        if self._num_batches is not None:
            self._batches_after = self._num_batches - batch - 1
        self._check_finite(logs)
        if self._writing is not None and self._writing.done():
            self.wait()
        is_due = self.writes and self._can_save_inside and self._is_due()
        is_due, stop = distribution.any_of_all([is_due, self.is_asked_to_stop])
        if is_due:
            self._save_state()
        self._is_whole_again(stop)

    def on_epoch_end(self, epoch, logs=None):
        ranking.check_monitor(self.monitor, logs)
        self.busy = True
        row = {"epoch": epoch + 1, **{name: float(x) for name, x in logs.items()}}
        row["learning_rate"] = float(files.as_array(self.model.optimizer.learning_rate))
        row["seconds"] = round(time.perf_counter() - self._begin, 2)
        arrays = self._copied_state()
        num_bytes = sum(array.nbytes for array in arrays)
        # On JAX none saves alone: the others' files go away again.
        own = contextlib.nullcontext(self.folder)
        with own if self.writes else tempfile.TemporaryDirectory() as folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self._checksums[epoch + 1] = files.write_weights(
                Path(folder), epoch + 1, self.model, num_bytes
            )
        self.history.append(row)
        self.epoch, self.step = epoch + 1, 0
        self._left, self._metrics, self._seconds = None, [], 0.0
        self._begin = time.perf_counter()
        self._save_state(arrays)
        if self.patience_is_spent:
            self.model.stop_training = True
        self._is_whole_again(*distribution.any_of_all([self.is_asked_to_stop]))

    def on_train_end(self, logs=None):
        self.wait()

    @property
    def _can_save_inside(self):
        is_wanted = self.save_minutes is not None or self.save_steps is not None
        return self._batches_after > 0 and self.knows_batches and is_wanted

    def _is_due(self):
        steps, minutes = self.save_steps, self.save_minutes
        if steps is not None and self.step - self._copied[1] >= steps:
            return True
        minutes = math.inf if minutes is None else minutes
        is_late = time.monotonic() - self._saved_at >= 60 * minutes
        return self._batches_after == 1 or is_late

    def _copied_state(self):
        arrays = files.copied(files.variables_of(self.model))
        # Gradients that wait in the optimizer too; metrics are what they are.
        if not files.are_finite(arrays[: -len(self.model.metrics_variables) or None]):
            raise NotFiniteError("A weight", self.epoch, self.step - 1)
        return arrays

    def _save_state(self, arrays=None):
        """Copies the state; the rest happens in the background, one after the other."""
        arrays = self._copied_state() if arrays is None else arrays
        self.wait()
        kept = ranking.kept_epochs(self.history, self.monitor, self.mode, self.keep)
        facts = {
            "monitor": self.monitor,
            "mode": self.mode,
            "history": [*self.history],
            "skipped": [*self.skipped.places],
            "seconds": round(time.perf_counter() - self._begin, 2),
            "of": files.kinds_of(self.model),
            "weights_sha256": [x for x in self._checksums.items() if x[0] in kept],
        }
        where = self._copied = (self.epoch, self.step)
        self._saved_at = time.monotonic()
        self._writing = self._thread.submit(self._write, where, arrays, facts, kept)

    def _write(self, where, arrays, facts, kept):
        if self.writes:
            self.folder.mkdir(parents=True, exist_ok=True)
            files.write_state(self.folder, *where, arrays, facts)
            done = {row["epoch"] for row in facts["history"]}
            files.prune(self.folder, NUM_STATES, done - kept)
        self.saved = where

    def _is_whole_again(self, stop):
        self.busy = False
        if stop:
            raise KeyboardInterrupt
        self.busy = distribution.num_processes() > 1  # several only stop together

    def _check_finite(self, logs):
        if not math.isfinite(logs.get("loss", 0.0)):
            raise NotFiniteError("The loss", self.epoch, self.step - 1)
        if self.skipped.looks:
            self._copied_state()
            self.skipped.went_well(self.epoch, self.step)
