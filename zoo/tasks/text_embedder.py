import numpy as np
import tensorflow as tf

from zoo.data.contrastive import contrastive_batches
from zoo.data.tokenized_texts import check_examples
from zoo.export import write_saved_model
from zoo.interop import write_hugging_face
from zoo.models import EmbeddingModel
from zoo.tasks.compiling import CompiledFunctions, graph_function
from zoo.tasks.encoders import (
    check_vocabulary,
    checked_max_length,
    encoder_from_preset,
    read_task,
    save_task,
)
from zoo.tasks.encoding import encode_in_pieces, encoding_function
from zoo.tasks.exporting import exports
from zoo.tasks.folder_kinds import saved_task
from zoo.tasks.lora import merges_lora
from zoo.tasks.requests import checked_texts
from zoo.tasks.text_rows import rows_of_cut_texts, warn_of_cut_texts
from zoo.tasks.training_defaults import compile_embedding_model

_SMALLEST = 1e-12  # of a norm to divide by


class TextEmbedder:
    """Texts to vectors that are near each other where texts mean alike.

    >>> embedder = zoo.TextEmbedder.from_preset("runs/pretrained")
    >>> embedder.model.fit(embedder.batches(pairs), epochs=3, shuffle=False)
    >>> embedder.embed(["a small dog", "a little dog"]).shape
    (2, 256)

    Args:
        model: `zoo.EmbeddingModel`, compiled or not.
        tokenizer: a `zoo.text` tokenizer.
        max_length: int. The most tokens that are read, special ones included; the rest
            of a longer text is not. Defaults to as many as there are positions for.
        model_type: str. Of the published checkpoint that it is, such as "bert", so that
            `to_hugging_face` writes it as such.
    """

    def __init__(self, model, tokenizer, *, max_length=None, model_type=None):
        if not isinstance(model, EmbeddingModel):
            raise TypeError(
                f"TextEmbedder takes a zoo.EmbeddingModel, got {type(model).__name__}. "
                "Make one of a TextEncoder: zoo.EmbeddingModel(encoder)."
            )
        check_vocabulary(model.encoder, tokenizer)
        self.model = model
        self.tokenizer = tokenizer
        self.max_length = checked_max_length(max_length, model.encoder)
        self.model_type = model_type
        self._functions = CompiledFunctions()

    @classmethod
    def from_preset(
        cls,
        preset,
        tokenizer=None,
        *,
        pooling=None,
        normalize=None,
        max_length=None,
        **overrides,
    ):
        """Makes an embedder of a named size or of a trained encoder, or reads one.

        Args:
            preset: str. A name of `zoo.list_presets()` (random weights), or a folder
                that a task on texts was saved to or that holds a published
                checkpoint, whose encoder is taken.
            tokenizer: for a named size. A folder holds its own.
            pooling, normalize: as for `zoo.EmbeddingModel`, by default `"mean"` and
                True.
            max_length: as for the class.
            **overrides: arguments of `zoo.TextEncoder`, such as `dropout`.

        A saved embedder stays as it is: of all these it takes only `dtype`.
        """
        own = {"pooling": pooling, "normalize": normalize, "max_length": max_length}
        own = {name: value for name, value in own.items() if value is not None}
        if saved_task(preset) == cls.__name__:
            options = {**own, **overrides}
            task = read_task(cls, preset, tokenizer, options, "pooling")
        else:
            max_length = own.pop("max_length", None)
            encoder, tokenizer, model_type = encoder_from_preset(
                preset, tokenizer, overrides, max_length, task_name=cls.__name__
            )
            model = EmbeddingModel(encoder, **own)
            model.build()
            task = cls(model, tokenizer, max_length=max_length, model_type=model_type)
        compile_embedding_model(task.model)
        return task

    def save_to_preset(self, folder):
        """Writes a folder that `from_preset` reads, on any Keras backend."""
        save_task(self, folder)

    @property
    def options(self):
        """dict, what the task is made of beside its model and its tokenizer."""
        return {"max_length": self.max_length, "model_type": self.model_type}

    def batches(self, examples, **options):
        """`{"text", "text_pair"}` strings that mean alike -> batches for `model.fit`.

        Each text learns to find its own partner among all those of its batch.

        Args:
            examples: tf.data as `zoo.data.read` gives it.
            **options: of `zoo.data.contrastive_batches`.
        """
        max_length = options.get("max_length", self.max_length)
        options["max_length"] = checked_max_length(max_length, self.model.encoder)
        return contrastive_batches(examples, self.tokenizer, **options)

    def embed(self, texts):
        """A text to a vector, or each of a list of texts to one.

        A text does not depend on what else is in the list. One that is longer than
        the model is cut, and a warning counts them.

        Args:
            texts: str or list of str.

        Returns:
            float32 array `(hidden_dim,)` for a str, `(n, hidden_dim)` for a list.
        """
        single = isinstance(texts, str)
        texts = checked_texts([texts] if single else texts, "embed")
        function = self._functions.get("", self._function, self.model.weights)
        vectors, num_cut = function(tf.constant(texts, tf.string))
        warn_of_cut_texts(num_cut, len(texts), self.max_length)
        return vectors.numpy()[0] if single else vectors.numpy()

    def _function(self):
        """string `(n,)` -> float32 `(n, hidden_dim)` and how many are cut, compiled."""
        encode = encoding_function(
            lambda inputs: self.model(inputs, training=False),
            self.model,
            self.max_length,
        )
        size = self.model.encoder.hidden_dim

        def vectors(texts):
            rows, num_cut = rows_of_cut_texts(texts, self.tokenizer, self.max_length)
            return encode_in_pieces(encode, rows, size), num_cut

        return graph_function(vectors, tf.TensorSpec([None], tf.string))

    def evaluate(self, examples):
        """How often the nearest of all second texts is a text's own.

        Args:
            examples: tf.data of `{"text", "text_pair"}`, two that mean alike.

        Returns:
            dict: `accuracy_at_1` and `mean_reciprocal_rank`, by cosine.
        """
        check_examples(examples, ("text", "text_pair"))
        examples = list(examples.as_numpy_iterator())
        if not examples:
            raise ValueError(
                "There is nothing to evaluate: the examples are empty. Pass a data set "
                "with at least one pair."
            )
        sides = [
            self.embed([example[name].decode("utf-8") for example in examples])
            for name in ("text", "text_pair")
        ]
        first, second = (
            x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), _SMALLEST)
            for x in sides
        )
        cosines = first @ second.T
        ranks = 1 + (cosines > cosines.diagonal()[:, np.newaxis]).sum(axis=1)
        return {
            "accuracy_at_1": float((ranks == 1).mean()),
            "mean_reciprocal_rank": float((1 / ranks).mean()),
        }

    @merges_lora
    def to_hugging_face(self, folder):
        """Writes a folder that transformers loads, in safetensors, without it."""
        pooling = {"pooling": self.model.pooling, "normalize": self.model.normalize}
        write_hugging_face(
            folder,
            type(self).__name__,
            self.model.encoder,
            self.tokenizer,
            {**self.options, **pooling},
        )

    @exports
    def export(self, directory):
        """Writes the next version of a SavedModel from strings to vectors.

        `serving_default` takes `text` string `(n,)` and gives `embedding` float32 `(n,
        hidden_dim)`.

        Returns:
            str, the path of the version.
        """
        function = self._function()

        def serve(text):
            return {"embedding": function(text)[0]}

        signature = [tf.TensorSpec([None], tf.string, name="text")]
        return write_saved_model(
            directory,
            self.model,
            {"serving_default": (serve, signature)},
            warmup_inputs={"text": np.array([b"A first sentence."])},
        )
