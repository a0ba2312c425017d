"""The compiled functions of a translator, each made when it is first asked for."""

import functools

import tensorflow as tf

from zoo.tasks.compiling import CompiledFunctions, compiled, graph_function
from zoo.tasks.generation import answer_signature
from zoo.tasks.translation_graph import join_pieces, search, search_texts


class TranslationFunctions:
    """Makes and keeps the functions that a translator decodes with.

    Args:
        task: `zoo.Translator`.
    """

    def __init__(self, task):
        self.task = task
        self._compiled = CompiledFunctions()

    def answer(self, sampling, width):
        """string `(n,)`, seeds, options -> answers and scores `(n, width)`."""
        decode = self.decode(sampling, width)

        def answer(texts, seeds, options):
            _, owner, token_ids, scores = search_texts(
                texts, seeds, functools.partial(decode, options), self.task, width
            )
            return join_pieces(
                owner, token_ids, scores, tf.size(texts), self.task.target_tokenizer
            )

        model = self.task.model
        return self._compiled.get(
            ("answer", sampling, width),
            lambda: graph_function(answer, *answer_signature(model, sampling)),
            model.weights,
        )

    def decode(self, sampling, width, jit_compile=True):
        """options, ids `(batch, S)`, seeds -> ids and scores `(batch, width, ...)`."""
        model, tokenizer = self.task.model, self.task.target_tokenizer

        def decode(options, source_ids, seeds):
            return search(
                model,
                source_ids,
                seeds,
                options,
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
