"""JSON as TensorFlow Serving takes and gives it."""

import json

import numpy as np
import pytest
import tensorflow as tf

from zoo.serving.json_tensors import parse, response, tensors

TEXT = {"text": tf.TensorSpec([None], tf.string)}
IMAGE = {"image_bytes": tf.TensorSpec([None], tf.string)}
PAIR = {**TEXT, "text_pair": tf.TensorSpec([None], tf.string)}
STATE = {
    "cache": tf.TensorSpec([None, 2], tf.float32),
    "index": tf.TensorSpec([None], tf.int32),
    "done": tf.TensorSpec([None], tf.bool),
}


@pytest.mark.parametrize(
    "request_",
    [
        {"instances": ["a", "ü"]},
        {"instances": [{"text": "a"}, {"text": "ü"}]},
        {"inputs": ["a", "ü"]},
        {"inputs": {"text": ["a", "ü"]}},
        {"inputs": {"text": [{"b64": "YQ=="}, "ü"]}},
        {"instances": [{"b64": "YQ=="}, {"b64": "w7w="}]},
    ],
)
def test_texts_in_every_form(request_):
    (array,) = tensors(request_, TEXT).values()
    assert array.tolist() == [b"a", "ü".encode()]


def test_bytes_are_base64():
    (array,) = tensors({"instances": [{"b64": "/9j/"}]}, IMAGE).values()
    assert array.tolist() == [b"\xff\xd8\xff"]
    named = tensors({"instances": [{"image_bytes": {"b64": "/9j/"}}]}, IMAGE)
    assert named["image_bytes"].tolist() == [b"\xff\xd8\xff"]


def test_an_input_may_be_called_b64():
    specs = {"b64": tf.TensorSpec([None], tf.string)}
    assert tensors({"instances": [{"b64": "x"}]}, specs)["b64"].tolist() == [b"x"]


@pytest.mark.parametrize("form", ["instances", "inputs"])
def test_numbers_keep_their_types_and_shapes(form):
    columns = {"cache": [[1, 2.5], [3, 4]], "index": [7, -8], "done": [True, False]}
    rows = [{name: columns[name][i] for name in columns} for i in range(2)]
    found = tensors({form: rows if form == "instances" else columns}, STATE)
    assert {name: array.dtype for name, array in found.items()} == {
        "cache": np.float32,
        "index": np.int32,
        "done": np.bool_,
    }
    assert {name: array.tolist() for name, array in found.items()} == columns


@pytest.mark.parametrize("text", ["YWJj\nZGVm\n", "YWJjZGVm", " YWJj ZGVm"])
def test_base64_in_lines(text):
    assert tensors({"inputs": [{"b64": text}]}, TEXT)["text"].tolist() == [b"abcdef"]
    without_padding = tensors({"inputs": [{"b64": "YQ"}]}, TEXT)["text"]
    assert without_padding.tolist() == [b"a"]


def test_a_shape_that_the_signature_leaves_open():
    specs = {"x": tf.TensorSpec(None, tf.int64)}
    for value in (1, [1, 2], [[1], [2]], []):
        found = tensors({"inputs": value}, specs)["x"]
        assert found.dtype == np.int64 and found.tolist() == value


def test_floats_are_as_short_as_they_are_exact():
    values = np.array([0.1, 1 / 3, 1e-30, 16777216], np.float32)
    found = response({"x": values}, False)["outputs"]
    assert json.dumps(found[0]) == "0.1"
    np.testing.assert_array_equal(np.array(found, np.float32), values)


def test_columns_may_be_empty():
    assert tensors({"inputs": []}, TEXT)["text"].shape == (0,)
    index = {"index": STATE["index"]}
    assert tensors({"inputs": {"index": []}}, index)["index"].dtype == np.int32


@pytest.mark.parametrize(
    ("request_", "specs", "message"),
    [
        ({}, TEXT, "either 'instances'.*got the keys"),
        ({"instances": ["a"], "inputs": ["a"]}, TEXT, "either 'instances'"),
        ({"instances": []}, TEXT, "a list of at least one, got "),
        ({"instances": "a"}, TEXT, 'at least one, got "a"'),
        ({"instances": None}, TEXT, "at least one, got null"),
        ({"inputs": "a"}, TEXT, 'a list nested 1 deep, got "a"'),
        ({"instances": [["a"]]}, TEXT, "'text' must hold string, got .\"a\"."),
        ({"instances": [1]}, TEXT, "'text' must hold string, got 1"),
        ({"instances": [{"b64": "?"}]}, IMAGE, 'must hold string, got ."b64"'),
        ({"instances": [{"b64": "YQabc"}]}, IMAGE, "must hold string, got .*b64"),
        ({"x" * 900: 1}, TEXT, r"got the keys .{60}\.\.\.\.$"),
        ({"inputs": {"x" * 900: 1}}, TEXT, r"has .{60}\.\.\., and this"),
        ({"instances": [{"b64": 1}]}, IMAGE, "must hold string"),
        ({"instances": ["\ud800"]}, TEXT, "must hold string"),
        ({"instances": [{"text": "a"}]}, PAIR, r'instances\[0\] has ."text".'),
        ({"instances": ["a"]}, PAIR, r"instances\[0\] must be an object"),
        ({"instances": [{"other": "a"}]}, TEXT, 'has ."other"., and this sig'),
        ({"inputs": ["a"]}, PAIR, "'inputs' must be an object of"),
        ({"inputs": {"text": ["a"]}}, PAIR, "this signature takes"),
        ({"inputs": {"index": [1.5]}}, {"index": STATE["index"]}, "int32, got 1.5"),
        ({"inputs": {"index": [True]}}, {"index": STATE["index"]}, "got true"),
        ({"inputs": {"index": [2**40]}}, {"index": STATE["index"]}, "int32, got 109"),
        ({"inputs": {"cache": [[1]]}}, {"cache": STATE["cache"]}, "shape .None, 2."),
        ({"inputs": {"cache": [[1, 2], [3]]}}, {"cache": STATE["cache"]}, "in length"),
        ({"inputs": [10**400]}, {"x": tf.TensorSpec([None], tf.float32)}, "float32"),
        ({"inputs": [1e39]}, {"x": tf.TensorSpec([None], tf.float32)}, "got 1e[+]39"),
        ({"inputs": [[1], 2]}, {"x": tf.TensorSpec(None, tf.float32)}, "nested 2 deep"),
        ({"inputs": [1]}, {"x": tf.TensorSpec([None], tf.complex64)}, "complex64"),
    ],
)
def test_what_does_not_fit_is_named(request_, specs, message):
    with pytest.raises(ValueError, match=message):
        tensors(request_, specs)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "is no JSON"),
        (b'{"instances": ["a"', "is no JSON"),
        (b'{"instances": ["\xff"]}', "is no JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"inputs": 1, "inputs": 2}', 'an object has "inputs" twice'),
        (b'{"inputs": [{"a": 1, "a": 1}]}', 'an object has "a" twice'),
        (b"[" + b"," * 2**22 + b"]", "about 4,194,305 values; at most 4,194,304"),
        (b"[1]", r"must be a JSON object, got \[1\]"),
        (b'"' + b"x" * 900 + b'"', r"xxx\.\.\.\.$"),
    ],
)
def test_a_body_that_is_no_request(body, message):
    with pytest.raises(ValueError, match=message):
        parse(body)


def test_answers_in_rows_and_in_columns():
    outputs = {
        "caption": np.array([b"a dog", "ü".encode()], object),
        "score": np.array([0.5, -1.0], np.float32),
    }
    rows = [{"caption": "a dog", "score": 0.5}, {"caption": "ü", "score": -1.0}]
    assert response(outputs, is_row=True) == {"predictions": rows}
    columns = {"caption": ["a dog", "ü"], "score": [0.5, -1.0]}
    assert response(outputs, is_row=False) == {"outputs": columns}


def test_one_output_has_no_name():
    outputs = {"token": np.array([[b"a"], [b"b"]], object)}
    assert response(outputs, is_row=True) == {"predictions": [["a"], ["b"]]}
    assert response(outputs, is_row=False) == {"outputs": [["a"], ["b"]]}


def test_what_is_no_text_is_base64_or_replaced():
    outputs = {"sound_bytes": np.array([b"\xff\xd8"], object)}
    assert response(outputs, True) == {"predictions": [{"b64": "/9g="}]}
    outputs = {"text": np.array([b"a\xff"], object)}
    assert response(outputs, True) == {"predictions": ["a\ufffd"]}


def test_outputs_of_other_lengths_make_no_rows():
    outputs = {"a": np.zeros(2), "b": np.zeros(3)}
    with pytest.raises(ValueError, match="make no rows. Ask with 'inputs'"):
        response(outputs, is_row=True)
    assert len(response(outputs, is_row=False)["outputs"]["b"]) == 3


def test_numbers_that_are_none_travel_both_ways():
    specs = {"x": tf.TensorSpec([None], tf.float32)}
    found = tensors(parse(b'{"inputs": [NaN, -Infinity]}'), specs)
    assert json.dumps(response(found, False)) == '{"outputs": [NaN, -Infinity]}'
