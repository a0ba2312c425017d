"""A recogniser with random weights whose transcripts all have as many tokens as asked.

As `forced_translator`: the vocabulary is of words, and nothing else is ever the best.
"""

import keras
import numpy as np

import zoo
from benchmarks.workers.forced_translator import force_words, word_vocabulary
from zoo import presets
from zoo.text import SentencePieceTokenizer


def forced_recognizer(size, vocabulary_size, num_tokens):
    """A `zoo.SpeechRecognizer` whose transcripts all have `num_tokens` words.

    Args:
        size: str. A preset.
        vocabulary_size, num_tokens: int.
    """
    keras.utils.set_random_seed(0)
    tokenizer = SentencePieceTokenizer(word_vocabulary(vocabulary_size))
    model = presets.speech_model(size, vocabulary_size, max_length=num_tokens)
    force_words(model.target_embedding, model.decoder.final_norm)
    return zoo.SpeechRecognizer(model, tokenizer)


def random_sounds(count, seconds, sample_rate_hz):
    """float32 `(count, samples)` of noise, the same every time."""
    shape = (count, int(seconds * sample_rate_hz))
    return np.random.default_rng(0).normal(0, 0.1, shape).astype("float32")
