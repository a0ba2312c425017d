"""Scores of real decoding, every epoch."""

import itertools
import time
from pathlib import Path

import keras

from zoo.training.atomic_write import atomic_write


class DecodedEvaluation(keras.callbacks.Callback):
    """Decodes validation examples after each epoch and adds the scores to the logs.

    What `task.evaluate` gives as numbers comes as `val_bleu`, `val_chrf`, ..., so
    that every callback after this one sees it; `val_seconds` is what it took. What
    it gives as text (sacrebleu's signatures) is printed once.

    Args:
        task: has `model`, the one being fitted; `evaluate(examples)`, which returns
            a dict; and, if samples are asked for, `generate(texts)`, which returns
            a list of str.
        examples: iterable of dicts with `"source"` and `"target"`, such as a
            tf.data.Dataset of strings. It is iterated every epoch.
        samples_path: optional path of a text file. Each epoch adds source,
            reference and hypothesis of the first `num_samples` examples.
        decoding: dict of further arguments for `evaluate` and `generate`, such as
            `{"num_beams": 1}`.
    """

    def __init__(
        self, task, examples, *, samples_path=None, num_samples=8, decoding=None
    ):
        super().__init__()
        self.task = task
        self.examples = examples
        self.samples_path = None if samples_path is None else Path(samples_path)
        self.num_samples = num_samples
        self.decoding = decoding or {}
        self._printed = set()

    def on_epoch_end(self, epoch, logs=None):
        # On JAX, asking for the callback's model puts the trained weights into it.
        if self.model is not self.task.model:
            raise ValueError(
                "DecodedEvaluation got a task whose model is not the one being "
                "fitted, so it would score untrained weights. Fit task.model."
            )
        began = time.perf_counter()
        scores = self.task.evaluate(self.examples, **self.decoding)
        for name, value in scores.items():
            if not isinstance(value, str):
                logs[f"val_{name}"] = float(value)
            elif name not in self._printed:
                print(f"\n{name}: {value}")
                self._printed.add(name)
        if self.samples_path is not None:
            self._write_samples(epoch + 1, scores)
        logs["val_seconds"] = round(time.perf_counter() - began, 2)

    def _write_samples(self, epoch, scores):
        samples = list(itertools.islice(iter(self.examples), self.num_samples))
        sources = [_as_text(sample["source"]) for sample in samples]
        references = [_as_text(sample["target"]) for sample in samples]
        hypotheses = self.task.generate(sources, **self.decoding)
        numbers = "  ".join(
            f"{name} {value:.2f}"
            for name, value in scores.items()
            if not isinstance(value, str)
        )
        block = [f"=== epoch {epoch}: {numbers}", ""]
        for texts in zip(sources, references, hypotheses, strict=True):
            block += [
                f"{label}{text}" for label, text in zip(_LABELS, texts, strict=True)
            ]
            block.append("")
        # An epoch that was cut off and is trained again replaces its samples.
        before = ""
        if self.samples_path.is_file():
            before = self.samples_path.read_text(encoding="utf-8")
            before = before.split(f"=== epoch {epoch}: ")[0]
        with atomic_write(self.samples_path) as beside:
            beside.write_text(before + "\n".join(block) + "\n", encoding="utf-8")


_LABELS = ("source      ", "reference   ", "hypothesis  ")


def _as_text(value):
    """str of a str, bytes, or string tensor of no axes."""
    if hasattr(value, "numpy"):
        value = value.numpy()
    return value.decode("utf-8") if isinstance(value, bytes) else value
