import collections
import functools
import secrets
from pathlib import Path

import numpy as np
import tensorflow as tf

from zoo import presets
from zoo.data.speech import speech_batches
from zoo.export import write_saved_model
from zoo.models import SpeechModel
from zoo.tasks.exporting import exports
from zoo.tasks.file_requests import tell
from zoo.tasks.generation import as_asked, check_one_answer, request_answers
from zoo.tasks.preset_folder import write_preset_folder
from zoo.tasks.recognition_endpoints import recognition_endpoints
from zoo.tasks.recognition_explanation import explain_one
from zoo.tasks.recognition_functions import RecognitionFunctions
from zoo.tasks.requests import check_generation_options, decoded
from zoo.tasks.single_tokenizer import check_model, check_preset, read_folder
from zoo.tasks.sound_requests import bytes_in_turn, checked_sounds, wav_of
from zoo.tasks.speech_evaluation import transcribed_rows
from zoo.tasks.speech_scores import speech_scores
from zoo.tasks.training_defaults import compile_speech_model
from zoo.tasks.word_times import word_times


class SpeechRecognizer:
    """Sound in, what was said out.

    >>> recognizer = zoo.SpeechRecognizer.from_preset("speech_tiny", tokenizer=...)
    >>> recognizer.model.fit(recognizer.batches(examples), epochs=30, shuffle=False)
    >>> recognizer.generate("hello.wav")
    'good morning'

    Args:
        model: `zoo.SpeechModel`, compiled or not.
        tokenizer: a `zoo.text` tokenizer.
    """

    def __init__(self, model, tokenizer):
        check_model(_TASK, SpeechModel, model, tokenizer)
        self.model = model
        self.tokenizer = tokenizer
        self._functions = RecognitionFunctions(self)

    @classmethod
    def from_preset(cls, preset, tokenizer=None, *, ctc_weight=0.3, **overrides):
        """Makes a recogniser of a named size, or reads one that was saved.

        Args:
            preset: str. A name of `zoo.list_presets()` (random weights), or a folder
                that `save_to_preset` wrote.
            tokenizer: a `zoo.text` tokenizer. Not for a folder, which holds its own.
            ctc_weight: float from 0 to 1. Of the loss of CTC, as the model is compiled;
                the rest is that of the decoder.
            **overrides: for a named size, arguments of `zoo.SpeechModel` such as
                `sample_rate_hz`; `dtype` also for a folder.
        """
        if Path(preset).is_dir():
            model, tokenizer = read_folder(
                _TASK, SpeechModel, Path(preset), tokenizer, overrides
            )
        else:
            check_preset(_TASK, preset, tokenizer, "transcripts")
            size = tokenizer.vocabulary_size()
            model = presets.speech_model(preset, size, **overrides)
        compile_speech_model(model, ctc_weight)
        return cls(model, tokenizer)

    def save_to_preset(self, folder):
        """Writes a folder that `from_preset` reads, on any Keras backend."""
        tokenizers = {"tokenizer": self.tokenizer}
        write_preset_folder(folder, _TASK, self.model, tokenizers)

    def batches(self, examples, **options):
        """`{"audio", "transcript"}` -> batches for `model.fit`, with `shuffle=False`.

        Args:
            examples: tf.data of raw examples, as `zoo.data.read` gives them.
            **options: of `zoo.data.speech_batches`: `batch_seconds`, `augmented`,
                `most_joined`, `shuffle`, `seed`, `first_epoch`, ...
        """
        return speech_batches(
            examples,
            self.tokenizer,
            sample_rate_hz=self.model.sample_rate_hz,
            num_mels=self.model.num_mels,
            **{
                "max_length": self.model.max_length,
                "max_seconds": self.model.max_seconds,
                **options,
            },
        )

    def generate(
        self,
        sounds,
        num_beams=4,
        max_length=None,
        length_penalty=0.6,
        num_return_sequences=1,
        temperature=None,
        top_k=None,
        top_p=None,
        seed=None,
        return_scores=False,
        *,
        sample_rate_hz=None,
        ctc=False,
    ):
        """Transcribes one sound, or a list of sounds, each of up to an hour.

        A sound is read by the graph that serves. One longer than the model's
        `max_seconds` is heard in windows that overlap and meet where it is quiet. One
        that cannot be decoded is an error; in a list it gets an empty transcript of
        score 0 and a warning, and leaves the others alone.

        Args:
            sounds: a path, the bytes of a WAV file, or an array of floats `(samples,)`
                or `(samples, channels)` from -1 to 1; or a list of these.
            num_beams: int. Width of the beam search; 1 is greedy.
            max_length: int. Longest transcript of a window in tokens, with the end.
            length_penalty: float >= 0. How much longer transcripts are favoured.
            num_return_sequences: int. Transcripts of each sound, best first.
            temperature, top_k, top_p: any of them given, tokens are drawn instead
                of searched.
            seed: int. Makes draws repeatable. Defaults to a new one each call.
            return_scores: bool. Also return length-normalised log-probabilities.
            sample_rate_hz: int. Of arrays, which do not say it.
            ctc: bool. All tokens at once, by the best path of CTC, instead of one after
                the other; none of the options above but `length_penalty` matters then.

        Returns:
            str for a sound, list for a list, of lists if `num_return_sequences` is
            above 1. With `return_scores` a pair of that and scores of that form.
        """
        sounds, names, single = checked_sounds(sounds, sample_rate_hz)
        options = {
            "num_beams": num_beams,
            "max_length": max_length,
            "length_penalty": length_penalty,
            "num_return_sequences": num_return_sequences,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "seed": secrets.randbits(31) if seed is None else seed,
        }
        check_generation_options(**options)
        options["seen"] = collections.Counter()  # of all sounds or images
        if ctc and num_return_sequences > 1:
            raise ValueError(
                "CTC's best path is one. Leave out num_return_sequences or ctc."
            )
        transcripts, scores, errors = [], [], []
        for data in bytes_in_turn(sounds, sample_rate_hz):
            some, their_scores, wrong, *_ = self._request(data, ctc, **options)
            transcripts += some
            scores += their_scores
            errors += decoded(wrong)
        tell(errors, names, single, "transcript")
        return as_asked(transcripts, scores, single, return_scores)

    def _request(self, data, ctc=False, **options):
        """Transcripts, scores, errors, ids and places of the bytes of sounds."""
        answer = functools.partial(self._functions.answer, ctc)
        inputs = [tf.constant(data, tf.string)]
        return request_answers(answer, self.model, inputs, data, **options)

    def word_times(
        self, sounds, num_beams=4, length_penalty=0.6, *, sample_rate_hz=None, ctc=False
    ):
        """Transcribes one sound, or a list of sounds, and says when each word came.

        CTC tells when each token is heard, often late by some hundredths of a second,
        never finer than 40 ms; a word ends 40 ms after its last one.

        Args:
            as in `generate`, which also says what becomes of broken sounds.

        Returns:
            list of dicts: `word` str, `begin` and `end` float, seconds; for a list of
            sounds a list of these.
        """
        sounds, names, single = checked_sounds(sounds, sample_rate_hz)
        times, errors = [], []
        for data in bytes_in_turn(sounds, sample_rate_hz):
            ids, places, wrong = self._best(data, ctc, num_beams, length_penalty)
            for row in zip(ids.to_list(), places.to_list(), strict=True):
                times.append(word_times(*row, self.tokenizer))
            errors += decoded(wrong)
        tell(errors, names, single, "transcript")
        return times[0] if single else times

    def _best(self, data, ctc, num_beams, length_penalty):
        """Ids and places of the best transcripts, RaggedTensors, and errors."""
        search = {"num_beams": num_beams, "length_penalty": length_penalty}
        _, _, errors, ids, places = self._request(data, ctc, **search)
        width = 1 if ctc else num_beams
        return ids[::width], places[::width], errors

    def transcripts_of(self, examples, *, batch_size=64, ctc=False, **options):
        """Transcribes examples and keeps their references beside, for pictures.

        Sounds that cannot be decoded, or have no reference with a word in it, are left
        out with a warning that names them; more than 2 % of them are an error.

        Args:
            examples: tf.data of raw examples, `{"audio", "transcript"}`.
            batch_size: int. Sounds at a time; a progress bar counts them.
            ctc, **options: of `generate`.

        Returns:
            list of dicts: `audio` bytes, `transcript` and `reference` str.
        """
        return list(self._transcribed(examples, batch_size, ctc, **options))

    def _transcribed(self, examples, batch_size=64, ctc=False, **options):
        """Yields what `transcripts_of` returns."""
        check_one_answer(options)

        def transcribe(data):
            transcripts, _, errors, *_ = self._request(data, ctc, **options)
            return transcripts, decoded(errors)

        return transcribed_rows(transcribe, examples, batch_size)

    def evaluate(self, examples, **options):
        """Transcribes sounds and scores the transcripts against the references.

        Args:
            examples, **options: as in `transcripts_of`.

        Returns:
            dict, see `zoo.tasks.speech_scores`: `wer`, `cer`, `exact_match` and how
            texts are compared.
        """
        rows = self._transcribed(examples, **options)  # one by one: sounds are large
        texts = [(row["transcript"], row["reference"]) for row in rows]
        return speech_scores([x for x, _ in texts], [y for _, y in texts])

    def explain(
        self, sound, num_beams=4, length_penalty=0.6, *, sample_rate_hz=None, ctc=False
    ):
        """Transcribes one sound of at most `max_seconds` and says when each piece came.

        Returns:
            dict: `transcript` str; `samples`, float32 array at the model's rate;
            `target_pieces`, list of str of length T; `seconds`, float32 array `(T,)`,
            when each begins, by CTC; `attention`, float32 array `(T, S)` over places of
            40 ms, the mean over heads and layers of the decoder.
        """
        sounds, names, single = checked_sounds(sound, sample_rate_hz)
        if not single:
            raise TypeError("explain takes one sound. Call it for each.")
        (data,) = bytes_in_turn(sounds, sample_rate_hz)
        transcribe = functools.partial(self._best, data, ctc, num_beams, length_penalty)
        attention = self._functions.attention()
        return explain_one(data, names[0], transcribe, attention, self)

    @exports
    def export(
        self, directory, *, num_beams=4, length_penalty=0.6, ctc=False, jit_compile=True
    ):
        """Writes the next version of a SavedModel that takes the bytes of WAV files.

        Signatures, each from `audio_bytes` string `(n,)`: `serving_default` gives
        `transcript`, `score` and `error`, all `(n,)`; `n_best` gives `transcripts` and
        `scores` `(n, num_beams)`, best first, and `error`. Of sounds of at most
        the model's `max_seconds`, `explain` gives `transcript`, `target_pieces`,
        `seconds`, `attention` and `error`; `start` gives the state of a greedy
        transcript, and `step` takes it and gives the next.

        Args:
            directory: str, such as `"saved_models/fsdd"`. Versions count from 1.
            num_beams, length_penalty, ctc: as in `generate`; with `ctc`, `n_best` has
                one transcript.
            jit_compile: bool. `False` leaves XLA out, for servers without it.

        Returns:
            str, the path of the version.
        """
        check_generation_options(num_beams=num_beams, length_penalty=length_penalty)
        decode = self._functions.fixed(num_beams, length_penalty, ctc, jit_compile)
        width = 1 if ctc else num_beams
        rate = self.model.sample_rate_hz
        tone = np.sin(np.arange(rate) * (2 * np.pi * 440 / rate)).astype("float32") / 8
        return write_saved_model(
            directory,
            self.model,
            recognition_endpoints(
                decode, self._functions.attention(), width, self, ctc
            ),
            # As objects, for NumPy's own strings lose the zeros at their end.
            warmup_inputs={"audio_bytes": np.array([wav_of(tone, rate)], object)},
        )


_TASK = SpeechRecognizer.__name__
