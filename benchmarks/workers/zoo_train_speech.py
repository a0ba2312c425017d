"""Worker: our speech model in training, from WAV files, compiled as its task does.

Spectrograms are made in every step.
"""

import numpy as np
import tensorflow as tf

import zoo
from benchmarks.worker import serve
from benchmarks.workers.forced_recognizer import random_sounds
from benchmarks.workers.forced_translator import source_texts, word_vocabulary
from benchmarks.workers.keras_fit import facts
from zoo import presets
from zoo.tasks.sound_requests import wav_of
from zoo.tasks.training_defaults import compile_speech_model
from zoo.text import SentencePieceTokenizer


def build(options):
    """Options: those of `speech2text_train`, and `ctc_weight`."""
    size, vocabulary_size = options["size"], options["vocabulary_size"]
    tokenizer = SentencePieceTokenizer(word_vocabulary(vocabulary_size))
    model = presets.speech_model(size, vocabulary_size)
    compile_speech_model(model, options["ctc_weight"])
    epoch = zoo.SpeechRecognizer(model, tokenizer).batches(
        _examples(options, model.sample_rate_hz),
        batch_seconds=options["batch_seconds"],
        augmented=False,
    )

    def repeat():
        model.fit(epoch, verbose=0, shuffle=False)
        return sum(options["seconds"])

    return repeat, facts(model)


def _examples(options, sample_rate_hz):
    longest = max(options["seconds"])
    noise = random_sounds(1, longest, sample_rate_hz)[0]
    lengths = (np.array(options["seconds"]) * sample_rate_hz).astype(int)
    num_tokens = [options["tokens_per_second"] * each for each in options["seconds"]]
    texts = [
        # One token more is the end.
        source_texts(options["vocabulary_size"], 1, int(count), seed=row)[0]
        for row, count in enumerate(num_tokens)
    ]
    return tf.data.Dataset.from_tensor_slices(
        {
            "audio": [wav_of(noise[:length], sample_rate_hz) for length in lengths],
            "transcript": texts,
        }
    )


if __name__ == "__main__":
    serve(build)
