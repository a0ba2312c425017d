"""Sounds of any number and length are heard with few of them decoded at a time."""

import types

import numpy as np
import pytest
import tensorflow as tf

from zoo.tasks import recognition_graph
from zoo.tasks.recognition_endpoints import recognition_endpoints
from zoo.tasks.recognition_explanation import one_window, short_enough
from zoo.tasks.recognition_graph import lengths_of, search_sounds, sounds_of
from zoo.tasks.sound_requests import wav_of
from zoo.text import learn_tokenizer

RATE = 1_000
PLACE = RATE // 25
SECONDS = [0.4, 2.5, 0.0, 1.0, 9.3, 0.1, 3.0, 1.2]


def data_of(seconds=SECONDS, rate=RATE):
    """A sound is a constant of its own, so that it is known again."""
    sounds = [
        wav_of(np.full(round(s * rate), (i + 1) / 16, "float32"), rate)
        for i, s in enumerate(seconds)
    ]
    return tf.constant([*sounds, b"no sound"])


class Level:
    """A model that hears a token at every place: how loud it is."""

    sample_rate_hz, max_seconds, max_length, vocabulary_size = RATE, 2, 60, 30
    num_decoder_layers, hidden_dim, num_heads, compute_dtype = 1, 4, 1, "float32"

    def encode(self, samples, num_samples):
        length = -(-samples.shape[1] // PLACE)
        samples = np.pad(samples, ((0, 0), (0, length * PLACE - samples.shape[1])))
        memory = samples.reshape(len(samples), -1, PLACE).max(axis=2)[..., None]
        mask = np.arange(memory.shape[1]) < -(-num_samples.numpy() // PLACE)[:, None]
        return tf.constant(memory), tf.constant(mask)

    def decode(self, memory, mask, limits, seeds):
        ids = np.round(memory.numpy()[:, None, :, 0] * 16).astype("int32")
        places = np.arange(ids.shape[2], dtype="int32") * np.ones_like(ids)
        scores = np.max(memory[..., 0], axis=1, keepdims=True)
        is_place = mask.numpy()[:, None]
        return [tf.constant(x) for x in (ids * is_place, scores, places * is_place)]


def search(data, model=None):
    model = model or Level()
    task = types.SimpleNamespace(model=model)
    seeds = tf.zeros(len(data), tf.int32)
    return search_sounds(data, seeds, model.encode, model.decode, task, 1, by_ctc=True)


@pytest.fixture
def decoded(monkeypatch):
    """Gets, of the sounds that are held together, how many samples they have."""
    held = []

    def noted(data, rate):
        sounds, errors = sounds_of(data, rate)
        held.append(int(tf.size(sounds.flat_values)))
        return sounds, errors

    monkeypatch.setattr(recognition_graph, "sounds_of", noted)
    return held


def test_few_seconds_are_decoded_at_a_time(decoded, monkeypatch):
    expected = search(data_of())
    assert len(decoded) == 1
    decoded.clear()
    monkeypatch.setattr(recognition_graph, "MOST_SECONDS", 3)
    ids, places, scores, errors = search(data_of())
    assert decoded == [2_900, 1_000, 9_300, 100, 3_000, 1_200]
    tf.nest.map_structure(
        np.testing.assert_array_equal,
        (ids.to_list(), places.to_list()),
        (expected[0].to_list(), expected[1].to_list()),
    )
    np.testing.assert_array_equal(scores, expected[2])
    assert [bool(x) for x in errors.numpy()] == [False] * 8 + [True]
    for i, (row, seconds) in enumerate(zip(ids.to_list(), SECONDS, strict=False)):
        assert set(row) <= {i + 1} and len(row) == -(-round(seconds * RATE) // PLACE)


def test_windows_of_silence_are_given_no_tokens():
    class Dreamer(Level):
        def decode(self, memory, mask, limits, seeds):
            ids, scores, places = super().decode(memory, mask, limits, seeds)
            ids = tf.where((limits > 0)[:, None, None], tf.maximum(ids, 7), 0)
            return ids, scores, places

    sound = np.zeros(9 * RATE, "float32")
    sound[:RATE] = 0.5
    ids, places, _, _ = search(tf.constant([wav_of(sound, RATE)]), Dreamer())
    heard = places[0].numpy()
    assert len(ids[0]) and heard.max() < Level.max_seconds * RATE // PLACE


def test_no_sounds_are_no_transcripts(decoded):
    ids, places, scores, errors = search(tf.zeros([0], tf.string))
    assert ids.shape[0] == places.shape[0] == errors.shape[0] == 0
    assert scores.shape == (0, 1) and not decoded


def test_lengths_are_those_of_the_decoded_sounds():
    parts = [data_of(SECONDS[:4], rate=rate) for rate in (RATE, 8_000, 11_025)]
    data = tf.concat(parts, axis=0)
    sounds, errors = sounds_of(data, RATE)
    lengths, found = lengths_of(data, RATE)
    np.testing.assert_array_equal(lengths, sounds.row_lengths())
    np.testing.assert_array_equal(found, errors)


def test_what_is_longer_than_a_window_is_not_decoded():
    data, errors = short_enough(data_of(), Level())
    is_long = [s > 2 for s in SECONDS]
    told = ["longer than 2 seconds" in x.decode() for x in errors.numpy()]
    assert told == [*is_long, False] and b"no WAV" in errors.numpy()[-1]
    empty = [x == b"" for x in data.numpy()]
    assert empty == [*is_long, True]
    samples, num_samples, _ = one_window(data_of(), Level())
    assert samples.shape == (9, 1_200)
    assert num_samples.numpy().tolist() == [400, 0, 0, 1_000, 0, 100, 0, 1_200, 0]


def test_explain_searches_no_sound_that_it_refuses():
    searched = []

    class Noted(Level):
        def encode(self, samples, num_samples):
            searched.append(num_samples.numpy().tolist())
            return super().encode(samples, num_samples)

    model = Noted()
    tokenizer = learn_tokenizer(["one two"] * 9, 270)
    task = types.SimpleNamespace(model=model, tokenizer=tokenizer)

    def attention(samples, num_samples, ids):
        return tf.zeros([*ids.shape, -(-samples.shape[1] // PLACE)])

    def decode(num_results, *arguments):
        return model.decode(*arguments)

    endpoints = recognition_endpoints(decode, attention, 1, task, by_ctc=True)
    answer = endpoints["explain"][0](data_of())
    assert sorted(sum(searched, [])) == [100, 400, 1_000, 1_200]
    assert [bool(x) for x in answer["error"].numpy()] == [
        *(s > 2 for s in SECONDS),
        True,
    ]
