"""Scores of real decoding, every epoch."""

import itertools
import time
from pathlib import Path

import keras

from zoo.atomic_write import atomic_write


class DecodedEvaluation(keras.callbacks.Callback):
    """Decodes validation examples after each epoch and adds the scores to the logs.

    What `task.evaluate` gives as numbers comes as `val_bleu`, `val_chrf`, ..., so
    that every callback after this one sees it; `val_seconds` is what it took. What
    it gives as text (sacrebleu's signatures) is printed once.

    Args:
        task: has `model`, the one being fitted; `evaluate(examples)`, which returns
            a dict; and, if samples are asked for, `generate(texts)`, which returns
            a list of str.
        examples: iterable of dicts with `"source"` and `"target"`, `"image"` and
            `"captions"`, or `"audio"` and `"transcript"`, such as a tf.data.Dataset. It
            is iterated every epoch.
        samples_path: optional path of a text file. Each epoch adds source (if it is
            text), reference and hypothesis of the first `num_samples` examples.
        decoding: dict of further arguments for `evaluate` and `generate`, such as
            `{"num_beams": 1}`.
        scoring: dict of further arguments for `evaluate` alone.
        writes: bool. Where several processes train together, all decode and one writes.
    """

    def __init__(
        self,
        task,
        examples,
        *,
        samples_path=None,
        num_samples=8,
        decoding=None,
        scoring=None,
        writes=True,
    ):
        super().__init__()
        self.task = task
        self.examples = examples
        self.samples_path = None if samples_path is None else Path(samples_path)
        self.num_samples = num_samples
        self.decoding = decoding or {}
        self.scoring = scoring or {}
        self.writes = writes
        self._printed = set()

    def on_epoch_end(self, epoch, logs=None):
        # On JAX, asking for the callback's model puts the trained weights into it.
        if self.model is not self.task.model:
            raise ValueError(
                "DecodedEvaluation got a task whose model is not the one being "
                "fitted, so it would score untrained weights. Fit task.model."
            )
        began = time.perf_counter()
        scores = self.task.evaluate(self.examples, **self.decoding, **self.scoring)
        for name, value in scores.items():
            if not isinstance(value, str):
                logs[f"val_{name}"] = float(value)
            elif self.writes and name not in self._printed:
                print(f"\n{name}: {value}")
                self._printed.add(name)
        if self.samples_path is not None:
            self._write_samples(epoch + 1, scores)
        logs["val_seconds"] = round(time.perf_counter() - began, 2)

    def _write_samples(self, epoch, scores):
        samples = list(itertools.islice(iter(self.examples), self.num_samples))
        inputs, columns = _columns(samples)
        hypotheses = self.task.generate(inputs, **self.decoding)
        if not self.writes:
            return
        numbers = "  ".join(
            f"{name} {value:.2f}"
            for name, value in scores.items()
            if not isinstance(value, str)
        )
        block = [f"=== epoch {epoch}: {numbers}", ""]
        columns["hypothesis"] = hypotheses
        for texts in zip(*columns.values(), strict=True):
            lines = zip(columns, texts, strict=True)
            block += [*(f"{label:<12}{text}" for label, text in lines), ""]
        # An epoch that was cut off and is trained again replaces its samples.
        before = ""
        if self.samples_path.is_file():
            before = self.samples_path.read_text(encoding="utf-8")
            before = before.split(f"=== epoch {epoch}: ")[0]
        with atomic_write(self.samples_path) as beside:
            beside.write_text(before + "\n".join(block) + "\n", encoding="utf-8")


def _columns(samples):
    """What to generate from, and what to show of it, in columns by name."""
    if samples and "image" in samples[0]:
        captions = [" / ".join(_plain(sample["captions"])) for sample in samples]
        return [_value(s["image"]) for s in samples], {"reference": captions}
    if samples and "audio" in samples[0]:
        transcripts = [_plain(sample["transcript"]) for sample in samples]
        return [_value(s["audio"]) for s in samples], {"reference": transcripts}
    sources = [_plain(sample["source"]) for sample in samples]
    targets = [_plain(sample["target"]) for sample in samples]
    return sources, {"source": sources, "reference": targets}


def _value(tensor):
    return tensor.numpy() if hasattr(tensor, "numpy") else tensor


def _plain(texts):
    """str, or list of str, of str, bytes or a string tensor of at most one axis."""
    texts = _value(texts)
    if isinstance(texts, str | bytes):
        return texts.decode("utf-8") if isinstance(texts, bytes) else texts
    return [_plain(text) for text in texts]
