import keras
import numpy as np
import tensorflow as tf

from zoo.data.classification import check_classified, classification_batches
from zoo.data.label_ids import label_ids
from zoo.export import write_saved_model
from zoo.interop import write_hugging_face
from zoo.models import ClassificationModel
from zoo.tasks.classification_explanation import explain
from zoo.tasks.classification_graph import (
    THRESHOLD,
    class_probabilities,
    named_classes,
)
from zoo.tasks.classification_scores import classification_scores
from zoo.tasks.compiling import CompiledFunctions, graph_function
from zoo.tasks.encoders import (
    check_num_outputs,
    check_vocabulary,
    checked_classes,
    checked_max_length,
    encoder_from_preset,
    read_task,
    save_task,
)
from zoo.tasks.encoding import encoding_function
from zoo.tasks.exporting import exports
from zoo.tasks.lora import merges_lora
from zoo.tasks.requests import checked_pairs, checked_texts
from zoo.tasks.text_rows import warn_of_cut_pairs
from zoo.tasks.training_defaults import compile_classification_model


class TextClassifier:
    """Texts, or pairs of texts, to classes with probabilities.

    >>> examples = zoo.data.read("reviews.tsv", text="review", label="stars")
    >>> classifier = zoo.TextClassifier.from_preset(
    ...     "bert_tiny", tokenizer=tokenizer, classes=["bad", "good"]
    ... )
    >>> classifier.model.fit(classifier.batches(examples), epochs=3, shuffle=False)
    >>> classifier.classify("a fine film")
    {"label": "good", "probability": {"bad": 0.03, "good": 0.97}}

    Args:
        model: `zoo.ClassificationModel`, compiled or not.
        tokenizer: a `zoo.text` tokenizer.
        classes: list of str, in the order of the model's outputs.
        multi_label: bool. Any number of classes fit a text, not exactly one.
        pairs: bool. What is classified is a pair of texts.
        max_length: int. The most tokens that the model reads at once. Defaults to as
            many as it has positions for.
        model_type: str. Of the published checkpoint that it is, such as "bert", so that
            `to_hugging_face` writes it as such.
    """

    def __init__(
        self,
        model,
        tokenizer,
        classes,
        *,
        multi_label=False,
        pairs=False,
        max_length=None,
        model_type=None,
    ):
        check_vocabulary(model.encoder, tokenizer, pairs)
        self.model = model
        self.tokenizer = tokenizer
        self.classes = checked_classes(classes, "classes")
        check_num_outputs(self.classes, model.num_classes, "classes")
        self.multi_label = multi_label
        self.pairs = pairs
        self.max_length = checked_max_length(max_length, model.encoder)
        self.model_type = model_type
        self._functions = CompiledFunctions()

    @classmethod
    def from_preset(
        cls,
        preset,
        tokenizer=None,
        *,
        classes=None,
        multi_label=False,
        pairs=False,
        max_length=None,
        **overrides,
    ):
        """Makes a classifier of a named size, of a trained encoder, or reads one.

        Args:
            preset: str. A name of `zoo.list_presets()` (random weights); a folder
                that a `TextClassifier` was saved to; or, with `classes`, a folder
                that any task on texts was saved to or that holds a published
                checkpoint: its encoder gets a new head.
            tokenizer: for a named size. A folder holds its own.
            classes: list of str. Not for a saved classifier that stays as it is.
            multi_label, pairs, max_length: as for the class; not for a saved one.
            **overrides: arguments of `zoo.TextEncoder`, such as `dropout`; of a saved
                classifier only `dtype`.
        """
        own = {"multi_label": multi_label, "pairs": pairs, "max_length": max_length}
        if classes is None:
            given = {k: x for k, x in own.items() if x is not None and x is not False}
            task = read_task(cls, preset, tokenizer, {**given, **overrides}, "classes")
        else:
            classes = checked_classes(classes, "classes")
            encoder, tokenizer, model_type = encoder_from_preset(
                preset, tokenizer, overrides, max_length, with_pooler=True
            )
            model = ClassificationModel(encoder, len(classes), encoder.dropout)
            model.build()
            task = cls(model, tokenizer, classes, model_type=model_type, **own)
        compile_classification_model(task.model, task.multi_label)
        return task

    def save_to_preset(self, folder):
        """Writes a folder that `from_preset` reads, on any Keras backend."""
        save_task(self, folder)

    @property
    def options(self):
        """dict, what the task is made of beside its model and its tokenizer."""
        return {
            "classes": self.classes,
            "multi_label": self.multi_label,
            "pairs": self.pairs,
            "max_length": self.max_length,
            "model_type": self.model_type,
        }

    def batches(self, examples, **options):
        """`{"text", "label"}` strings -> batches for `model.fit`.

        Args:
            examples: tf.data as `zoo.data.read` gives it, with `text_pair` for pairs
                and `labels` for several labels a text.
            **options: of `zoo.data.classification_batches`.
        """
        max_length = options.get("max_length", self.max_length)
        options["max_length"] = checked_max_length(max_length, self.model.encoder)
        multi_label = options.setdefault("multi_label", self.multi_label)
        check_classified(examples, pairs=self.pairs, multi_label=multi_label)
        return classification_batches(examples, self.tokenizer, self.classes, **options)

    def classify(self, texts):
        """Says which class fits a text, or each of a list of texts.

        A text longer than the model is read in overlapping chunks, whose answers are
        averaged; of a pair that is too long the longer text is cut, and a warning
        counts them. An answer does not depend on what else is in the list.

        Args:
            texts: str or list of str; for pairs a tuple of two str or a list of them.

        Returns:
            dict for one text, a list of dicts for a list: `label`, str (`labels`, a
            list of str, for a classifier with several), and `probability`, a dict
            from each class to a float.
        """
        single = isinstance(texts, tuple if self.pairs else str)
        probability = self.probabilities([texts] if single else texts)
        answers = [self._named(row) for row in probability.tolist()]
        return answers[0] if single else answers

    def probabilities(self, texts, batch_size=None):
        """list of str, or of pairs of str -> float32 array `(n, classes)`.

        With `batch_size` so many texts at a time, with a progress bar.
        """
        check = checked_pairs if self.pairs else checked_texts
        texts = check(texts, "classify")
        if not texts:
            return np.zeros((0, len(self.classes)), np.float32)
        function = self._functions.get("", self._function, self.model.weights)
        show = {"unit_name": "text", "verbose": bool(batch_size)}
        progress = keras.utils.Progbar(len(texts), **show)
        batch_size = batch_size or len(texts)
        parts = []
        for begin in range(0, len(texts), batch_size):
            some = texts[begin : begin + batch_size]
            sides = zip(*some, strict=True) if self.pairs else (some,)
            outputs = function(*(tf.constant(side, tf.string) for side in sides))
            parts.append([x.numpy() for x in outputs])
            progress.add(len(some))
        probability, num_cut = zip(*parts, strict=True)
        warn_of_cut_pairs(sum(num_cut), len(texts), self.max_length)
        return np.concatenate(probability)

    def explain(self, text):
        """Says which pieces of a text, or of a pair of texts, each layer looked at.

        Returns:
            dict: `pieces`, list of str of length S, and `attention`, float32 array
            `(layers, S)`: how much the token that the classes are scored from saw of
            each, the mean over heads. Of a text that is too long, its first chunk.
        """
        check = checked_pairs if self.pairs else checked_texts
        (text,) = check([text], "explain")
        return explain(text if self.pairs else [text], self)

    def _function(self):
        """strings `(n,)`, for pairs twice -> as `class_probabilities`, compiled."""
        encode = encoding_function(
            lambda inputs: self.model(inputs, training=False),
            self.model,
            self.max_length,
        )

        def probabilities(texts, text_pairs=None):
            return class_probabilities(texts, text_pairs, self, encode)

        texts = [tf.TensorSpec([None], tf.string)] * (1 + self.pairs)
        return graph_function(probabilities, *texts)

    def _named(self, probability):
        named = dict(zip(self.classes, probability, strict=True))
        if self.multi_label:
            labels = [name for name in named if named[name] >= THRESHOLD]
            return {"labels": labels, "probability": named}
        return {"label": max(named, key=named.get), "probability": named}

    def evaluate(self, examples, batch_size=256):
        """Classifies the texts and scores the answers against their labels.

        Returns:
            dict: `accuracy`, `macro_f1` and `loss`; where a text has several labels,
            `accuracy` is of those with every label right, and there is `micro_f1`.
        """
        texts, labels = self.texts_and_labels(examples)
        if not texts:
            raise ValueError(
                "There is nothing to evaluate: the examples are empty. Pass a data set "
                "with at least one text."
            )
        probability = self.probabilities(texts, batch_size)
        return classification_scores(probability, labels, self.multi_label)

    @merges_lora
    def to_hugging_face(self, folder):
        """Writes a folder that transformers loads, in safetensors, without it."""
        write_hugging_face(
            folder,
            type(self).__name__,
            self.model,
            self.tokenizer,
            {**self.options, "labels": self.classes},
        )

    @exports
    def export(self, directory):
        """Writes the next version of a SavedModel from strings to classes.

        `serving_default` takes `text` string `(n,)` (and `text_pair`) and gives
        `label` string `(n,)`, `probability` float32 `(n, classes)` and `classes`
        string `(n, classes)`; with several labels a text also `labels` bool
        `(n, classes)`.

        Returns:
            str, the path of the version.
        """
        names = ["text", "text_pair"][: 1 + self.pairs]
        function = self._function()

        def serve(*texts):
            probability, _ = function(*texts)
            return named_classes(probability, self.classes, self.multi_label)

        signature = [tf.TensorSpec([None], tf.string, name=name) for name in names]
        return write_saved_model(
            directory,
            self.model,
            {"serving_default": (serve, signature)},
            warmup_inputs={name: np.array([b"A first sentence."]) for name in names},
        )

    def texts_and_labels(self, examples):
        """Examples as a list of texts, or of pairs, and the numbers of their labels.

        Returns:
            texts, list; labels, int `(n,)`, or with several labels a text bool
            `(n, classes)`.
        """
        check_classified(examples, pairs=self.pairs, multi_label=self.multi_label)
        examples = list(examples.as_numpy_iterator())
        names = ["text", "text_pair"][: 1 + self.pairs]
        sides = [[e[name].decode("utf-8") for e in examples] for name in names]
        texts = list(zip(*sides, strict=True)) if self.pairs else sides[0]
        if not self.multi_label:
            labels = [example["label"] for example in examples]
            return texts, label_ids(labels, self.classes, "classes")
        labels = np.zeros((len(texts), len(self.classes)), bool)
        for row, example in zip(labels, examples, strict=True):
            row[label_ids(list(example["labels"]), self.classes, "classes")] = True
        return texts, labels
