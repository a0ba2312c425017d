import math

import keras
import numpy as np
import tensorflow as tf

from zoo.data.masked import masked_batches
from zoo.export import write_saved_model
from zoo.interop import write_hugging_face
from zoo.models import MaskedLanguageModel
from zoo.tasks.compiling import CompiledFunctions, compiled, graph_function
from zoo.tasks.encoders import (
    check_vocabulary,
    checked_max_length,
    encoder_from_preset,
    read_task,
    save_task,
)
from zoo.tasks.exporting import exports
from zoo.tasks.folder_kinds import saved_task
from zoo.tasks.lora import merges_lora
from zoo.tasks.masked_graph import NUM_TOKENS, fill_masks
from zoo.tasks.requests import checked_texts
from zoo.tasks.text_rows import warn_of_cut_texts
from zoo.tasks.training_defaults import compile_masked_language_model


class MaskedLM:
    """Texts with some words masked to what may stand there.

    What it learns from unlabelled text is a start for the other tasks on texts: their
    `from_preset` takes the folder that this was saved to.

    >>> task = zoo.MaskedLM.from_preset("bert_mini", tokenizer=tokenizer)
    >>> task.model.fit(task.batches(texts), epochs=10, shuffle=False)
    >>> task.fill("a small [MASK] barks")
    [[("dog", 0.71), ("cat", 0.12), ...]]

    Args:
        model: `zoo.MaskedLanguageModel`, compiled or not.
        tokenizer: a `zoo.text` tokenizer that has a token for a mask.
        max_length: int. The most tokens that are read, special ones included. Defaults
            to as many as there are positions for.
        model_type: str. Of the published checkpoint that it is, such as "bert", so that
            `to_hugging_face` writes it as such.
    """

    def __init__(self, model, tokenizer, *, max_length=None, model_type=None):
        check_vocabulary(model.encoder, tokenizer)
        self.model = model
        self.tokenizer = tokenizer
        self.max_length = checked_max_length(max_length, model.encoder)
        self.model_type = model_type
        self._functions = CompiledFunctions()

    @classmethod
    def from_preset(cls, preset, tokenizer=None, *, max_length=None, **overrides):
        """Makes a model of a named size, or reads one that was saved.

        Args:
            preset: str. A name of `zoo.list_presets()` (random weights), a folder
                that a `MaskedLM` was saved to, or one that another task on texts was
                saved to or that holds a published checkpoint of another task: its
                encoder gets a new head.
            tokenizer: for a named size. A folder holds its own.
            max_length: int, as for the class; not for a saved model.
            **overrides: arguments of `zoo.TextEncoder`; of a saved model only `dtype`.
        """
        if saved_task(preset) == cls.__name__:
            if max_length is not None:
                overrides["max_length"] = max_length  # refused as one of them
            task = read_task(cls, preset, tokenizer, overrides, "tokenizer")
        else:
            encoder, tokenizer, model_type = encoder_from_preset(
                preset, tokenizer, overrides, max_length, task_name=cls.__name__
            )
            model = MaskedLanguageModel(encoder)
            model.build()
            task = cls(model, tokenizer, max_length=max_length, model_type=model_type)
        compile_masked_language_model(task.model)
        return task

    def save_to_preset(self, folder):
        """Writes a folder that `from_preset` reads, on any Keras backend."""
        save_task(self, folder)

    @property
    def options(self):
        """dict, what the task is made of beside its model and its tokenizer."""
        return {
            "max_length": self.max_length,
            "model_type": self.model_type,
        }

    def batches(self, examples, **options):
        """`{"text"}` strings -> batches for `model.fit`.

        Args:
            examples: tf.data of raw texts, as `zoo.data.read` gives them.
            **options: of `zoo.data.masked_batches`: `row_length`, `batch_size`,
                `mask_rate`, `whole_words`, `seed`, `first_epoch`, ...
        """
        options.setdefault("row_length", min(self.max_length, 128))
        encoder = self.model.encoder
        is_long = options["row_length"] > encoder.max_length
        if is_long and encoder.positions == "learned":  # others have no end
            raise ValueError(
                f"row_length={options['row_length']}, but the encoder has only "
                f"{encoder.max_length} positions. Pass at most as many."
            )
        return masked_batches(examples, self.tokenizer, **options)

    def fill(self, texts):
        """Says which tokens fit best at each mask of a text, or of a list of texts.

        A text longer than the model is cut, and a warning counts them.

        Args:
            texts: str or list of str, with the tokenizer's token for a mask in them,
                `"[MASK]"` of word pieces.

        Returns:
            list for a str, list of lists for a list: for each mask the five best
            (token, probability), best first.
        """
        single = isinstance(texts, str)
        texts = checked_texts([texts] if single else texts, "fill")
        function = self._functions.get("", self._function, self.model.weights)
        tokens, probability, num_cut = function(tf.constant(texts, tf.string))
        warn_of_cut_texts(num_cut, len(texts), self.max_length)
        answers = [
            [
                [(token.decode("utf-8"), p) for token, p in zip(*mask, strict=True)]
                for mask in zip(*text, strict=True)
            ]
            for text in zip(tokens.to_list(), probability.to_list(), strict=True)
        ]
        return answers[0] if single else answers

    def _function(self):
        """string `(n,)` -> what `fill_masks` gives, compiled."""

        def fill(texts):
            return fill_masks(texts, self)

        return graph_function(fill, tf.TensorSpec([None], tf.string))

    def _predictor(self):
        """Inputs of a batch -> logits, compiled."""

        def predict(inputs):
            return self.model(inputs, training=False)

        return compiled(predict, self.model, jit_compile=False)

    def evaluate(self, examples, **options):
        """Hides tokens, the same in every call, and scores what is predicted.

        Args:
            examples: tf.data of `{"text"}` strings.
            **options: of `zoo.data.masked_batches`.

        Returns:
            dict: `masked_accuracy`, in [0, 1], and `perplexity`, of hidden tokens.
        """
        predict = self._functions.get("logits", self._predictor, self.model.weights)
        batches = self.batches(examples, **{"shuffle": False, **options})
        right, loss, count = 0.0, 0.0, 0
        progress = keras.utils.Progbar(int(batches.cardinality()))
        for inputs, labels, weights in batches:
            logits = np.asarray(predict(inputs)).astype("float32")
            labels, used = np.asarray(labels), np.asarray(weights) > 0
            told = np.take_along_axis(logits, labels[..., np.newaxis], axis=-1)
            largest = logits.max(axis=-1, keepdims=True)
            total = np.exp(logits - largest).sum(axis=-1, keepdims=True)
            losses = np.log(total) + largest - told
            right += (logits.argmax(axis=-1) == labels)[used].sum()
            loss += losses[..., 0][used].sum()
            count += used.sum()
            progress.add(1)
        if not count:
            raise ValueError(
                "There is nothing to predict: the texts have no token that can be "
                "hidden. Pass texts of the language that the vocabulary was learnt on."
            )
        return {
            "masked_accuracy": float(right / count),
            "perplexity": math.exp(min(loss / count, 700.0)),
        }

    @merges_lora
    def to_hugging_face(self, folder):
        """Writes a folder that transformers loads, in safetensors, without it."""
        write_hugging_face(
            folder, type(self).__name__, self.model, self.tokenizer, self.options
        )

    @exports
    def export(self, directory):
        """Writes the next version of a SavedModel that fills masks.

        `serving_default` takes `text` string `(n,)` and gives `token` string and
        `probability` float32, each `(n, masks, 5)`, best first; a text with fewer
        masks than another is filled with "" and 0.

        Returns:
            str, the path of the version.
        """
        function = self._function()

        def serve(text):
            token, probability, _ = function(text)
            shape = [None, None, NUM_TOKENS]
            return {
                "token": token.to_tensor("", shape=shape),
                "probability": probability.to_tensor(0.0, shape=shape),
            }

        signature = [tf.TensorSpec([None], tf.string, name="text")]
        return write_saved_model(
            directory,
            self.model,
            {"serving_default": (serve, signature)},
            warmup_inputs={"text": np.array([b"A first sentence."])},
        )
