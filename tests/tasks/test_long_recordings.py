"""Ten minutes of sound: every word once, at its time, in little memory."""

import contextlib
import io
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

import zoo
from benchmarks.workers.forced_translator import word_vocabulary
from tests.tasks.spoken import (
    GAP_SECONDS,
    RATE,
    TONE_SECONDS,
    sentences,
    sung,
    trained_recognizer,
    untrained_recognizer,
)
from zoo.tasks.sound_requests import wav_of
from zoo.text import SentencePieceTokenizer

MOST_MIB = 1024


@contextlib.contextmanager
def memory_watched():
    """Gives a list that gets the most memory, in MiB above the first."""
    peak, done = [], threading.Event()
    first = resident_mib()

    def watch():
        most = 0.0
        while not done.wait(0.02):
            most = max(most, resident_mib())
        peak.append(most - first)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def resident_mib():
    rows = Path("/proc/self/status").read_text().splitlines()
    return int(next(row.split()[1] for row in rows if row.startswith("VmRSS"))) / 1024


@pytest.mark.slow
def test_ten_minutes_are_heard_to_the_last_word():
    if not Path("/proc/self/status").exists():
        pytest.skip("memory is read from /proc")
    recognizer = trained_recognizer()
    words = [word for sentence in sentences(540, seed=9) for word in sentence]
    sound = sung(words)
    assert len(sound) > 600 * RATE
    recognizer.generate(sung(words[:20]), sample_rate_hz=RATE, ctc=True)
    with memory_watched() as peak:
        transcript = recognizer.generate(sound, sample_rate_hz=RATE, ctc=True)
    assert transcript.split() == words
    assert peak[0] < MOST_MIB
    times = recognizer.word_times(wav_of(sound, RATE), ctc=True)
    assert [time["word"] for time in times] == words
    begins = GAP_SECONDS + (TONE_SECONDS + GAP_SECONDS) * np.arange(len(words))
    heard = [time["begin"] for time in times]
    np.testing.assert_allclose(heard, begins, atol=TONE_SECONDS + 0.04)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"num_beams": 4}, {"ctc": True}])
def test_ten_minutes_take_little_memory_with_a_large_vocabulary(options):
    if not Path("/proc/self/status").exists():
        pytest.skip("memory is read from /proc")
    tokenizer = SentencePieceTokenizer(word_vocabulary(10_000))
    recognizer = zoo.SpeechRecognizer.from_preset("speech_tiny", tokenizer=tokenizer)
    rate = recognizer.model.sample_rate_hz
    noise = np.random.default_rng(0).normal(0, 0.1, 600 * rate).astype("float32")
    recognizer.generate(noise[:rate], sample_rate_hz=rate)
    with memory_watched() as peak:
        recognizer.generate(noise, sample_rate_hz=rate, **options)
    assert 0 < peak[0] < MOST_MIB


@pytest.mark.slow
def test_ten_minutes_of_two_channels_at_48_khz_take_little_memory():
    if not Path("/proc/self/status").exists():
        pytest.skip("memory is read from /proc")
    recognizer = untrained_recognizer()
    file = io.BytesIO()
    noise = np.random.default_rng(0).normal(0, 0.1, (600 * 48_000, 2))
    soundfile.write(file, noise.astype("float32"), 48_000, "PCM_24", format="WAV")
    del noise
    recognizer.generate(sung(["low"]), sample_rate_hz=RATE, ctc=True)
    with memory_watched() as peak:
        recognizer.generate(file.getvalue(), ctc=True)
    assert 0 < peak[0] < MOST_MIB
