"""The benchmark of speech, on what takes seconds."""

import pytest

from benchmarks import recognize
from benchmarks.driver import Configuration
from benchmarks.sizes import SPEECH
from benchmarks.workers import zoo_recognize, zoo_train_speech
from zoo import presets


def test_it_measures_training_and_each_batch_and_beam(tmp_path, monkeypatch):
    def fake(options, peers_python):
        invented = {"name": "zoo", "log": str(tmp_path / "log")}
        return [Configuration("zoo", "tests.benchmark_worker", invented)]

    monkeypatch.setattr(recognize, "trainers", fake)
    monkeypatch.setattr(recognize, "recognizers", fake)
    measured = recognize.main(batches=[2], beams=[1, 3], rounds=1, results=tmp_path)
    assert list(measured) == [
        "train, 10 s",
        "train, 2 to 18 s",
        "recognize, batch 2, beam 1",
        "recognize, batch 2, beam 3",
    ]
    assert "s of sound/s" in (tmp_path / "recognize.md").read_text()


def test_the_peers_size_is_that_of_the_preset():
    model = presets.speech_model("speech_small", 300)
    size = SPEECH["speech_small"]
    assert size == tuple(getattr(model, field) for field in size._fields)


@pytest.mark.slow
def test_the_workers_count_seconds_of_sound(monkeypatch):
    small = ((1, 1), 2, 16, 32, 16, 0.0, "rotary")
    monkeypatch.setitem(presets._SPEECH, "speech_small", small)
    options = {"size": "speech_small", "vocabulary_size": 300}
    asked = {**options, "num_tokens": 5, "seconds": 2, "batch": 3}
    for ctc in (False, True):
        repeat, _ = zoo_recognize.build({**asked, "beams": 2, "ctc": ctc})
        assert repeat() == 3 * 2
    trained = {"seconds": [2, 3, 5], "tokens_per_second": 2, "batch_seconds": 12}
    repeat, facts = zoo_train_speech.build({**options, **trained, "ctc_weight": 0.3})
    assert repeat() == 2 + 3 + 5 and facts["parameters"] > 0


def test_sounds_of_training_have_ten_seconds_in_the_mean():
    seconds = recognize.mixed_seconds()
    assert sum(seconds) / len(seconds) == pytest.approx(10)
    assert (min(seconds), max(seconds)) == (2, 18) and seconds != sorted(seconds)


def test_the_peer_is_timed_by_length_too_where_lengths_differ():
    def names(seconds):
        options = {"size": "speech_small", "seconds": seconds}
        return [row.name for row in recognize.trainers(options, "python")]

    assert names([10, 10]) == ["zoo", "HF Speech2Text", "zoo, CTC + decoder"]
    assert names([3, 2]) == ["zoo", "HF Speech2Text", "HF Speech2Text, by length"]
