import json

import pytest
import tensorflow as tf

from zoo.serving import saved_model
from zoo.serving.saved_model import latest_version, predict


def save(path, kind="text", **outputs):
    """A SavedModel that answers any texts with functions of them."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=kind)])
    def serve(text):
        return {name: output(text) for name, output in outputs.items()}

    module = tf.Module()
    module.serve = serve
    tf.saved_model.save(module, str(path), signatures={"serving_default": serve})


def test_the_highest_version_is_taken_by_number(tmp_path):
    for version in ("2", "10", "draft"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "saved_model.pb").touch()
    (tmp_path / "11").mkdir()  # an export cut short: nothing in it
    assert latest_version(tmp_path) == tmp_path / "10"
    assert latest_version(str(tmp_path / "2")) == tmp_path / "2"


def test_a_folder_without_export_is_an_error_that_says_what_to_pass(tmp_path):
    message = "No SavedModel in .*neither saved_model.pb nor a version folder"
    with pytest.raises(FileNotFoundError, match=message):
        latest_version(tmp_path)


def test_the_answer_is_the_one_string_a_text(tmp_path):
    save(
        tmp_path / "1",
        label=lambda text: tf.strings.upper(text),
        classes=lambda text: tf.stack([text, text], axis=1),
        probability=lambda text: tf.zeros(tf.shape(text)[:1]),
    )
    assert predict(tmp_path, ["a", "b"]) == ["A", "B"]


def test_several_labels_are_given_as_json(tmp_path):
    save(
        tmp_path / "1",
        label=lambda text: text,
        labels=lambda text: tf.fill([tf.size(text), 2], True),
    )
    assert json.loads(predict(tmp_path, ["a"])[0]) == {
        "label": "a",
        "labels": [True, True],
    }


def test_bytes_that_are_no_text_do_not_lose_the_answers(tmp_path):
    save(tmp_path / "1", label=lambda text: text + b"\xff")
    assert predict(tmp_path, ["a", "b"]) == ["a\ufffd", "b\ufffd"]


def test_answers_that_are_not_one_string_are_given_as_json(tmp_path):
    save(tmp_path / "1", embedding=lambda text: tf.zeros([tf.shape(text)[0], 2]))
    answer = '{"embedding": [0.0, 0.0]}'
    assert predict(tmp_path, ["a", "b"]) == [answer, answer]
    save(
        tmp_path / "2",
        label=lambda text: tf.stack([text, tf.strings.upper(text)], axis=1),
        start=lambda text: tf.stack([tf.strings.length(text)] * 2, axis=1),
    )
    assert [json.loads(line) for line in predict(tmp_path, ["ä", "bc"])] == [
        {"label": ["ä", "ä"], "start": [2, 2]},
        {"label": ["bc", "BC"], "start": [2, 2]},
    ]


@pytest.mark.parametrize("kind", ["image_bytes", "audio_bytes"])
def test_a_model_of_files_is_asked_by_paths(tmp_path, monkeypatch, kind):
    save(
        tmp_path / "model" / "1",
        kind=kind,
        caption=lambda data: tf.strings.upper(data),
        error=lambda data: tf.where(data == b"bad", "damaged", ""),
        score=lambda data: tf.zeros(tf.shape(data)),
    )
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(b"good")
    bad.write_bytes(b"bad")
    assert predict(tmp_path / "model", [str(good)]) == ["GOOD"]
    answers = predict(tmp_path / "model", [str(good), str(bad)])
    assert [json.loads(line)["error"] for line in answers] == ["", "damaged"]
    with pytest.raises(FileNotFoundError, match="none.png"):
        predict(tmp_path / "model", [str(tmp_path / "none.png")])
    monkeypatch.setattr(saved_model, "MOST_BYTES", 3)
    with pytest.raises(ValueError, match=r"good.png has 4 bytes; at most 3 are read"):
        predict(tmp_path / "model", [str(good)])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"video_bytes": "string"}, r"{'video_bytes': 'string \(None,\)'}, not one"),
        ({"text": "int32"}, r"{'text': 'int32 \(None,\)'}, not one string tensor"),
        ({"text": "string", "text_pair": "string"}, r"{'text': .*'text_pair': .* not"),
    ],
)
def test_a_model_that_takes_no_text_is_an_error_that_says_what_it_takes(
    tmp_path, inputs, message
):
    specs = {name: tf.TensorSpec([None], kind, name) for name, kind in inputs.items()}
    module = tf.Module()
    module.serve = tf.function(lambda **x: {"y": list(x.values())[0]})
    serve = module.serve.get_concrete_function(**specs)
    signatures = {"serving_default": serve, "other": serve}
    tf.saved_model.save(module, str(tmp_path / "1"), signatures=signatures)
    expected = rf"takes {message}.* signatures \['other', 'serving_default'\]\. Ask"
    with pytest.raises(ValueError, match=expected):
        predict(tmp_path, ["a"])


@pytest.mark.parametrize("names", [[], ["start", "step"]])
def test_no_default_signature_is_an_error_that_names_those_there_are(tmp_path, names):
    module = tf.Module()
    signature = [tf.TensorSpec([None], tf.string, name="text")]
    module.serve = tf.function(lambda text: {"y": text}, input_signature=signature)
    signatures = dict.fromkeys(names, module.serve)
    tf.saved_model.save(module, str(tmp_path / "1"), signatures=signatures)
    expected = rf"no signature 'serving_default'\. It has the signatures \{names}"
    with pytest.raises(ValueError, match=expected.replace("]", r"\]") + r"\. Export"):
        predict(tmp_path, ["a"])
