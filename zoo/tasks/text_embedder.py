import keras
import numpy as np
import tensorflow as tf

from zoo.export import write_saved_model
from zoo.interop import write_hugging_face
from zoo.tasks.compiling import CompiledFunctions, graph_function
from zoo.tasks.encoders import (
    check_vocabulary,
    checked_max_length,
    encoder_from_preset,
    read_task,
    save_task,
    saved_task,
)
from zoo.tasks.encoding import encode_in_pieces, encoding_function
from zoo.tasks.requests import checked_texts
from zoo.tasks.text_rows import rows_of_cut_texts, warn_of_cut_texts

_SMALLEST = 1e-12  # of a norm to divide by


class TextEmbedder:
    """Texts to vectors that are near each other where texts mean alike.

    As [Reimers and Gurevych, 2019](https://arxiv.org/abs/1908.10084) have it: the mean
    of the vectors of a text's tokens, or that of its first, brought to length 1.

    >>> embedder = zoo.TextEmbedder.from_preset("runs/pretrained")
    >>> embedder.embed(["a small dog", "a little dog"]).shape
    (2, 256)

    Args:
        model: `zoo.TextEncoder`; a pooler is not needed.
        tokenizer: a `zoo.text` tokenizer.
        pooling: `"mean"` or `"cls"`, the first token's vector.
        normalize: bool. Vectors of length 1.
        max_length: int. The most tokens that are read, special ones included; the rest
            of a longer text is not. Defaults to as many as there are positions for.
        model_type: str. Of the published checkpoint that it is, such as "bert", so that
            `to_hugging_face` writes it as such.
    """

    def __init__(
        self,
        model,
        tokenizer,
        *,
        pooling="mean",
        normalize=True,
        max_length=None,
        model_type=None,
    ):
        if pooling not in ("mean", "cls"):
            raise ValueError(f"pooling={pooling!r}. Choose 'mean' or 'cls'.")
        check_vocabulary(model, tokenizer)
        self.model = model
        self.tokenizer = tokenizer
        self.pooling = pooling
        self.normalize = normalize
        self.max_length = checked_max_length(max_length, model)
        self.model_type = model_type
        self._functions = CompiledFunctions()

    @classmethod
    def from_preset(cls, preset, tokenizer=None, **options):
        """Makes an embedder of a named size or of a trained encoder, or reads one.

        Args:
            preset: str. A name of `zoo.list_presets()` (random weights), or a folder
                that a task on texts was saved to, whose encoder is taken.
            tokenizer: for a named size. A folder holds its own.
            **options: `pooling`, `normalize` and `max_length` as for the class, else
                arguments of `zoo.TextEncoder`; of a saved embedder only `dtype`.
        """
        if saved_task(preset) == cls.__name__:
            return read_task(cls, preset, tokenizer, options, "pooling")
        names = ("pooling", "normalize", "max_length")
        own = {name: options.pop(name) for name in names if name in options}
        encoder, tokenizer = encoder_from_preset(preset, tokenizer, options)
        return cls(encoder, tokenizer, **own)

    def save_to_preset(self, folder):
        """Writes a folder that `from_preset` reads, on any Keras backend."""
        save_task(self, folder)

    @property
    def options(self):
        """dict, what the task is made of beside its model and its tokenizer."""
        return {
            "pooling": self.pooling,
            "normalize": self.normalize,
            "max_length": self.max_length,
            "model_type": self.model_type,
        }

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
        encode = encoding_function(self._pooled, self.model, self.max_length)

        def vectors(texts):
            rows, num_cut = rows_of_cut_texts(texts, self.tokenizer, self.max_length)
            return encode_in_pieces(encode, rows, self.model.hidden_dim), num_cut

        return graph_function(vectors, tf.TensorSpec([None], tf.string))

    def _pooled(self, inputs):
        vectors = self.model(inputs, training=False)["sequence_output"]
        vectors = keras.ops.cast(vectors, "float32")
        if self.pooling == "cls":
            pooled = vectors[:, 0]
        else:
            real = keras.ops.cast(inputs["padding_mask"], "float32")[..., None]
            pooled = keras.ops.sum(vectors * real, axis=1) / keras.ops.sum(real, axis=1)
        if not self.normalize:
            return pooled
        norm = keras.ops.sqrt(keras.ops.sum(pooled**2, axis=-1, keepdims=True))
        return pooled / keras.ops.maximum(norm, _SMALLEST)

    def evaluate(self, examples):
        """How often the nearest of all second texts is a text's own.

        Args:
            examples: tf.data of `{"text", "text_pair"}`, two that mean alike.

        Returns:
            dict: `accuracy_at_1` and `mean_reciprocal_rank`, by cosine.
        """
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

    def to_hugging_face(self, folder):
        """Writes a folder that transformers loads, in safetensors, without it."""
        write_hugging_face(
            folder, type(self).__name__, self.model, self.tokenizer, self.options
        )

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
            {
                "serving_default": (
                    lambda text: {"embedding": function(text)[0]},
                    signature,
                )
            },
            warmup_inputs={"text": np.array([b"A first sentence."])},
        )
