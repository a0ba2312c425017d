"""What a run shows while it goes: metrics.csv, curves.png, TensorBoard events."""

import keras

from zoo.training.curves import draw_curves
from zoo.training.run_folder import write_metrics
from zoo.training.tensorboard_events import TensorBoardEvents


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

    def on_train_begin(self, logs=None):
        if self.checkpoints.history:
            write_metrics(self.folder.metrics, self.checkpoints.history)

    def on_epoch_end(self, epoch, logs=None):
        history = self.checkpoints.history
        write_metrics(self.folder.metrics, history)
        draw_curves(
            self.folder.curves, history, self.checkpoints.monitor, self.checkpoints.mode
        )
        self.events.write(history[-1])

    def on_train_end(self, logs=None):
        self.events.close()
