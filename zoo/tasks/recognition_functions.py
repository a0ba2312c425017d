"""The compiled functions of a recogniser, each made when it is first asked for."""

import functools

import keras
from keras import ops

from zoo import ctc
from zoo.tasks.compiling import CompiledFunctions, compiled, graph_function
from zoo.tasks.generation import answer_signature, search_options
from zoo.tasks.memory_search import search_memory
from zoo.tasks.recognition_graph import detokenized, search_sounds


class RecognitionFunctions:
    """Makes and keeps the functions that a recogniser decodes with.

    Args:
        task: `zoo.SpeechRecognizer`.
    """

    def __init__(self, task):
        self.task = task
        self._compiled = CompiledFunctions()

    def answer(self, by_ctc, sampling, width):
        """string `(n,)`, seeds, options -> transcripts, scores `(n, width)`, errors.

        Transcripts come best first; then the ids and their places as they were found.
        By CTC there is one, which is not drawn.
        """
        if by_ctc:
            width = 1
        encode = self.encode()
        decode = self.by_ctc() if by_ctc else self.decode(sampling, width)

        def answer(data, seeds, options):
            ids, places, scores, errors = search_sounds(
                *(data, seeds, encode, functools.partial(decode, options)),
                *(self.task, width),
                by_ctc=by_ctc,
                max_length=options["max_length"],
            )
            texts = detokenized(ids, scores, self.task.tokenizer)
            return *texts, errors, ids, places

        model = self.task.model
        return self._compiled.get(
            ("answer", by_ctc, sampling, width),
            lambda: graph_function(answer, *answer_signature(model, sampling)),
            model.weights,
        )

    def encode(self):
        """samples `(batch, samples)`, their numbers `(batch,)` -> memory, mask.

        On TensorFlow a plain graph, which takes any batch; elsewhere it is compiled.
        """
        model = self.task.model
        if keras.backend.backend() == "tensorflow":
            return model.encode
        return self._compiled.get(
            "encode", lambda: compiled(model.encode, model), model.weights
        )

    def attention(self):
        """samples, their numbers, ids `(n, T)` after the start -> `(n, T, S)`."""
        model = self.task.model

        def read(samples, num_samples, token_ids):
            memory, mask = model.encode(samples, num_samples)
            _, scores = model.decode(
                token_ids, memory, memory_mask=mask, return_scores=True
            )
            return ops.mean(ops.cast(ops.stack(scores), "float32"), axis=(0, 2))

        return self._compiled.get(
            "attention", lambda: compiled(read, model, jit_compile=False), model.weights
        )

    def decode(self, sampling, width, jit_compile=True):
        """options, memory, mask, limits, seeds -> ids, scores, places."""
        model, tokenizer = self.task.model, self.task.tokenizer

        def decode(options, memory, mask, limits, seeds):
            num_places = ops.shape(memory)[1]
            max_length = ops.minimum(num_places + 1, model.max_length)
            if isinstance(num_places, int):
                max_length = min(num_places + 1, model.max_length)
            ids, scores = search_memory(
                model,
                memory,
                seeds,
                options,
                memory_mask=mask,
                limits=limits,
                max_length=max_length,
                start_id=tokenizer.start_token_id,
                end_id=tokenizer.end_token_id,
                sampling=sampling,
                width=width,
            )
            # A row without a token; a search may leave -inf for all but one.
            scores = ops.where((limits > 0)[:, None], scores, 0.0)
            ids = ops.where(ids == tokenizer.end_token_id, 0, ids)
            flat = ops.reshape(ids, (-1, ops.shape(ids)[2]))
            places = ctc.align(model.ctc_logits_of(memory, mask, flat), flat)
            places = ops.reshape(places, ops.shape(ids))
            # More repeats than CTC has places for would end behind the sound.
            last = ops.sum(ops.cast(mask, places.dtype), axis=1) - 1
            return ids, scores, ops.minimum(places, ops.maximum(last, 0)[:, None, None])

        return self._compiled.get(
            ("decode", sampling, width, jit_compile),
            lambda: compiled(decode, model, jit_compile),
            model.weights,
        )

    def fixed(self, width, length_penalty, by_ctc, jit_compile):
        """number of results, memory, mask, limits, seeds -> what `decode` gives."""
        if by_ctc:
            function = self.by_ctc(jit_compile)
        else:
            function = self.decode(False, width, jit_compile)

        def decode(num_results, *arguments):
            options = search_options(
                self.task.model, length_penalty=length_penalty, num_results=num_results
            )
            return function(options, *arguments)

        return decode

    def by_ctc(self, jit_compile=True):
        """The same by the best path of CTC, of which there is one."""
        model = self.task.model

        def decode(options, memory, mask, limits, seeds):
            ids, places, scores = ctc.best_path(model.ctc_logits(memory, mask))
            num_tokens = ops.sum(ops.cast(ids > 0, "float32"), axis=1)
            scores = scores / (num_tokens + 1.0) ** options["length_penalty"]
            return ids[:, None], scores[:, None], places[:, None]

        return self._compiled.get(
            ("ctc", jit_compile),
            lambda: compiled(decode, model, jit_compile),
            model.weights,
        )
