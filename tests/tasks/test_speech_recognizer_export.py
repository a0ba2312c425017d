"""The SavedModel of a recogniser: bytes in, the transcripts of the task out."""

import base64
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.io.wavfile
import soundfile
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tests.tasks.spoken import RATE, sung, untrained_recognizer
from zoo.tasks.sound_requests import wav_of

# Runs in a process of its own, with nothing but tensorflow and tensorflow_text.
CLIENT = """
import base64, json, sys
import tensorflow as tf, tensorflow_text
model = tf.saved_model.load(sys.argv[1])
sounds = [base64.b64decode(sound) for sound in json.load(sys.stdin)]
answer = model.signatures["serving_default"](audio_bytes=tf.constant(sounds))
found = sorted({name.split(".")[0] for name in sys.modules} & {"zoo", "keras_nlp"})
texts = answer["transcript"].numpy()
print(json.dumps({
    "transcript": [base64.b64encode(text).decode() for text in texts],
    "score": answer["score"].numpy().tolist(),
    "error": [text.decode() for text in answer["error"].numpy()],
    "found": found,
}))
"""
SOUND = sung(["low", "top", "mid"])


def written(sound, kind, rate=RATE):
    largest = {"uint8": 127, "int16": 2**15 - 1, "int32": 2**31 - 1}.get(kind, 1)
    sound = sound * largest + (128 if kind == "uint8" else 0)
    file = io.BytesIO()
    scipy.io.wavfile.write(file, rate, sound.astype(kind))
    return file.getvalue()


def filed(sound, kind, subtype):
    file = io.BytesIO()
    soundfile.write(file, sound, RATE, subtype, format=kind)
    return file.getvalue()


def streamed(data):
    """With a chunk of odd length before the sound, whose own is not known."""
    middle = data.index(b"data")
    odd = b"LIST\x03\0\0\0odd\0data\xff\xff\xff\xff"
    return data[:middle] + odd + data[middle + 8 :]


def cases():
    """Every kind of file, by name."""
    whole = written(SOUND, "int16")
    noise = np.random.default_rng(0).normal(size=9_000).astype("float32")
    kinds = ("uint8", "int16", "int32", "float32", "float64")
    return {
        **{kind: written(SOUND, kind) for kind in kinds},
        "24 bits": filed(SOUND, "WAV", "PCM_24"),
        "extensible": filed(np.stack([SOUND] * 3, axis=1), "WAVEX", "FLOAT"),
        "odd chunk, streamed": streamed(whole),
        "stereo": written(np.stack([SOUND, SOUND / 2], axis=1), "int16"),
        "44.1 kHz": written(sung(["low", "top"], rate=44_100), "int16", rate=44_100),
        "long": written(np.tile(SOUND, 20), "int16"),
        "noise": written(noise / 9, "float32"),
        "cut short": whole[: len(whole) // 2],
        "silent": written(np.zeros(4_000), "int16"),
        "0 samples": written(np.zeros(0), "int16"),
        "one sample": written(np.ones(1), "float32"),
        "empty": b"",
        "no WAV": b"\xff\xd8\xff an image",
    }


@pytest.fixture(scope="module")
def recognizer():
    return untrained_recognizer()


@pytest.fixture(scope="module")
def export(recognizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports") / "tones"
    return recognizer.export(str(folder), num_beams=2)


@pytest.fixture(scope="module")
def served(export):
    return tf.saved_model.load(export)


def test_a_process_without_zoo_gives_the_transcripts_of_the_task(
    recognizer, export, tmp_path
):
    sounds = list(cases().values())
    result = subprocess.run(
        [sys.executable, "-c", CLIENT, export],
        input=json.dumps([base64.b64encode(sound).decode() for sound in sounds]),
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout.splitlines()[-1])
    transcripts, scores = recognizer.generate(sounds, num_beams=2, return_scores=True)
    found = [
        base64.b64decode(x).decode("utf-8", "replace") for x in answer["transcript"]
    ]
    assert found == transcripts
    np.testing.assert_allclose(answer["score"], scores, atol=1e-4)
    assert answer["found"] == []
    by_name = dict(zip(cases(), zip(found, answer["error"], strict=True), strict=True))
    assert [name for name, (_, error) in by_name.items() if error] == [
        "empty",
        "no WAV",
    ]
    same = {
        by_name[x] for x in ("int16", "24 bits", "extensible", "odd chunk, streamed")
    }
    assert len(same) == 1
    assert by_name["silent"] == by_name["0 samples"] == ("", "")
    assert by_name["int16"][0] and len(by_name["long"][0]) > len(by_name["int16"][0])


def test_the_warm_up_is_a_sound_that_is_heard(export, served):
    (record,) = tf.data.TFRecordDataset(
        os.path.join(export, "assets.extra/tf_serving_warmup_requests")
    ).as_numpy_iterator()
    log = prediction_log_pb2.PredictionLog.FromString(record)
    sounds = tf.make_ndarray(log.predict_log.request.inputs["audio_bytes"])
    answer = served.signatures["serving_default"](audio_bytes=tf.constant(sounds))
    assert answer["error"].numpy().tolist() == [b""]
    assert answer["transcript"].numpy()[0]
    assert np.isfinite(answer["score"]).all()


def test_n_best_equals_the_task(recognizer, served):
    sounds = [cases()["int16"], b""]
    answer = served.signatures["n_best"](audio_bytes=tf.constant(sounds))
    transcripts, scores = recognizer.generate(
        sounds, num_beams=2, num_return_sequences=2, return_scores=True
    )
    found = [
        [text.decode("utf-8", "replace") for text in row]
        for row in answer["transcripts"].numpy()
    ]
    assert found == transcripts and found[1] == ["", ""]
    np.testing.assert_allclose(answer["scores"], scores, atol=1e-4)


def test_explain_equals_the_task(recognizer, served):
    sounds = [cases()[name] for name in ("int16", "long", "empty")]
    answer = served.signatures["explain"](audio_bytes=tf.constant(sounds))
    expected = recognizer.explain(sounds[0], num_beams=2)
    count = len(expected["target_pieces"])
    pieces = [x.decode("utf-8", "replace") for x in answer["target_pieces"][0].numpy()]
    assert pieces[:count] == expected["target_pieces"] and not any(pieces[count:])
    np.testing.assert_allclose(
        answer["seconds"][0, :count], expected["seconds"], rtol=1e-6
    )
    attention = expected["attention"]
    np.testing.assert_allclose(
        answer["attention"][0, :count, : attention.shape[1]], attention, atol=1e-5
    )
    errors = [error.decode() for error in answer["error"].numpy()]
    assert errors[0] == "" and "longer than 20 seconds" in errors[1] and errors[2]


@pytest.mark.parametrize("name", ["serving_default", "n_best", "explain", "start"])
def test_no_sounds_have_no_answers(served, name):
    answer = served.signatures[name](audio_bytes=tf.constant([], tf.string))
    assert all(output.shape[0] == 0 for output in answer.values())


def test_steps_end_with_the_greedy_transcript(recognizer, served):
    sounds = [cases()[name] for name in ("int16", "silent", "no WAV", "stereo")]
    start, step = served.signatures["start"], served.signatures["step"]
    state = start(audio_bytes=tf.constant(sounds))
    for _ in range(recognizer.model.max_length):
        state = step(**state)
    assert state["finished"].numpy().all()
    found = [text.decode("utf-8", "replace") for text in state["transcript"].numpy()]
    assert found == recognizer.generate(sounds, num_beams=1)
    assert [bool(x) for x in state["error"].numpy()] == [False, False, True, False]


@pytest.mark.slow
def test_by_ctc(recognizer, tmp_path):
    path = recognizer.export(str(tmp_path / "ctc"), ctc=True)
    served = tf.saved_model.load(path).signatures["serving_default"]
    sounds = [cases()["long"], wav_of(SOUND, RATE), b""]
    answer = served(audio_bytes=tf.constant(sounds))
    transcripts, scores = recognizer.generate(sounds, ctc=True, return_scores=True)
    found = [text.decode("utf-8", "replace") for text in answer["transcript"].numpy()]
    assert found == transcripts
    np.testing.assert_allclose(answer["score"], scores, atol=1e-4)
