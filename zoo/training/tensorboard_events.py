"""A run's metrics as TensorBoard reads them."""

import time
from pathlib import Path

try:
    import tensorflow as tf
except ImportError:
    tf = None


class TensorBoardEvents:
    """Writes scalars to `folder/train` and, for `val_...`, `folder/validation`.

    `tensorboard --logdir folder` shows a metric and its validation counterpart in
    one chart. An event file is a TFRecord file of `Event` messages; written so it
    takes TensorFlow, but not the tensorboard package, without which `tf.summary`
    and `keras.callbacks.TensorBoard` fail. Where there is no TensorFlow (training
    on JAX alone), nothing is written.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self._writers = {}

    def write(self, row):
        """Writes one epoch's metrics, a dict of numbers with `"epoch"` as the step."""
        if tf is None:
            return
        parts = {"train": {}, "validation": {}}
        for name, value in row.items():
            part = "validation" if name.startswith("val_") else "train"
            parts[part][name.removeprefix("val_")] = value
        step = parts["train"].pop("epoch")
        for part, values in parts.items():
            if values:
                self._write_event(
                    part,
                    step=step,
                    summary=tf.compat.v1.Summary(
                        value=[
                            tf.compat.v1.Summary.Value(tag=tag, simple_value=value)
                            for tag, value in values.items()
                        ]
                    ),
                )
                self._writers[part].flush()

    def close(self):
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _write_event(self, part, **content):
        if part not in self._writers:
            folder = self.folder / part
            folder.mkdir(parents=True, exist_ok=True)
            # TensorBoard reads the files of a folder in the order of their names.
            path = folder / f"events.out.tfevents.{time.time():017.6f}.zoo"
            self._writers[part] = tf.io.TFRecordWriter(str(path))
            self._write_event(part, file_version="brain.Event:2")
        event = tf.compat.v1.Event(wall_time=time.time(), **content)
        self._writers[part].write(event.SerializeToString())
