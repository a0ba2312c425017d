import keras
import numpy as np
import tensorflow as tf

from zoo.data.label_ids import label_ids
from zoo.data.labelling import check_counts, labelling_batches
from zoo.data.tokenized_texts import check_examples, ragged_batches
from zoo.data.word_pieces import tokenize_words
from zoo.export import write_saved_model
from zoo.interop import write_hugging_face
from zoo.models import LabellingModel
from zoo.tasks.classification_explanation import attention_of_first_row
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
from zoo.tasks.labelling_graph import (
    SpanRules,
    rows_of_pieces,
    visible_words,
    word_probabilities,
)
from zoo.tasks.labelling_scores import labelling_scores
from zoo.tasks.lora import merges_lora
from zoo.tasks.requests import checked_texts
from zoo.tasks.training_defaults import compile_classification_model


class TokenClassifier:
    """Texts to labelled spans: names of persons and places, parts of speech, ...

    >>> labeller = zoo.TokenClassifier.from_preset(
    ...     "runs/pretrained", labels=["O", "B-person", "I-person"]
    ... )
    >>> labeller.model.fit(labeller.batches(words), epochs=5, shuffle=False)
    >>> labeller.label("Anna Berg smiles")
    [{"label": "person", "start": 0, "end": 9, "text": "Anna Berg"}]

    Args:
        model: `zoo.LabellingModel`, compiled or not.
        tokenizer: a `zoo.text` tokenizer.
        labels: list of str, in the order of the model's outputs: `B-x` begins a span
            of `x`, `I-x` goes on with it, `O` is in none. Where no label begins so,
            each word is a span.
        max_length: int. The most tokens that the model reads at once. Defaults to as
            many as it has positions for.
        model_type: str. Of the published checkpoint that it is, such as "bert", so that
            `to_hugging_face` writes it as such.
    """

    def __init__(self, model, tokenizer, labels, *, max_length=None, model_type=None):
        check_vocabulary(model.encoder, tokenizer)
        self.model = model
        self.tokenizer = tokenizer
        self.labels = checked_classes(labels, "labels")
        check_num_outputs(self.labels, model.num_labels, "labels")
        self.max_length = checked_max_length(max_length, model.encoder)
        self.model_type = model_type
        self._rules = SpanRules(self.labels)
        self._functions = CompiledFunctions()

    @classmethod
    def from_preset(
        cls, preset, tokenizer=None, *, labels=None, max_length=None, **overrides
    ):
        """Makes a labeller of a named size, of a trained encoder, or reads one.

        Args:
            preset: str. A name of `zoo.list_presets()` (random weights); a folder
                that a `TokenClassifier` was saved to; or, with `labels`, a folder that
                any task on texts was saved to: its encoder gets a new head.
            tokenizer: for a named size. A folder holds its own.
            labels: list of str. Not for a saved one that stays as it is.
            max_length: as for the class; not for a saved one.
            **overrides: arguments of `zoo.TextEncoder`, such as `dropout`; of a saved
                labeller only `dtype`.
        """
        if labels is None:
            if max_length is not None:
                overrides["max_length"] = max_length  # refused as one of them
            task = read_task(cls, preset, tokenizer, overrides, "labels")
        else:
            labels = checked_classes(labels, "labels")
            encoder, tokenizer, model_type = encoder_from_preset(
                preset, tokenizer, overrides, max_length
            )
            model = LabellingModel(encoder, len(labels), encoder.dropout)
            model.build()
            task = cls(
                model, tokenizer, labels, max_length=max_length, model_type=model_type
            )
        compile_classification_model(task.model)
        return task

    def save_to_preset(self, folder):
        """Writes a folder that `from_preset` reads, on any Keras backend."""
        save_task(self, folder)

    @property
    def options(self):
        """dict, what the task is made of beside its model and its tokenizer."""
        return {
            "labels": self.labels,
            "max_length": self.max_length,
            "model_type": self.model_type,
        }

    def batches(self, examples, **options):
        """`{"tokens", "labels"}` strings `(words,)` -> batches for `model.fit`.

        Args:
            examples: tf.data as `zoo.data.read` gives it.
            **options: of `zoo.data.labelling_batches`.
        """
        max_length = options.get("max_length", self.max_length)
        options["max_length"] = checked_max_length(max_length, self.model.encoder)
        return labelling_batches(examples, self.tokenizer, self.labels, **options)

    def label(self, texts):
        """Finds the labelled spans of a text, or of each of a list of texts.

        A text of any length is read, a long one in overlapping chunks. An answer does
        not depend on what else is in the list.

        Args:
            texts: str or list of str.

        Returns:
            list of dicts for a str, list of lists for a list: `label`, `start`, `end`
            (in characters, end exclusive) and `text`, what stands there.
        """
        single = isinstance(texts, str)
        texts = checked_texts([texts] if single else texts, "label")
        function = self._functions.get("spans", self._spans, self.model.weights)
        columns = [x.to_list() for x in function(tf.constant(texts, tf.string))]
        answers = [
            [
                {
                    "label": label.decode("utf-8"),
                    "start": start,
                    "end": end,
                    "text": text[start:end],
                }
                for label, start, end in zip(*spans, strict=True)
            ]
            for text, *spans in zip(texts, *columns, strict=True)
        ]
        return answers[0] if single else answers

    def _spans(self):
        """string `(n,)` -> labels, starts and ends, ragged `(n, None)`, compiled."""
        encode = self._encode()

        def spans(texts):
            words, starts, ends = visible_words(texts, self.tokenizer)
            probability = word_probabilities(words, self, encode)
            best = tf.argmax(probability, axis=1, output_type=tf.int32)
            return self._rules.spans(words.with_flat_values(best), starts, ends)

        return graph_function(spans, tf.TensorSpec([None], tf.string))

    def _words(self):
        """string ragged `(n, None)` -> float32 `(all words, labels)`, compiled."""
        encode = self._encode()

        def probabilities(words):
            return word_probabilities(words, self, encode)

        return graph_function(
            probabilities, tf.RaggedTensorSpec([None, None], tf.string)
        )

    def _encode(self):
        return encoding_function(
            lambda inputs: self.model(inputs, training=False),
            self.model,
            self.max_length,
        )

    def explain(self, text):
        """Says which pieces of a text each of them looked at in the last layer.

        Returns:
            dict: `pieces`, list of str of length S, and `attention`, float32 array
            `(S, S)`: how much the piece of a row saw of each, the mean over heads. Of
            a text that is too long, its first chunk.
        """
        (text,) = checked_texts([text], "explain")
        words, _, _ = visible_words(tf.constant([text]), self.tokenizer)
        rows = rows_of_pieces(tokenize_words(words, self.tokenizer), self)
        pieces, attention = attention_of_first_row(rows, self)
        return {"pieces": pieces, "attention": attention[-1]}

    def evaluate(self, examples, batch_size=256):
        """Labels words that are split already and scores the answers.

        Args:
            examples: tf.data of `{"tokens", "labels"}`, strings `(words,)`.
            batch_size: int. Sentences at a time.

        Returns:
            dict: `accuracy` of words; where labels are of spans, also `precision`,
            `recall` and `f1` of whole spans (label and both ends right).
        """
        probability, labels, lengths = self.probabilities(examples, batch_size)
        answers = probability.argmax(axis=1)
        return labelling_scores(answers, labels, lengths, self._rules)

    def probabilities(self, examples, batch_size=256):
        """Labels words that are split already, one after the other.

        Args:
            examples, batch_size: as of `evaluate`.

        Returns:
            float32 array `(all words, labels)`; the numbers of their right labels, int
            `(all words,)`; how many words each sentence has, int `(sentences,)`.
        """
        check_examples(examples, ("tokens", "labels"))
        function = self._functions.get("words", self._words, self.model.weights)
        parts, num_before = [], 0
        progress = keras.utils.Progbar(None, unit_name="sentences")
        for batch in ragged_batches(examples, batch_size):
            names = batch["labels"].flat_values.numpy().tolist()
            labels = label_ids(names, self.labels, "labels")
            lengths = batch["tokens"].row_lengths().numpy()
            check_counts(lengths, batch["labels"].row_lengths().numpy(), num_before)
            num_before += len(lengths)
            parts.append((function(batch["tokens"]).numpy(), labels, lengths))
            progress.add(len(lengths))
        if not parts:
            raise ValueError(
                "There is nothing to evaluate: the examples are empty. Pass a data set "
                "with at least one sentence."
            )
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))

    @merges_lora
    def to_hugging_face(self, folder):
        """Writes a folder that transformers loads, in safetensors, without it."""
        write_hugging_face(
            folder, type(self).__name__, self.model, self.tokenizer, self.options
        )

    @exports
    def export(self, directory):
        """Writes the next version of a SavedModel from strings to labelled spans.

        `serving_default` takes `text` string `(n,)` and gives `label` string, `start`
        and `end` int32, each `(n, spans)`, in Unicode characters, end exclusive; a
        text with fewer spans than another is filled with "" and -1.

        Returns:
            str, the path of the version.
        """
        function = self._spans()

        def serve(text):
            label, start, end = function(text)
            return {
                "label": label.to_tensor(""),
                "start": start.to_tensor(-1),
                "end": end.to_tensor(-1),
            }

        signature = [tf.TensorSpec([None], tf.string, name="text")]
        return write_saved_model(
            directory,
            self.model,
            {"serving_default": (serve, signature)},
            warmup_inputs={"text": np.array([b"A first sentence."])},
        )
