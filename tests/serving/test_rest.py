"""The REST API of TensorFlow Serving, asked as its clients ask."""

import base64
import gzip
import json

import pytest
import tensorflow as tf
from starlette.testclient import TestClient

from tests.serving import page_models, small_models
from zoo.serving import asking
from zoo.serving.batching import Limits, OverloadedError
from zoo.serving.bounds import Bounds
from zoo.serving.models import Models
from zoo.serving.rest import rest_app


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved_models")
    small_models.write(folder / "shout" / "1", mark="?")
    small_models.write(folder / "shout" / "2")
    return folder


@pytest.fixture(scope="module")
def client(folder):
    models = Models(folder, Limits(), {("shout", "old"): 1, ("shout", "gone"): 9})
    models.refresh()
    yield TestClient(rest_app(models, Bounds(body_bytes=100_000, seconds=20)))
    models.stop()


def ask(client, content, target="shout:predict"):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer = client.post(f"/v1/models/{target}", content=body)
    return answer.status_code, answer.json()


def test_rows_and_columns(client):
    rows = [
        {"translation": "A!", "score": 1.0},
        {"translation": "BC!", "score": 2.0},
    ]
    assert ask(client, {"instances": ["a", "bc"]}) == (200, {"predictions": rows})
    named = {"instances": [{"text": "a"}, {"text": {"b64": "YmM="}}]}
    assert ask(client, named) == (200, {"predictions": rows})
    columns = {"translation": ["A!", "BC!"], "score": [1.0, 2.0]}
    assert ask(client, {"inputs": ["a", "bc"]}) == (200, {"outputs": columns})


def test_another_signature(client):
    status, answer = ask(client, {"signature_name": "words", "instances": ["a b", "c"]})
    assert (status, answer) == (200, {"predictions": [["a", "b"], ["c", ""]]})
    rows = [{"text": "ab", "times": 2}, {"text": "c", "times": 0}]
    status, answer = ask(client, {"signature_name": "repeat", "instances": rows})
    assert (status, answer) == (200, {"predictions": ["abab", ""]})


def test_versions_and_labels(client):
    def mark(target):
        status, answer = ask(client, {"inputs": ["a"]}, target)
        assert status == 200, answer
        return answer["outputs"]["translation"][0][1:]

    assert mark("shout:predict") == mark("shout/versions/2:predict") == "!"
    assert mark("shout/versions/1:predict") == mark("shout/labels/old:predict") == "?"


@pytest.mark.parametrize(
    ("target", "status", "message"),
    [
        ("half:predict", 404, "Servable not found for request: Latest(half)"),
        (
            "shout/versions/3:predict",
            404,
            "Servable not found for request: Specific(sho",
        ),
        ("shout/labels/new:predict", 400, "Unrecognized servable version label: new"),
        (
            "shout/labels/gone:predict",
            404,
            "Servable not found for request: Specific(sho",
        ),
        ("shout/versions/x:predict", 400, "Malformed request: POST"),
        ("shout", 400, "Malformed request: POST"),
        ("shout:classify", 400, "Malformed request: POST"),
        (
            "../shout:predict",
            404,
            "Not Found: POST /v1/shout:predict. GET /openapi.json",
        ),
        ("shout%2f..%2f:predict", 400, "Malformed request: POST"),
    ],
)
def test_what_is_not_there(client, target, status, message):
    found, answer = ask(client, {"instances": ["a"]}, target)
    assert found == status and answer["error"].startswith(message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The body is no JSON"),
        (b'{"instances": ["\xff"]}', "The body is no JSON"),
        (b"[" * 50_000, "nested too deeply"),
        (b'{"instances": [' + b"1" * 5000 + b"]}", "is no JSON"),
        ({"instances": [1]}, "'text' must hold string, got 1"),
        ({"instances": ["bad"]}, "a bad text"),
        ({"instances": ["a"] * 1025}, "has 1,025 rows, and 1,024 are allowed"),
        ({"signature_name": "none", "instances": ["a"]}, '"none" not found'),
        ({"signature_name": 0, "instances": ["a"]}, "0 not found"),
        ({"signature_name": None, "instances": ["a"]}, "null not found"),
        ({"signature_name": ["a"], "instances": ["a"]}, '["a"] not found'),
        ({"signature_name": "n" * 900, "instances": ["a"]}, "n... not found"),
        ({"signature_name": "repeat", "inputs": {"text": ["a"]}}, "takes ['text', 't"),
    ],
)
def test_a_bad_request_is_told_why(client, content, message):
    status, answer = ask(client, content)
    assert status == 400 and message in answer["error"]


def test_where_in_a_graph_it_went_wrong_is_not_told(client):
    found = ask(client, {"instances": ["bad"]})
    assert found == (400, {"error": "assertion failed: [a bad text]"})


def test_a_body_that_is_too_large(client):
    assert ask(client, b" " * 100_001) == (
        413,
        {"error": "A request may have 100,000 bytes."},
    )

    def chunks():  # with no length said before
        for _ in range(30):
            yield b" " * 10_000

    assert client.post("/v1/models/shout:predict", content=chunks()).status_code == 413


def test_status(client):
    answer = client.get("/v1/models/shout").json()
    fine = {"error_code": "OK", "error_message": ""}
    versions = [
        {"version": n, "state": "AVAILABLE", "status": fine} for n in ("2", "1")
    ]
    assert answer == {"model_version_status": versions}
    for target in ("versions/1", "labels/old"):
        answer = client.get(f"/v1/models/shout/{target}").json()
        assert answer == {"model_version_status": versions[1:]}
    targets = {"half": 404, "shout/versions/3": 404, "shout/labels/new": 400}
    for target, status in targets.items():
        answer = client.get(f"/v1/models/{target}")
        assert answer.status_code == status and answer.json()["error"]


def test_metadata(client):
    answer = client.get("/v1/models/shout/metadata").json()
    expected = {"name": "shout", "signature_name": "", "version": "2"}
    assert answer["model_spec"] == expected
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    text = signatures["serving_default"]["inputs"]["text"]
    assert text["dtype"] == "DT_STRING"
    assert text["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]
    assert set(signatures["repeat"]["inputs"]) == {"text", "times"}
    old = client.get("/v1/models/shout/versions/1/metadata").json()
    assert old["model_spec"]["version"] == "1"


def test_the_models_and_what_they_take(client):
    (model,) = client.get("/v1/models").json()["models"]
    assert (model["name"], model["version"]) == ("shout", "2")
    words = {"inputs": ["text"], "outputs": ["word"]}
    assert model["signatures"]["words"] == words


def test_the_page_runs_nothing_but_what_is_in_it(client):
    answer = client.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; connect-src 'self'")
    assert "unsafe" not in policy and policy.count("sha256-") == 2
    assert "http://" not in answer.text and "https://" not in answer.text
    assert "innerHTML" not in answer.text


def test_health(client):
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503  # nothing began to watch


def test_another_method_or_path(client):
    answer = client.put("/v1/models/shout:predict")
    assert answer.status_code == 405 and "POST" in answer.headers["allow"]
    assert answer.json()["error"].startswith("PUT /v1/models/shout:predict is not all")
    # Where a redirect led to, the request would say.
    answer = client.get("/metrics/", headers={"Host": "["}, follow_redirects=False)
    assert answer.status_code == 404
    assert answer.json()["error"].startswith("Not Found: GET /metrics/.")


def packed(content):
    return gzip.compress(content, mtime=0)  # the same in every process


@pytest.mark.parametrize(
    ("coding", "body", "status", "message"),
    [
        ("gzip", packed(b'{"instances": ["a"]}'), 200, "A!"),
        ("gzip", packed(b" " * 100_001), 413, "may have 100,000 bytes"),
        ("gzip", packed(b'{"instances": ["a"]}')[:-9], 400, "ends too soon"),
        ("GZIP", packed(b'{"instances": ["a"]}'), 200, "A!"),
        ("gzip", packed(b"{}") * 2, 400, "gzip and more behind it"),
        ("gzip", b"no gzip at all", 400, "The body is no gzip"),
        ("br", b"a", 415, "is not read. Send it as it is, or in gzip."),
    ],
)
def test_a_compressed_body(client, coding, body, status, message):
    headers = {"Content-Encoding": coding}
    answer = client.post("/v1/models/shout:predict", content=body, headers=headers)
    assert answer.status_code == status and message in answer.text


def test_values_that_a_model_cannot_take(folder, monkeypatch):
    models = Models(folder, Limits())
    models.refresh()

    def unfit(inputs, deadline):
        raise tf.errors.OutOfRangeError(None, None, "Invalid id: 7")

    batcher = models.get("shout").signatures["serving_default"].batcher
    monkeypatch.setattr(batcher, "submit", unfit)
    client = TestClient(rest_app(models, Bounds()))
    assert ask(client, {"instances": ["a"]}) == (400, {"error": "Invalid id: 7"})
    models.stop()


def test_a_text_too_long_to_answer(folder, monkeypatch):
    models = Models(folder, Limits())
    models.refresh()
    monkeypatch.setattr(asking, "_MOST_TEXT_BYTES", 3)
    client = TestClient(rest_app(models, Bounds()))
    assert ask(client, {"instances": ["abc"]})[0] == 200
    status, answer = ask(client, {"instances": ["a", "abcd"]})
    assert (status, answer["error"]) == (
        400,
        "'text' has 4 bytes, and a text may have 3. Send it in parts.",
    )
    models.stop()


def test_texts_too_long_together(client, monkeypatch):
    monkeypatch.setattr(asking, "_MOST_TEXTS_BYTES", 5)
    assert ask(client, {"instances": ["abc", "ab"]})[0] == 200
    status, answer = ask(client, {"instances": ["abc", "abc"]})
    assert status == 400
    assert answer["error"].startswith("'text' has 6 bytes in all, and 5 are allowed.")


def test_an_answer_too_long_to_write(folder, monkeypatch):
    models = Models(folder, Limits())
    models.refresh()
    monkeypatch.setattr(asking, "_MOST_VALUES", 3)
    client = TestClient(rest_app(models, Bounds()))
    status, answer = ask(client, {"instances": ["a", "b", "c", "d"]})
    assert status == 400 and "3 are sent at most. Send fewer rows" in answer["error"]
    models.stop()


def test_a_request_that_takes_too_long(folder):
    models = Models(folder, Limits())
    models.refresh()
    client = TestClient(rest_app(models, Bounds(seconds=0.0)))
    status, answer = ask(client, {"instances": ["a"]})
    assert status == 504 and "longer than a request may" in answer["error"]
    models.stop()


def test_too_many_requests(folder, monkeypatch):
    models = Models(folder, Limits())
    models.refresh()

    def full(inputs, deadline):
        raise OverloadedError

    batcher = models.get("shout").signatures["serving_default"].batcher
    monkeypatch.setattr(batcher, "submit", full)
    client = TestClient(rest_app(models, Bounds()))
    answer = client.post("/v1/models/shout:predict", content=b'{"instances": ["a"]}')
    assert answer.status_code == 503 and answer.headers["retry-after"] == "1"
    assert "Try again later" in answer.json()["error"]
    models.stop()


def test_what_happens_is_counted(folder):
    models = Models(folder, Limits())
    models.refresh()
    client = TestClient(rest_app(models, Bounds()))
    for content in ({"instances": ["a", "b", "c"]}, {"instances": [1]}):
        ask(client, content)
    for number in range(5):
        ask(client, {"instances": ["a"]}, f"none{number}:predict")
    client.get("/v1/models/shout")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    lines = answer.text.splitlines()

    def value(name):
        return float(next(x for x in lines if x.startswith(name)).split()[-1])

    requests = "zoo_requests_total{action=%r,model=%r,status=%r}".replace("%r", '"%s"')
    assert value(requests % ("predict", "shout", "200")) == 1
    assert value(requests % ("predict", "shout", "400")) == 1
    assert value(requests % ("predict", "", "404")) == 5
    assert value(requests % ("status", "shout", "200")) == 1
    assert "none0" not in answer.text
    rows = 'zoo_batch_rows_sum{model="shout",signature="serving_default"}'
    assert value(rows) == 3
    models.stop()


class Odd(tf.Module):
    """Outputs that make no rows, and some that JSON cannot say."""

    @tf.function(input_signature=[tf.TensorSpec(None, tf.float32, "x")])
    def half(self, x):
        return {"half": x / 2}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def total(self, x):
        return {"total": tf.reduce_sum(x), "x": x, "text": tf.constant("a\0")}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def complex(self, x):
        return {"complex": tf.complex(x, x)}


def test_models_that_others_made(tmp_path):
    odd = Odd()
    signatures = {"serving_default": odd.half, "total": odd.total}
    signatures["complex"] = odd.complex
    tf.saved_model.save(odd, str(tmp_path / "odd" / "1"), signatures)
    models = Models(tmp_path, Limits())
    models.refresh()
    client = TestClient(rest_app(models, Bounds()))

    def answer(content, name="serving_default"):
        return ask(client, {"signature_name": name, **content}, "odd:predict")

    assert answer({"instances": [1.0, 5.0]}) == (200, {"predictions": [0.5, 2.5]})
    assert answer({"inputs": [[0.2]]}) == (200, {"outputs": [[0.1]]})
    assert answer({"inputs": 3}) == (200, {"outputs": 1.5})
    total = {"total": 3.0, "x": [1.0, 2.0], "text": "a\0"}
    assert answer({"inputs": {"x": [1, 2], "y": 0}}, "total") == (
        200,
        {"outputs": total},
    )
    for name, message in (("total", "make no rows"), ("complex", "holds complex64")):
        status, found = answer({"instances": [1, 2]}, name)
        assert status == 400 and message in found["error"]
    models.stop()


def test_binary_answers_are_base64(tmp_path):
    class Echo(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "sound")])
        def echo(self, sound):
            return {"sound_bytes": sound}

    echo = Echo()
    tf.saved_model.save(echo, str(tmp_path / "echo" / "1"), echo.echo)
    models = Models(tmp_path, Limits())
    models.refresh()
    sound = {"b64": base64.b64encode(b"\xff\x00").decode()}
    client = TestClient(rest_app(models, Bounds()))
    answer = ask(client, {"instances": [sound]}, "echo:predict")
    assert answer == (200, {"predictions": [sound]})
    models.stop()


def test_broken_pictures_alone_are_refused_and_beside_others_told(tmp_path):
    captioner = page_models.Captioner()
    tf.saved_model.save(captioner, str(tmp_path / "m" / "1"), captioner.serving_default)
    models = Models(tmp_path, Limits())
    models.refresh()
    client = TestClient(rest_app(models, Bounds()))
    good, broken = ({"b64": base64.b64encode(x).decode()} for x in (b".PNG", b"GIF"))
    refused = (400, {"error": "This is no PNG."})
    assert ask(client, {"instances": [broken]}, "m:predict") == refused
    assert ask(client, {"inputs": [broken, broken]}, "m:predict") == refused
    status, answer = ask(client, {"instances": [good, broken]}, "m:predict")
    assert status == 200
    assert [row["error"] for row in answer["predictions"]] == ["", "This is no PNG."]
    models.stop()


class Grid(tf.Module):
    @tf.function(input_signature=[small_models.WORDS])
    def draw(self, text):
        return {"grid": tf.zeros([tf.size(text), 2, 2])}


def test_answers_that_hold_matrices_are_of_fewer_rows(tmp_path):
    grid = Grid()
    tf.saved_model.save(
        grid, str(tmp_path / "grid" / "1"), {"serving_default": grid.draw}
    )
    models = Models(tmp_path, Limits(), {})
    models.refresh()
    client = TestClient(rest_app(models, Bounds()))
    status, answer = ask(client, {"instances": ["a"] * 64}, "grid:predict")
    assert status == 200 and len(answer["predictions"]) == 64
    status, answer = ask(client, {"instances": ["a"] * 65}, "grid:predict")
    assert (status, "has 65 rows, and 64 are allowed" in answer["error"]) == (400, True)
    assert ask(client, {"instances": ["a" * 8_192]}, "grid:predict")[0] == 200
    for texts, most in ((["a" * 8_193], "8,192"), (["a", "a" * 6_000], "5,792")):
        status, answer = ask(client, {"instances": texts}, "grid:predict")
        assert status == 400 and f"a text may have {most} where" in answer["error"]
    models.stop()
