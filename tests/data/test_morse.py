"""Morse code: what is sent is what is written, by reading the tone's envelope."""

import re

import numpy as np
import pytest

from zoo.data import morse
from zoo.data.wav_decoding import decode_wav

MESSAGES = {
    split: [
        x["transcript"].decode()
        for x in morse.morse_sounds(split, num_sounds=count).as_numpy_iterator()
    ]
    for split, count in {"train": 300, "validation": 30, "test": 60}.items()
}


def test_the_code_is_the_published_one():
    assert len(set(morse.CODE.values())) == 36
    assert (morse.CODE["S"], morse.CODE["O"], morse.CODE["5"]) == (
        "...",
        "---",
        ".....",
    )
    assert "".join(map(str, morse.keyed("AN E"))) == "101110001110100000001"
    # PARIS and the gap after it are the 50 dots by which speed is measured.
    assert len(morse.keyed("PARIS")) + 7 == 50


def test_messages_are_short_and_of_the_alphabet():
    for message in sum(MESSAGES.values(), []):
        assert re.fullmatch(r"[A-Z0-9]+( [A-Z0-9]+){0,2}", message)
        assert len(message) <= 12
    assert len(set(MESSAGES["train"])) > 200


def test_no_message_is_in_two_splits():
    train, validation, test = (
        set(MESSAGES[k]) for k in ("train", "validation", "test")
    )
    assert not train & test and not train & validation and not validation & test


def test_the_tone_is_keyed_as_the_message_says():
    generator = np.random.default_rng(3)
    for message in ("SOS", "W1AW TEST"):
        sound = morse.tone(message, generator)
        loud = np.convolve(np.abs(sound), np.ones(41) / 41, "same") > 0.3
        edges = np.flatnonzero(np.diff(loud.astype(int)))
        lengths = np.diff(edges)  # of tones and of the silences between them
        dot = lengths.min()
        signs = [round(length / dot) for length in lengths]
        keys = "".join(map(str, morse.keyed(message)))
        expected = [len(run[0]) for run in re.finditer(r"1+|0+", keys)]
        assert len(signs) == len(expected)
        assert all(abs(a - b) <= 1 for a, b in zip(signs, expected, strict=True))


def test_sounds_are_those_of_the_seed_and_stay_in_range():
    def sounds(**options):
        dataset = morse.morse_sounds("test", **options)
        return [x["audio"] for x in dataset.as_numpy_iterator()]

    first = sounds(num_sounds=5)
    assert first == sounds(num_sounds=8)[:5] != sounds(num_sounds=5, seed=1)
    for data in first:
        samples, rate, error = decode_wav(data)
        assert (int(rate), error) == (8_000, "")
        assert 0.01 < np.abs(samples).max() < 1


def test_down_to_equal_power():
    ratios = []
    for seed in range(40):
        generator = np.random.default_rng(seed)
        tone = np.sin(np.arange(8_000)).astype("float32")
        heard = morse.in_noise(tone, generator)
        scale = (heard @ tone) / (tone @ tone)
        noise = heard - scale * tone
        ratios.append(10 * np.log10(np.mean((scale * tone) ** 2) / np.mean(noise**2)))
    assert -0.5 < min(ratios) < 4 and 26 < max(ratios) < 30.5


@pytest.mark.parametrize("options", [{"num_sounds": 0}, {"split": "other"}])
def test_errors(options):
    with pytest.raises(ValueError, match="num_sounds must be in|no split 'other'"):
        morse.morse_sounds(**options)
