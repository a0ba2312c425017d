"""The benchmark of speech, on what takes seconds."""

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
        "train, batch 8",
        "recognize, batch 2, beam 1",
        "recognize, batch 2, beam 3",
    ]
    assert "s of sound/s" in (tmp_path / "recognize.md").read_text()


def test_the_peers_size_is_that_of_the_preset():
    model = presets.speech_model("speech_small", 300)
    size = SPEECH["speech_small"]
    assert size == tuple(getattr(model, field) for field in size._fields)


def test_the_workers_count_seconds_of_sound(monkeypatch):
    small = ((1, 1), 2, 16, 32, 16, 0.0, "rotary")
    monkeypatch.setitem(presets._SPEECH, "speech_small", small)
    options = {
        **{"size": "speech_small", "vocabulary_size": 300, "num_tokens": 5},
        **{"seconds": 2, "batch": 3},
    }
    for ctc in (False, True):
        repeat, _ = zoo_recognize.build({**options, "beams": 2, "ctc": ctc})
        assert repeat() == 3 * 2
    repeat, facts = zoo_train_speech.build({**options, "steps": 2, "ctc_weight": 0.3})
    assert repeat() == 2 * 3 * 2 and facts["parameters"] > 0
