"""The compiled functions of a captioner, each made when it is first asked for."""

import functools

import keras
import tensorflow as tf
from keras import ops

from zoo.tasks.captioning_graph import detokenized, search_images
from zoo.tasks.compiling import CompiledFunctions, compiled, graph_function
from zoo.tasks.generation import answer_signature, missing_rows
from zoo.tasks.memory_search import search_memory


class CaptioningFunctions:
    """Makes and keeps the functions that a captioner decodes with.

    Args:
        task: `zoo.ImageCaptioner`.
    """

    def __init__(self, task):
        self.task = task
        self._compiled = CompiledFunctions()

    def answer(self, sampling, width):
        """string `(n,)`, seeds, options -> captions, scores `(n, width)`, errors, ids.

        Captions come best first, ids as they were found.
        """
        encode, decode = self.encode(), self.decode(sampling, width)

        def answer(data, seeds, options):
            ids, scores, errors = search_images(
                *(data, seeds, encode, functools.partial(decode, options)),
                *(self.task, width, options["max_length"]),
            )
            return *detokenized(ids, scores, self.task.tokenizer), errors, ids

        model = self.task.model
        return self._compiled.get(
            ("answer", sampling, width),
            lambda: graph_function(answer, *answer_signature(model, sampling)),
            model.weights,
        )

    def encode(self):
        """uint8 `(batch, height, width, 3)` -> memory.

        On TensorFlow a plain graph, which takes any batch. Elsewhere it is compiled,
        for few batches.
        """
        model = self.task.model
        if keras.backend.backend() == "tensorflow":
            return model.encode
        run = self._compiled.get(
            "encode", lambda: compiled(model.encode, model), model.weights
        )

        def encode(images):
            count = tf.shape(images)[0]
            more = missing_rows(count)
            return run(tf.pad(images, [[0, more], [0, 0], [0, 0], [0, 0]]))[:count]

        return encode

    def attention(self):
        """uint8 images, ids `(n, T)` after the start -> `(n, T, rows, columns)`."""
        model = self.task.model

        def read(images, token_ids):
            _, scores = model.decode(
                token_ids, model.encode(images), return_scores=True
            )
            mean = ops.mean(ops.cast(ops.stack(scores), "float32"), axis=(0, 2))
            return model.on_image(mean)

        return self._compiled.get(
            "attention", lambda: compiled(read, model, jit_compile=False), model.weights
        )

    def decode(self, sampling, width, jit_compile=True):
        """options, memory, limits, seeds -> ids and scores `(batch, width, ...)`."""
        model, tokenizer = self.task.model, self.task.tokenizer

        def decode(options, memory, limits, seeds):
            return search_memory(
                model,
                memory,
                seeds,
                options,
                limits=limits,
                max_length=model.max_length,
                start_id=tokenizer.start_token_id,
                end_id=tokenizer.end_token_id,
                sampling=sampling,
                width=width,
            )

        return self._compiled.get(
            ("decode", sampling, width, jit_compile),
            lambda: compiled(decode, model, jit_compile),
            model.weights,
        )
