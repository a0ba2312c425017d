"""Text while it is being written."""

import asyncio
import json
import threading
import time

import httpx2
import pytest
import tensorflow as tf
import uvicorn
from starlette.testclient import TestClient

from tests.serving import small_models
from zoo.serving import streaming
from zoo.serving.batching import Limits
from zoo.serving.bounds import Bounds
from zoo.serving.models import Models
from zoo.serving.rest import rest_app

SOON = 10.0


def events(answer):
    assert answer.headers["content-type"].startswith("text/event-stream")
    blocks = answer.text.split("\n\n")
    assert blocks.pop() == ""
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


def ask(models, content, bounds=None, target="shout:stream"):
    client = TestClient(rest_app(models, bounds or Bounds()))
    return client.post(f"/v1/models/{target}", content=json.dumps(content).encode())


@pytest.mark.parametrize("content", [{"instances": ["abc"]}, {"inputs": ["abc"]}])
def test_each_event_has_the_text_so_far_and_the_last_that_of_predict(shouting, content):
    found = events(ask(shouting, content))
    assert [event["translation"] for event in found] == ["", "A", "AB", "ABC!"]
    assert [event.get("finished", False) for event in found] == [0, 0, 0, 1]
    whole = ask(shouting, content, target="shout:predict").json()
    assert "ABC!" in json.dumps(whole)


def test_nothing_to_write_is_finished_at_once(shouting):
    found = events(ask(shouting, {"instances": [""]}))
    assert found == [{"translation": "", "finished": True}]


@pytest.mark.parametrize(
    ("content", "target", "status", "message"),
    [
        ({"instances": ["a", "b"]}, "shout:stream", 400, "one input, got 2"),
        ({"instances": [1]}, "shout:stream", 400, "must hold string"),
        ({"instances": ["a"]}, "half:stream", 404, "Latest(half)"),
        ({"instances": ["a"]}, "shout/versions/7:stream", 404, "Specific(shout, 7)"),
    ],
)
def test_what_cannot_be_streamed(shouting, content, target, status, message):
    answer = ask(shouting, content, target=target)
    assert answer.status_code == status and message in answer.json()["error"]


def test_a_model_without_steps(tmp_path):
    shouting = small_models.Shouting()
    tf.saved_model.save(shouting, str(tmp_path / "plain" / "1"), shouting.shout)
    models = Models(tmp_path, Limits())
    models.refresh()
    answer = ask(models, {"instances": ["a"]}, target="plain:stream")
    assert answer.status_code == 400
    assert "no signature 'start'. Ask it with :predict" in answer.json()["error"]
    models.stop()


def test_time_is_up(shouting):
    found = events(ask(shouting, {"instances": ["abc"]}, Bounds(seconds=0.0)))
    assert found[-1]["finished"] and "longer than a request may" in found[-1]["error"]


def test_a_broken_sound_is_refused(shouting, monkeypatch):
    def first_state(tensors):
        return {"translation": tf.constant([""]), "error": tf.constant(["No WAV."])}

    monkeypatch.setattr(shouting.get("shout").signatures["start"], "call", first_state)
    answer = ask(shouting, {"instances": ["abc"]})
    assert (answer.status_code, answer.json()) == (400, {"error": "No WAV."})


def test_a_step_that_fails_is_told(shouting, monkeypatch, caplog):
    def fail(state):
        raise tf.errors.InternalError(None, None, "no memory")

    monkeypatch.setattr(shouting.get("shout").signatures["step"], "call", fail)
    found = events(ask(shouting, {"instances": ["abc"]}))
    error = "The server failed; its log says more."
    last = {"translation": "", "error": error, "finished": True}
    assert found == [{"translation": ""}, last]
    assert "no memory" in caplog.text


def test_too_many_streams_are_refused(shouting):
    answer = ask(shouting, {"instances": ["a"]}, Bounds(streams=0))
    assert answer.status_code == 503 and answer.headers["retry-after"] == "1"
    # One that failed, and one that ended, leave their places to the next.
    client = TestClient(rest_app(shouting, Bounds(streams=1)))
    for text in ("a", 1, "a"):
        body = json.dumps({"instances": [text]}).encode()
        answer = client.post("/v1/models/shout:stream", content=body)
        assert answer.status_code == (400 if text == 1 else 200)
    for _ in range(2):
        body = json.dumps({"instances": ["a", "b"]}).encode()
        assert client.post("/v1/models/shout:stream", content=body).status_code == 400


def test_one_who_does_not_read_is_not_waited_for_for_ever(shouting, monkeypatch):
    monkeypatch.setattr(streaming, "_GRACE_S", 0.1)
    app = rest_app(shouting, Bounds(seconds=0.2, streams=1))
    body = b'{"instances": ["abc"]}'

    async def ask_and_not_read():
        scope = {"type": "http", "method": "POST", "path": "/v1/models/shout:stream"}
        scope |= {"headers": [], "query_string": b"", "root_path": ""}
        sent = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive():
            return sent.pop() if sent else await asyncio.Event().wait()

        async def send(message):
            await asyncio.Event().wait()

        await asyncio.wait_for(app(scope, receive, send), SOON)

    asyncio.run(ask_and_not_read())
    # Its place is free for the next.
    answer = TestClient(app).post("/v1/models/shout:stream", content=body)
    assert answer.status_code == 200


def _until(holds):
    end = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_work_ends_when_the_client_goes_away(shouting, unused_ports):
    port, _ = unused_ports
    config = uvicorn.Config(
        rest_app(shouting, Bounds(streams=1)), port=port, log_level="error"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    url = f"http://127.0.0.1:{port}/v1/models/shout"
    body = {"instances": ["a" * 100_000]}
    client = httpx2.Client(timeout=SOON)
    _until(lambda: server.started)
    with client.stream("POST", url + ":stream", json=body) as answer:
        assert next(answer.iter_lines()).startswith("data: ")
    content = {"signature_name": "steps", "instances": ["a"]}

    def steps():
        return client.post(url + ":predict", json=content).json()["predictions"][0]

    _until(lambda: steps() == steps())
    assert steps() < 50_000
    # And another finds its place free, as soon as the step that ran then has ended.
    found = []

    def has_place():
        found.append(client.post(url + ":stream", json={"instances": ["ab"]}))
        return found[-1].status_code == 200

    _until(has_place)
    assert events(found[-1])[-1]["translation"] == "AB!" and steps() < 50_000
    client.close()
    server.should_exit = True
    thread.join(SOON)
    assert not thread.is_alive()
