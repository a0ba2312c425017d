"""The description, held beside what the server does."""

import json

import pytest
from starlette.testclient import TestClient

from zoo.serving.access import OPEN, with_token
from zoo.serving.api_description import description
from zoo.serving.bounds import Bounds
from zoo.serving.rest import rest_app

OPERATIONS = [
    (path, method)
    for path, item in description()["paths"].items()
    for method in ("get", "post")
    if method in item
]
BODY = b'{"instances": ["a"]}'


@pytest.fixture(scope="module")
def client(shouting):
    shouting.labels["shout", "old"] = 1
    return TestClient(rest_app(shouting, Bounds(body_bytes=10_000)))


def ask(client, path, method, name="shout", body=BODY):
    path = path.format(name=name, version=1, label="old")
    return client.request(method, path, content=body if method == "post" else None)


def content_of(path, method, answer):
    """What the description says of an answer's content."""
    said = description()["paths"][path][method]["responses"]
    return said[str(answer.status_code)]["content"]


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_each_operation_answers_as_it_says(client, path, method):
    answer = ask(client, path, method)
    # Nothing began to watch the folder.
    assert answer.status_code == (503 if path == "/readyz" else 200)
    kind = answer.headers["content-type"].split(";")[0]
    assert kind in content_of(path, method, answer)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_each_refusal_is_as_it_says(client, shouting, path, method):
    refusals = []
    if "{name}" in path:
        unknown = 400 if "{label}" in path else 404  # as TensorFlow Serving has it
        refusals.append((unknown, ask(client, path, method, name="none")))
    if method == "post":
        refusals += [
            (400, ask(client, path, method, body=b'{"instances": [1]}')),
            (413, ask(client, path, method, body=b" " * 10_001)),
        ]
    if path not in OPEN:
        closed = with_token(rest_app(shouting, Bounds()), "0123456789abcdef")
        refusals.append((401, ask(TestClient(closed), path, method)))
    for status, answer in refusals:
        assert answer.status_code == status
        schema = content_of(path, method, answer)["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Error"}
        assert set(answer.json()) == {"error"}


def test_it_is_published_and_whole(client):
    published = client.get("/openapi.json").json()
    assert published == description() and published["openapi"] == "3.1.0"
    text = json.dumps(published)
    assert "#/components/schemas/Request" in text
    for path, item in published["paths"].items():
        named = {each["name"] for each in item.get("parameters", [])}
        assert named == {part.split("}")[0] for part in path.split("{")[1:]}
        for method in set(item) & {"get", "post"}:
            assert item[method]["summary"] and item[method]["responses"]


def test_what_needs_no_token_says_so():
    paths = description()["paths"]
    free = {path for path in paths if paths[path].get("get", {}).get("security") == []}
    assert free == set(OPEN)
