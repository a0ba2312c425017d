import functools
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from zoo import presets
from zoo.data.translation import translation_batches
from zoo.export import write_saved_model
from zoo.models import TranslationModel
from zoo.tasks.exporting import exports
from zoo.tasks.generation import (
    as_asked,
    check_one_answer,
    request_answers,
    search_options,
)
from zoo.tasks.preset_folder import (
    read_config,
    read_model,
    read_tokenizers,
    write_preset_folder,
)
from zoo.tasks.requests import check_generation_options, checked_texts, decoded
from zoo.tasks.tokenizer_pair import TOKENIZER_NAMES, check_fit, tokenizer_pair
from zoo.tasks.training_defaults import compile_translation_model
from zoo.tasks.translation_endpoints import explained, translation_endpoints
from zoo.tasks.translation_functions import TranslationFunctions
from zoo.tasks.translation_scores import translation_scores
from zoo.text.chunking import cut_tables


class Translator:
    """Strings in one language in, strings in another one out.

    >>> translator = zoo.Translator.from_preset("translator_tiny", tokenizer=...)
    >>> translator.model.fit(translator.batches(pairs), epochs=10)
    >>> translator.generate("a small dog")
    'ein kleiner Hund'

    Args:
        model: `zoo.TranslationModel`, compiled or not.
        source_tokenizer, target_tokenizer: `zoo.text` tokenizers; the same one
            twice where the model has one vocabulary.
    """

    def __init__(self, model, source_tokenizer, target_tokenizer):
        check_fit(model, source_tokenizer, target_tokenizer)
        self.model = model
        self.source_tokenizer = source_tokenizer
        self.target_tokenizer = target_tokenizer
        self.cut_tables = cut_tables(source_tokenizer.get_vocabulary())
        self._functions = TranslationFunctions(self)

    @classmethod
    def from_preset(
        cls,
        preset,
        tokenizer=None,
        *,
        source_tokenizer=None,
        target_tokenizer=None,
        **overrides,
    ):
        """Makes a translator of a named size, or reads one that was saved.

        Args:
            preset: str. A name of `zoo.list_presets()` (random weights), or a
                folder that `save_to_preset` wrote.
            tokenizer: one tokenizer for both languages; or the pair
                `source_tokenizer`, `target_tokenizer`. Not for a folder, which
                holds its own.
            **overrides: arguments of `zoo.TranslationModel`, such as `dropout`,
                for a named size; `dtype` also for a folder.
        """
        given = (tokenizer, source_tokenizer, target_tokenizer)
        if Path(preset).is_dir():
            return cls._from_folder(Path(preset), given, overrides)
        if preset not in presets.list_presets():
            raise ValueError(
                presets.unknown_preset(preset, presets.list_presets())
                + " It is no folder either."
            )
        source_tokenizer, target_tokenizer = tokenizer_pair(*given)
        if target_tokenizer is not source_tokenizer:
            overrides.setdefault(
                "target_vocabulary_size", target_tokenizer.vocabulary_size()
            )
        model = presets.translation_model(
            preset, source_tokenizer.vocabulary_size(), **overrides
        )
        compile_translation_model(model)
        return cls(model, source_tokenizer, target_tokenizer)

    @classmethod
    def _from_folder(cls, folder, given, overrides):
        config = read_config(folder, cls.__name__)
        if any(tokenizer is not None for tokenizer in given):
            raise ValueError(
                f"{folder} holds its own tokenizers; from_preset takes one only with "
                "a named size such as 'translator_tiny'. Leave it out."
            )
        pair = tokenizer_pair(**read_tokenizers(folder, config, TOKENIZER_NAMES))
        model = read_model(folder, config, TranslationModel, overrides)
        compile_translation_model(model)
        return cls(model, *pair)

    def save_to_preset(self, folder):
        """Writes a folder that `from_preset` reads, on any Keras backend.

        LoRA weights are added to those that they change. A quantized model is
        refused: save before `quantize`.
        """
        tokenizers = {"tokenizer": self.source_tokenizer}
        if self.target_tokenizer is not self.source_tokenizer:
            tokenizers = {
                "source_tokenizer": self.source_tokenizer,
                "target_tokenizer": self.target_tokenizer,
            }
        write_preset_folder(folder, type(self).__name__, self.model, tokenizers)

    def batches(self, examples, **options):
        """`{"source", "target"}` strings -> batches for `model.fit`.

        Args:
            examples: tf.data of raw pairs, as `zoo.data.read` gives them.
            **options: of `zoo.data.translation_batches`: `batch_tokens`, `packed`,
                `shuffle`, `seed`, `subword_sampling`, `first_epoch`, ...
        """
        return translation_batches(
            examples,
            self.source_tokenizer,
            self.target_tokenizer,
            **{"max_length": self.model.max_length, **options},
        )

    def generate(
        self,
        texts,
        num_beams=4,
        max_length=None,
        length_penalty=0.6,
        num_return_sequences=1,
        temperature=None,
        top_k=None,
        top_p=None,
        seed=None,
        return_scores=False,
    ):
        """Translates one text, or a list of texts.

        A text longer than the model is cut at sentence ends, translated in pieces
        and joined. An answer does not depend on what else is in the list.

        Args:
            texts: str or list of str.
            num_beams: int. Width of the beam search; 1 is greedy.
            max_length: int. Longest answer (of each piece) in tokens, the end
                token included. Defaults to twice the source and a few more.
            length_penalty: float >= 0. How much longer answers are favoured.
            num_return_sequences: int. Answers to each text, best first.
            temperature, top_k, top_p: any of them given, tokens are drawn instead
                of searched.
            seed: int. Makes draws repeatable. Defaults to a new one each call.
            return_scores: bool. Also return length-normalised log-probabilities.

        Returns:
            str for a str, list for a list, of lists if `num_return_sequences` is
            above 1. With `return_scores` a pair of that and scores of that form.
        """
        single = isinstance(texts, str)
        texts = checked_texts([texts] if single else texts)
        answers, scores = request_answers(
            self._functions.answer,
            self.model,
            [tf.constant(texts, tf.string)],
            [text.encode("utf-8") for text in texts],
            num_beams=num_beams,
            max_length=max_length,
            length_penalty=length_penalty,
            num_return_sequences=num_return_sequences,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
        )
        return as_asked(answers, scores, single, return_scores)

    def evaluate(self, examples, *, language=None, batch_size=256, **options):
        """Translates the sources and scores the answers against the targets.

        Args:
            examples: tf.data of raw pairs, `{"source", "target"}`.
            language: str, optional. Target language; adds the score of papers, see
                `zoo.tasks.translation_scores`.
            batch_size: int. Texts at a time; a progress bar counts them.
            **options: of `generate`, such as `num_beams`.

        Returns:
            dict: `bleu`, `chrf`, `exact_match`, and the sacrebleu signatures.
        """
        check_one_answer(options)
        pairs = [
            (pair["source"].decode("utf-8"), pair["target"].decode("utf-8"))
            for pair in examples.as_numpy_iterator()
        ]
        sources = [source for source, _ in pairs]
        # Texts of like length go together: less padding, fewer shapes.
        order = sorted(range(len(sources)), key=lambda i: len(sources[i]))
        hypotheses = [""] * len(sources)
        progress = keras.utils.Progbar(len(sources), unit_name="text")
        for begin in range(0, len(order), batch_size):
            rows = order[begin : begin + batch_size]
            answers = self.generate([sources[i] for i in rows], **options)
            for i, answer in zip(rows, answers, strict=True):
                hypotheses[i] = answer
            progress.add(len(rows))
        return translation_scores(
            hypotheses, [target for _, target in pairs], language=language
        )

    def explain(self, text, num_beams=4, length_penalty=0.6):
        """Translates one text and says which source pieces each target piece saw.

        Returns:
            dict: `source_pieces` and `target_pieces`, lists of str of lengths S and
            T, and `attention`, float32 array `(T, S)`, the mean over heads and
            layers, whose rows sum to 1. All are empty for an empty text.
        """
        check_generation_options(num_beams=num_beams, length_penalty=length_penalty)
        decode = self._functions.decode(False, num_beams)
        options = search_options(self.model, length_penalty=length_penalty)
        texts = tf.constant(checked_texts([text]))
        explanation = explained(
            texts, functools.partial(decode, options), num_beams, self
        )
        return {
            "source_pieces": decoded(explanation["source_pieces"][0]),
            "target_pieces": decoded(explanation["target_pieces"][0]),
            "attention": explanation["attention"][0].numpy(),
        }

    @exports
    def export(self, directory, *, num_beams=4, length_penalty=0.6, jit_compile=True):
        """Writes the next version of a SavedModel that speaks strings.

        Signatures, each from `text` string `(n,)`: `serving_default` gives
        `translation` and `score` `(n,)`; `n_best` gives `translations` and `scores`
        `(n, num_beams)`, best first; `explain` gives `translation`,
        `source_pieces`, `target_pieces` and `attention`. `start` gives the state of
        a greedy translation, and `step` takes it and gives the next.

        Args:
            directory: str, such as `"saved_models/en-de"`. Versions count from 1.
            num_beams, length_penalty: as in `generate`.
            jit_compile: bool. `False` leaves XLA out, for servers without it.

        Returns:
            str, the path of the version.
        """
        check_generation_options(num_beams=num_beams, length_penalty=length_penalty)
        compiled_decode = self._functions.decode(False, num_beams, jit_compile)

        def decode(num_results, source_ids, seeds):
            options = search_options(
                self.model, length_penalty=length_penalty, num_results=num_results
            )
            return compiled_decode(options, source_ids, seeds)

        return write_saved_model(
            directory,
            self.model,
            translation_endpoints(decode, num_beams, self),
            warmup_inputs={"text": np.array([b"A first sentence."])},
        )
