"""What a run shows while it goes: metrics, times, curves, TensorBoard events."""

import keras

from zoo.training.curves import draw_curves
from zoo.training.run_folder import write_metrics
from zoo.training.tensorboard_events import TensorBoardEvents

TIMES = ("seconds", "val_seconds")


class Report(keras.callbacks.Callback):
    """Writes the history of `checkpoints` to a run folder after each epoch.

    Put it behind `checkpoints`. The files are made anew from the whole history, so
    that after an interruption no row is lost or doubled.

    Args:
        folder: RunFolder.
        checkpoints: Checkpoints, whose history it is.
    """

    def __init__(self, folder, checkpoints):
        super().__init__()
        self.folder = folder
        self.checkpoints = checkpoints
        self.events = TensorBoardEvents(folder.tensorboard)

    def write(self):
        """Writes the files of what the history holds."""
        history = self.checkpoints.history
        # How long a run took depends on the day: two files, so that one does not.
        metrics = [{k: v for k, v in row.items() if k not in TIMES} for row in history]
        write_metrics(self.folder.metrics, metrics)
        times = [{k: row[k] for k in ("epoch", *TIMES) if k in row} for row in history]
        write_metrics(self.folder.times, times)
        draw_curves(
            self.folder.curves, history, self.checkpoints.monitor, self.checkpoints.mode
        )

    def on_epoch_end(self, epoch, logs=None):
        self.write()
        self.events.write(self.checkpoints.history[-1])

    def on_train_end(self, logs=None):
        self.events.close()
