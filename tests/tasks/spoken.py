"""Words that are tones, and a recogniser that learns in half a minute to know them."""

import keras
import numpy as np
import tensorflow as tf

import zoo
from zoo.losses import SmoothedCrossentropy
from zoo.tasks.sound_requests import wav_of
from zoo.tasks.sparse_ctc import SparseCTC

RATE = 8_000
PITCHES_HZ = {"low": 300, "mid": 900, "high": 2_000, "top": 3_300}
TONE_SECONDS, GAP_SECONDS = 0.25, 0.2
WINDOW_SECONDS = 5


def sung(words, rate=RATE, seed=0):
    """float32 `(samples,)`: a tone a word, silence between, a little noise."""
    generator = np.random.default_rng([seed, len(words)])
    time = np.arange(int(TONE_SECONDS * rate)) / rate
    silence = np.zeros(int(GAP_SECONDS * rate))
    parts = [silence]
    for word in words:
        fade = np.sin(np.pi * np.arange(len(time)) / len(time))
        parts += [fade * np.sin(2 * np.pi * PITCHES_HZ[word] * time), silence]
    sound = 0.3 * np.concatenate(parts)
    return (sound + 1e-3 * generator.normal(size=len(sound))).astype("float32")


def sentences(count, seed=0, most=4):
    generator = np.random.default_rng(seed)
    return [
        generator.choice(list(PITCHES_HZ), generator.integers(1, most + 1)).tolist()
        for _ in range(count)
    ]


def examples(count=200, seed=0):
    chosen = sentences(count, seed)
    return _dataset([sung(words, seed=i) for i, words in enumerate(chosen)], chosen)


def windows(count, seed=0):
    """Parts of longer sounds, with the words of which they have the greater half."""
    generator = np.random.default_rng(seed)
    step = TONE_SECONDS + GAP_SECONDS
    num_words = int(WINDOW_SECONDS / step) + 2
    middles = GAP_SECONDS + TONE_SECONDS / 2 + step * np.arange(num_words)
    sounds, heard = [], []
    for i in range(count):
        words = generator.choice(list(PITCHES_HZ), num_words)
        begin = generator.uniform(0, step)
        end = begin + WINDOW_SECONDS
        sounds.append(sung(words, seed=i)[int(begin * RATE) : int(end * RATE)])
        heard.append(words[(middles > begin) & (middles < end)].tolist())
    return _dataset(sounds, heard)


def _dataset(sounds, words):
    return tf.data.Dataset.from_tensor_slices(
        {
            "audio": [wav_of(sound, RATE) for sound in sounds],
            "transcript": [" ".join(each) for each in words],
        }
    )


def trained_recognizer():
    """Hears every word by CTC, in sounds of any length in windows of 5 seconds."""
    keras.utils.set_random_seed(0)
    tokenizer = zoo.text.learn_tokenizer(list(PITCHES_HZ) * 20, vocabulary_size=290)
    recognizer = zoo.SpeechRecognizer.from_preset(
        "speech_tiny",
        tokenizer=tokenizer,
        num_layers=2,
        num_decoder_layers=1,
        num_heads=2,
        hidden_dim=32,
        intermediate_dim=64,
        filters=32,
        num_mels=20,
        sample_rate_hz=RATE,
        dropout=0.0,
        max_length=90,
        max_seconds=WINDOW_SECONDS,
    )
    batches = recognizer.batches(
        examples().concatenate(windows(150)),
        augmented=False,
        num_buckets=2,
        batch_seconds=60,
    )
    epochs = 30
    num_steps = epochs * int(batches.cardinality())
    model = recognizer.model
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(5e-3, num_steps)),
        loss={"ctc": SparseCTC(), "tokens": SmoothedCrossentropy()},
        loss_weights={"ctc": 0.9, "tokens": 0.1},
        jit_compile=False,
    )
    model.fit(batches.repeat(epochs), shuffle=False, verbose=0)
    return recognizer


def untrained_recognizer():
    """What it says is nonsense, but the same nonsense each time."""
    keras.utils.set_random_seed(0)
    tokenizer = zoo.text.learn_tokenizer(list(PITCHES_HZ) * 20, vocabulary_size=275)
    return zoo.SpeechRecognizer.from_preset(
        "speech_tiny",
        tokenizer=tokenizer,
        num_layers=1,
        num_decoder_layers=1,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=32,
        filters=16,
        num_mels=12,
        max_length=12,
        sample_rate_hz=RATE,
    )
