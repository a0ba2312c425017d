"""Sounds and their transcripts from tables, archives, LibriSpeech's layout, TFDS."""

import io
import json
import runpy
import sys
import tarfile
import types
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf
import tensorflow_datasets

from zoo.data import (
    first_examples,
    flac,
    leave_out_speaker,
    read,
    read_splits,
    tfds,
)
from zoo.data.missing_split import MissingSplitError
from zoo.data.unusable import Unusable
from zoo.data.wav_decoding import decode_wav

RNG = np.random.default_rng(0)
SOUNDS = RNG.integers(-(2**15), 2**15, (6, 400)).astype("int16")
FSDD = Path(__file__).parents[3] / "shared" / "data" / "fsdd"


def sound_file(samples, kind="WAV", rate=8_000):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind)
    return file.getvalue()


def read_all(*arguments):
    return list(read(*arguments).as_numpy_iterator())


def heard(example):
    samples, rate, error = decode_wav(example["audio"])
    assert error == ""
    return np.round(samples.numpy() * 2**15).astype(int).tolist(), int(rate)


def write_table(path, rows, separator="\t"):
    path.write_text("\n".join(separator.join(row) for row in rows) + "\n")


def write_sounds(folder, transcript="transcript", **columns):
    """`0.wav` to `5.wav` and `index.tsv`, with more columns, six values each."""
    for i, samples in enumerate(SOUNDS):
        (folder / f"{i}.wav").write_bytes(sound_file(samples))
    rows = [("file", transcript, *columns)]
    for i in range(len(SOUNDS)):
        rows.append((f"{i}.wav", str(i), *(values[i] for values in columns.values())))
    write_table(folder / "index.tsv", rows)
    return rows


def test_a_table_beside_files_with_splits_and_speakers(tmp_path):
    speakers = ["ann"] * 3 + ["ben"] * 3
    splits = ["train", "dev", "test"] * 2
    write_sounds(tmp_path, "digit", speaker=speakers, split=splits)
    first, second = read_all(tmp_path, "train")
    assert heard(first) == (SOUNDS[0].tolist(), 8_000)
    assert (first["transcript"], first["speaker"]) == (b"0", b"ann")
    assert (second["transcript"], second["speaker"]) == (b"3", b"ben")
    assert [x["transcript"] for x in read_all(tmp_path, "validation")] == [b"1", b"4"]
    with pytest.raises(MissingSplitError, match="has no split 'other'"):
        read(tmp_path, "other")


def test_rows_that_name_no_split_beside_others_that_do_are_told(tmp_path, caplog):
    write_sounds(tmp_path, split=["train", "test", ""] * 2)
    assert len(read_all(tmp_path, "train")) == len(read_all(tmp_path, "test")) == 2
    (message,) = caplog.messages
    assert message.endswith(
        "left out 2 of 6 rows, which name no split while others do."
    )


def test_a_table_itself_may_be_read(tmp_path):
    rows = write_sounds(tmp_path)
    write_table(tmp_path / "half.tsv", rows[:4])
    assert len(read_all(tmp_path / "half.tsv")) == 3
    assert heard(read_all(tmp_path / "index.tsv")[5])[0] == SOUNDS[5].tolist()
    write_table(tmp_path / "texts.tsv", [("file", "text"), ("a", "one"), ("b", "two")])
    assert [set(x) for x in read_all(tmp_path / "texts.tsv")] == [{"text"}] * 2


def test_names_of_sounds_may_lack_their_suffix(tmp_path, caplog):
    rows = [("file", "transcript")]
    for i, samples in enumerate(SOUNDS):
        kind = ("wav", "flac")[i % 2]
        (tmp_path / f"{i}.{kind}").write_bytes(sound_file(samples, kind.upper()))
        rows.append((f"{i}.{kind}" if i < 2 else f"{i}", str(i)))
    write_table(tmp_path / "index.tsv", rows)
    assert [heard(x)[0] for x in read_all(tmp_path)] == SOUNDS.tolist()
    assert not caplog.messages
    write_table(tmp_path / "index.tsv", [*rows, ("seven", "7")])
    assert len(read_all(tmp_path)) == len(SOUNDS)
    assert "left out 1 of 7 rows, which name no sound, such as 'seven'" in caplog.text


def test_a_left_out_speaker_is_heard_in_the_test_alone(tmp_path):
    speakers = ["ann"] * 4 + ["ben"] * 2
    write_sounds(tmp_path, speaker=speakers, split=["train", "dev", "test"] * 2)
    train, validation, tests = read_splits(tmp_path)
    parts = leave_out_speaker(train, validation, tests["test"], "ben")
    for part, numbers in zip(parts, ("032", "1", "54"), strict=True):
        said = [x["transcript"].decode() for x in part.as_numpy_iterator()]
        assert "".join(said) == numbers
        assert part.media_names == [f"{number}.wav" for number in numbers]
    with pytest.raises(ValueError, match="speakers are ann, ben. Name one"):
        leave_out_speaker(train, validation, tests["test"], "eve")
    of_one = train.filter(lambda example: example["speaker"] == "ann")
    with pytest.raises(ValueError, match="speakers are ann. Name one of several"):
        leave_out_speaker(of_one, of_one, of_one, "ann")


def test_the_first_examples_keep_the_names_of_their_files(tmp_path):
    write_sounds(tmp_path)
    (tmp_path / "1.wav").write_bytes(b"no sound")
    first = first_examples(read(tmp_path), 2)
    assert first.media_names == ["0.wav", "1.wav"]
    unusable = Unusable(first, "sound", "transcript")
    for example in first.as_numpy_iterator():
        error = decode_wav(example["audio"])[2].numpy().decode()
        unusable.usable([example["transcript"]], error)
    with pytest.raises(ValueError, match=r"1 of 2 sounds .*1\.wav \('1'\): The sound"):
        unusable.check()
    assert len(list(first_examples(read(tmp_path), 9))) == 6
    unnamed = first_examples(read(tmp_path).map(lambda example: example), 9)
    assert not hasattr(unnamed, "media_names")


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_archive_of_flac_files(tmp_path, kind):
    with tarfile.open(tmp_path / "sounds.tar", "w") as archive:
        for i, samples in enumerate(SOUNDS):
            data = sound_file(samples, "FLAC", rate=16_000)
            member = tarfile.TarInfo(f"clips/{i}.flac")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    names = [f"{i}.flac" for i in range(6)]
    if kind == "csv":
        rows = [("path", "sentence"), *((name, f"clip, {name}") for name in names)]
        rows = [(a, f'"{b}"') for a, b in rows]
        write_table(tmp_path / "clips.csv", rows, ",")
    else:
        rows = [{"audio_filepath": x, "text": f"clip, {x}"} for x in names]
        text = "\n".join(map(json.dumps, rows))
        (tmp_path / "clips.jsonl").write_text(text)
    examples = read_all(tmp_path)
    assert set(examples[0]) == {"audio", "transcript"}
    assert [heard(x)[0] for x in examples] == SOUNDS.tolist()
    assert examples[5]["transcript"] == b"clip, 5.flac"


def test_the_layout_of_librispeech(tmp_path):
    for split in ("train-clean-100", "dev-clean", "test-clean"):
        chapter = tmp_path / split / "103" / "1240"
        chapter.mkdir(parents=True)
        lines = []
        for i in range(2):
            name = f"103-1240-000{i}"
            (chapter / f"{name}.flac").write_bytes(sound_file(SOUNDS[i], "FLAC"))
            lines.append(f"{name} {split.upper()} {i}")
        (chapter / "103-1240.trans.txt").write_text("\n".join(lines))
    first, second = read_all(tmp_path, "train")
    assert first["transcript"] == b"TRAIN-CLEAN-100 0" and first["speaker"] == b"103"
    assert heard(second)[0] == SOUNDS[1].tolist()
    assert len(read_all(tmp_path, "validation")) == len(read_all(tmp_path, "test")) == 2


def test_librispeech_from_the_folder_above(tmp_path):
    for i, split in enumerate(("train-clean-100", "test-clean")):
        folder = tmp_path / "LibriSpeech" / split / f"10{i}" / "1240"
        folder.mkdir(parents=True)
        (folder / f"10{i}-1240-0000.flac").write_bytes(sound_file(SOUNDS[i], "FLAC"))
        (folder / f"10{i}-1240.trans.txt").write_text(f"10{i}-1240-0000 WORD{i}\n")
    assert [x["transcript"] for x in read_all(tmp_path, "train")] == [b"WORD0"]
    assert [x["transcript"] for x in read_all(tmp_path, "test")] == [b"WORD1"]


def test_names_and_values_as_people_write_them(tmp_path):
    (tmp_path / "wavs").mkdir()
    for i in range(4):
        (tmp_path / "wavs" / f"{i}.wav").write_bytes(sound_file(SOUNDS[i]))
    names = ["./wavs/0.wav", "wavs\\1.wav", str(tmp_path / "wavs" / "2.wav"), "3.wav"]
    rows = [
        {"Path": name, "Text": str(i), "Speaker": i % 2, "Split": " Train"}
        for i, name in enumerate(names)
    ]
    rows[3]["Split"] = "TEST"
    lines = [json.dumps(row) for row in rows]
    (tmp_path / "latest.jsonl").write_text("\n".join(lines))
    found = read_all(tmp_path, "train")
    assert [heard(x)[0] for x in found] == SOUNDS[:3].tolist()
    assert [x["transcript"] for x in read_all(tmp_path, "test")] == [b"3"]


def test_sounds_that_are_not_read(tmp_path):
    write_table(tmp_path / "clips.tsv", [("path", "sentence"), ("a.mp3", "hello")])
    with pytest.raises(ValueError, match=r"'a.mp3', which are not read. Convert them"):
        read(tmp_path, "train")


def test_half_a_character_is_named(tmp_path):
    (tmp_path / "0.wav").write_bytes(sound_file(SOUNDS[0]))
    (tmp_path / "a.jsonl").write_text('{"audio": "0.wav", "text": "\\ud800"}')
    with pytest.raises(ValueError, match="line 1: 'text' has half a character"):
        read(tmp_path, "train")


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
def test_flac_of_any_depth_and_channels(tmp_path, subtype):
    for channels in (1, 2):
        sound = RNG.uniform(-1, 1, (300, channels))
        soundfile.write(tmp_path / f"{channels}.flac", sound, 44_100, subtype)
    rows = [("file", "text"), ("1.flac", "one"), ("2.flac", "two")]
    write_table(tmp_path / "index.tsv", rows)
    for channels, example in enumerate(read_all(tmp_path), start=1):
        expected, _ = soundfile.read(tmp_path / f"{channels}.flac", always_2d=True)
        samples, rate, error = decode_wav(example["audio"])
        assert (int(rate), error) == (44_100, "")
        np.testing.assert_allclose(samples, expected.mean(axis=1), atol=1e-6)


def test_a_flac_file_that_claims_a_day_is_not_read_whole():
    data = bytearray(sound_file(SOUNDS[0], "FLAC"))
    data[21:26] = bytes([data[21] | 0x0F, 0xFF, 0xFF, 0xFF, 0xFF])  # of its samples
    assert flac.wav_of_flac(tf.constant(bytes(data))).numpy() == bytes(data)


def test_what_no_split_is_named_for_is_held_out(tmp_path):
    rows = [("file", "text")]
    for i in range(6):
        (tmp_path / f"{i}.wav").write_bytes(sound_file(SOUNDS[i]))
        rows.append((f"{i}.wav", str(i)))
    write_table(tmp_path / "texts.tsv", rows)
    train, validation, tests = read_splits(tmp_path)
    counts = [int(x.cardinality()) for x in (train, validation, tests["held out"])]
    assert counts == [4, 1, 1]


def test_sounds_that_are_not_there(tmp_path):
    write_table(tmp_path / "index.tsv", [("file", "text"), ("a.wav", "hello")])
    with pytest.raises(ValueError, match="tells of 1 sounds, but 1 of these are not"):
        read(tmp_path)


def test_sounds_without_transcripts_are_told(tmp_path):
    data = sound_file(SOUNDS[0])
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    (tmp_path / "one" / "a.wav").write_bytes(data)
    (tmp_path / "two" / "deep").mkdir()
    (tmp_path / "two" / "deep" / "b.WAV").write_bytes(data)
    with tarfile.open(tmp_path / "three" / "sounds.tar", "w") as archive:
        archive.add(tmp_path / "one" / "a.wav", "c/d.wav")
    for name, sound in {"one": "a.wav", "two": "b.WAV", "three": "c/d.wav"}.items():
        words = f"{name} has sounds such as '{sound}' in it but no transcripts"
        with pytest.raises(ValueError, match=words):
            read_splits(tmp_path / name)


def test_texts_may_lie_beside_a_sound(tmp_path):
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra" / "x.wav").write_bytes(sound_file(SOUNDS[0]))
    write_table(tmp_path / "train.tsv", [("text", "label"), ("a film", "good")])
    (example,) = read(tmp_path, "train").as_numpy_iterator()
    assert example["text"] == b"a film" and example["label"] == b"good"


def test_a_damaged_flac_file_is_as_any_that_cannot_be_decoded(tmp_path):
    (tmp_path / "a.flac").write_bytes(sound_file(SOUNDS[0], "FLAC")[:60])
    write_table(tmp_path / "index.tsv", [("file", "text"), ("a.flac", "hello")])
    (example,) = read_all(tmp_path)
    assert decode_wav(example["audio"])[2] != "" or not heard(example)[0]


def test_texts_are_read_where_soundfile_lacks_what_it_needs(tmp_path, monkeypatch):
    (tmp_path / "soundfile.py").write_text("raise OSError('sndfile library not found')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "soundfile")
    assert runpy.run_path(flac.__file__)["soundfile"] is None


def test_a_split_without_speakers_is_named():
    named = tf.data.Dataset.from_tensors({"audio": b"", "speaker": b"ann"})
    nameless = named.map(lambda example: {"audio": example["audio"]})
    with pytest.raises(ValueError, match="examples of 'validation' do not name their"):
        leave_out_speaker(named, nameless, named, "ann")


def test_flac_without_what_reads_it(tmp_path, monkeypatch):
    (tmp_path / "a.flac").write_bytes(b"")
    write_table(tmp_path / "index.tsv", [("file", "text"), ("a.flac", "hello")])
    monkeypatch.setattr(flac, "soundfile", None)
    with pytest.raises(ModuleNotFoundError, match=r"a.flac needs soundfile: pip"):
        read(tmp_path)


class Digits(tensorflow_datasets.core.GeneratorBasedBuilder):
    """Sounds with classes, as spoken_digit has them."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")

    def _info(self):
        kinds = tensorflow_datasets.features
        features = {
            "audio": kinds.Audio(sample_rate=8_000),
            "label": kinds.ClassLabel(names=["zero", "one"]),
        }
        return tensorflow_datasets.core.DatasetInfo(
            builder=self, features=kinds.FeaturesDict(features)
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for i in range(2):
            yield i, {"audio": SOUNDS[i].astype("int64"), "label": i}


def test_sounds_of_tensorflow_datasets(tmp_path, monkeypatch):
    monkeypatch.setattr(
        tensorflow_datasets, "builder", lambda name: Digits(data_dir=tmp_path)
    )
    examples = {x["transcript"]: x for x in read_all("tfds:digits")}
    assert set(examples) == {b"zero", b"one"}
    assert heard(examples[b"one"]) == (SOUNDS[1].tolist(), 8_000)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((None, 2), "int64"), ((None,), "float32"), ((None, 2), "float32")],
)
def test_stereo_and_floats_of_tensorflow_datasets(monkeypatch, shape, dtype):
    kinds = tensorflow_datasets.features
    audio = kinds.Audio(shape=shape, dtype=np.dtype(dtype), sample_rate=8_000)
    sound = np.stack([SOUNDS[0], SOUNDS[1]], axis=1) if len(shape) > 1 else SOUNDS[0]
    expected = sound.reshape(len(sound), -1).mean(axis=1)
    sound = sound / 2.0**15 if dtype == "float32" else sound
    example = {"audio": sound.astype(dtype), "text": "one"}

    class Builder:
        info = types.SimpleNamespace(
            features=kinds.FeaturesDict({"audio": audio, "text": kinds.Text()}),
            splits=["train"],
        )

        def download_and_prepare(self):
            pass

        def as_dataset(self, split, decoders):
            spec = {
                "audio": tf.TensorSpec(shape, dtype),
                "text": tf.TensorSpec([], tf.string),
            }
            return tf.data.Dataset.from_generator(
                lambda: [example], output_signature=spec
            )

    monkeypatch.setattr(tfds, "_builder", lambda name: Builder())
    (found,) = read_all("tfds:talks")
    samples, rate = heard(found)
    assert (rate, found["transcript"]) == (8_000, b"one")
    np.testing.assert_allclose(samples, expected, atol=1)


@pytest.mark.parametrize(
    ("name", "rate"), [("spoken_digit", 8_000), ("librispeech", 16_000)]
)
def test_the_features_of_the_published_sets(name, rate):
    with tensorflow_datasets.testing.mock_data(num_examples=1):
        (example,) = read_all(
            f"tfds:{name}", "train" if name[0] == "s" else "test_clean"
        )
    samples, found, error = decode_wav(tf.constant(example["audio"]))
    assert (int(found), error) == (rate, "") and len(samples) > 0
    assert isinstance(example["transcript"], bytes)


def test_a_split_of_tensorflow_datasets_may_be_in_parts(monkeypatch):
    kinds = tensorflow_datasets.features

    class Builder:
        info = types.SimpleNamespace(
            features=kinds.FeaturesDict(
                {"speech": kinds.Audio(sample_rate=16_000), "text": kinds.Text()}
            ),
            splits=["train_clean100", "train_other500", "dev_clean", "test"],
        )

        def download_and_prepare(self):
            pass

        def as_dataset(self, split, decoders):
            example = {"speech": SOUNDS[0].astype("int64"), "text": split}
            return tf.data.Dataset.from_tensors(example)

    monkeypatch.setattr(tfds, "_builder", lambda name: Builder())
    for split, parts in {
        "train": b"train_clean100+train_other500",
        "validation": b"dev_clean",
        "test": b"test",
    }.items():
        assert read_all("tfds:librispeech", split)[0]["transcript"] == parts
    with pytest.raises(MissingSplitError, match="no split 'other'. It has"):
        read("tfds:librispeech", "other")


@pytest.mark.skipif(not FSDD.is_dir(), reason="the Free Spoken Digit Dataset is absent")
def test_the_free_spoken_digit_dataset():
    train, test = (read(FSDD, split) for split in ("train", "test"))
    assert (int(train.cardinality()), int(test.cardinality())) == (2_700, 300)
    first = next(test.as_numpy_iterator())
    assert (first["transcript"], first["speaker"]) == (b"0", b"george")
    assert (len(heard(first)[0]), heard(first)[1]) == (2_384, 8_000)
