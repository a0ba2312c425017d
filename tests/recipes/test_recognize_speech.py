"""The recipe as a user runs it, on little Morse code and on a folder of sounds."""

import numpy as np
import pytest

import zoo
from recipes import recognize_speech
from tests.tasks.spoken import RATE, sentences, sung
from zoo import presets
from zoo.data import morse
from zoo.tasks.sound_requests import wav_of


@pytest.fixture(autouse=True)
def few_sounds_and_a_small_model(monkeypatch):
    monkeypatch.setitem(
        presets._SPEECH, "speech_tiny", ((1, 1), 2, 16, 32, 16, 0.0, "rotary")
    )
    for split, count in {"train": 24, "validation": 4, "test": 3}.items():
        monkeypatch.setitem(morse.NUM_SOUNDS, split, count)


def folder_of_tones(folder):
    """Of three speakers; the first of eve's has many words."""
    folder.mkdir()
    rows = ["file\ttranscript\tspeaker\tsplit"]
    for i, (word,) in enumerate(sentences(24, most=1)):
        words = [word] * (20 if i == 2 else 1)
        (folder / f"{i}.wav").write_bytes(wav_of(sung(words, seed=i), RATE))
        speaker = ("ann", "ben", "eve")[i % 3]
        rows.append(
            f"{i}.wav\t{' '.join(words)}\t{speaker}\t{'test' if i < 6 else 'train'}"
        )
    (folder / "index.tsv").write_text("\n".join(rows))


@pytest.mark.slow
def test_it_learns_measures_draws_and_exports(tmp_path):
    run, export = tmp_path / "run", tmp_path / "export"
    scores = recognize_speech.main(
        epochs=1, ctc=True, run_dir=str(run), export_dir=str(export)
    )
    assert set(scores) == {"test"}
    assert {"wer", "cer", "exact_match", "exact_match_low"} <= set(scores["test"])
    header, row = (run / "metrics.csv").read_text().splitlines()
    assert "val_cer" in header
    assert len(list((run / "sounds").glob("*.png"))) == 3
    assert {"confusion.png", "curves.png"} <= {path.name for path in run.iterdir()}
    assert "reference   " in (run / "samples.txt").read_text()
    assert (export / "1" / "saved_model.pb").is_file()
    assert zoo.SpeechRecognizer.from_preset(run).model.sample_rate_hz == 8_000


@pytest.mark.parametrize(
    ("ctc_weight", "decoding"), [(0.0, {"num_beams": 1}), (0.5, {"ctc": True})]
)
def test_what_was_not_learned_decodes_nothing(monkeypatch, ctc_weight, decoding):
    found = []

    def fit(*arguments, **options):
        found.append(options["decoding"])
        raise KeyboardInterrupt

    monkeypatch.setattr(zoo.training, "fit", fit)
    with pytest.raises(KeyboardInterrupt):
        recognize_speech.main(ctc_weight=ctc_weight)
    assert found == [decoding]


def test_sounds_as_long_as_are_heard_at_once_are_learned_from(tmp_path, monkeypatch):
    """With the defaults, by which they may be slowed and joined; and much is said."""
    folder = tmp_path / "tones"
    folder_of_tones(folder)
    rows = (folder / "index.tsv").read_text().splitlines()
    seconds = (17.0, 18.5, 20.0)
    for i, length in enumerate(seconds, start=6):
        sound = np.resize(sung(["low"]), round(length * RATE))
        (folder / f"{i}.wav").write_bytes(wav_of(sound, RATE))
        rows[i + 1] = f"{i}.wav\t{' '.join(['low'] * 60)}\tann\ttrain"
    (folder / "index.tsv").write_text("\n".join(rows))
    heard = []

    def fit(recognizer, batches, **options):
        for inputs, _, _ in batches(0).as_numpy_iterator():
            heard.extend(inputs["num_samples"] / RATE)
        raise KeyboardInterrupt

    monkeypatch.setattr(zoo.training, "fit", fit)
    with pytest.raises(KeyboardInterrupt):
        recognize_speech.main(data=str(folder))
    lengths = sorted(heard)[-3:]
    assert all(0.8 * s < x < 1.26 * s for s, x in zip(seconds, lengths, strict=True))


def test_a_speaker_who_is_not_there_is_told_before_training(tmp_path):
    folder_of_tones(tmp_path / "tones")
    with pytest.raises(ValueError, match="speakers are ann, ben, eve. Name one"):
        recognize_speech.main(data=str(tmp_path / "tones"), leave_out="nobody")
    with pytest.raises(ValueError, match="--leave-out needs --data"):
        recognize_speech.main(leave_out="ann")


def test_what_cannot_be_is_told_before_training(tmp_path):
    with pytest.raises(ValueError, match="num_beams=0 is out of range"):
        recognize_speech.main(num_beams=0)
    rows = [f"{number}\tn\n" for number in range(300)]
    (tmp_path / "texts.tsv").write_text("text\tlabel\n" + "".join(rows))
    with pytest.raises(ValueError, match='of {"audio", "transcript"} strings is need'):
        recognize_speech.main(data=str(tmp_path / "texts.tsv"))


def test_a_speaker_is_left_out_where_no_split_is_named(tmp_path):
    folder_of_tones(tmp_path / "tones")
    index = tmp_path / "tones" / "index.tsv"
    rows = [row.split("\t")[:3] for row in index.read_text().splitlines()]
    index.write_text("\n".join(map("\t".join, rows)))
    train, validation, tests = recognize_speech.examples_of(str(index), "ann")
    (test,) = tests.values()
    parts = (train, validation, test)
    speakers = [{x["speaker"] for x in part.as_numpy_iterator()} for part in parts]
    assert speakers[0] == {b"ben", b"eve"} and speakers[2] == {b"ann"}
    assert speakers[1] <= speakers[0]


@pytest.mark.slow
def test_one_speaker_is_left_out_and_strings_are_a_test(tmp_path):
    folder_of_tones(tmp_path / "tones")
    scores = recognize_speech.main(
        data=str(tmp_path / "tones"),
        leave_out="eve",
        sample_rate_hz=RATE,
        most_joined=3,
        max_seconds=2.0,
        epochs=1,
        average=1,
        num_beams=2,
        run_dir=str(tmp_path / "run"),
        export_dir=str(tmp_path / "export"),
    )
    assert set(scores) == {"speaker eve", "joined 3 to 3"}
    assert len(list((tmp_path / "run" / "sounds").glob("*.png"))) == 7  # of 8
    assert (tmp_path / "run" / "confusion.png").is_file()
