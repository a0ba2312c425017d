"""Whatever is sent, the answer says what is wrong, and the next one is answered."""

import collections
import json
import urllib.parse

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from benchmarks.described_requests import examples, requests
from zoo.serving.api_description import description
from zoo.serving.bounds import Bounds
from zoo.serving.rest import rest_app

EXPECTED = {200, 400, 404, 405, 413}
FUZZ = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TEXT = st.text(st.characters(), max_size=8)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXT
    | st.fixed_dictionaries({"b64": TEXT | st.integers()})
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["text", "times", "b64"]) | TEXT, inner)
    ),
    max_leaves=8,
)
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "instances": VALUES,
        "inputs": VALUES,
        "signature_name": st.sampled_from(["words", "repeat", "start", ""]) | VALUES,
        "other": VALUES,
    },
)
TARGETS = st.sampled_from(
    [
        *("shout:predict", "shout:stream", "shout/versions/1:predict"),
        *("shout/labels/x:predict", "shout:classify", "shout/metadata", "half:predict"),
    ]
)


@pytest.fixture(scope="module")
def client(shouting):
    shouting.labels["shout", "old"] = 1
    app = rest_app(shouting, Bounds(body_bytes=10_000))
    return TestClient(app, raise_server_exceptions=False)


def complaint(client, answer):
    """What is wrong with an answer, or with the next one; "" where nothing is."""
    if answer.status_code not in EXPECTED:
        return f"{answer.status_code}: {answer.text}"
    if answer.status_code != 200 and len(answer.json()["error"]) <= 8:
        return f"says too little: {answer.text}"
    good = client.post("/v1/models/shout:predict", content=b'{"instances": ["a"]}')
    return "" if good.status_code == 200 else f"then {good.text}"


@settings(FUZZ, max_examples=80)
@given(requests(description(), {"name": ["shout"], "version": [1], "label": ["old"]}))
def test_what_the_description_allows_and_nearly_allows(client, described):
    answer = client.request(described.method, described.path, content=described.body)
    path, method = described.operation
    said = client.get("/openapi.json").json()["paths"][path][method]["responses"]
    assert str(answer.status_code) in said, f"{described}: {answer.text}"
    if answer.status_code not in (200, 503):  # it is not ready: nothing watches
        assert len(answer.json()["error"]) > 8


def test_it_draws_what_is_answered_and_what_is_not(client):
    drawn = examples(description(), {"name": ["shout"]}, 100)
    answers = [
        client.request(each.method, each.path, content=each.body) for each in drawn
    ]
    found = collections.Counter(answer.status_code for answer in answers)
    # How many of each depends on what else hypothesis finds in the code.
    assert set(found) <= {200, 400, 404, 413, 503} and found[200] and found[400]
    assert examples(description(), {"name": ["shout"]}, 100) == drawn


def send(client, body, target="shout:predict"):
    return client.post(f"/v1/models/{target}", content=body)


@FUZZ
@given(TARGETS, REQUESTS)
def test_json_of_every_form(client, target, request):
    body = json.dumps(request).encode()
    assert complaint(client, send(client, body, target)) == ""


@FUZZ
@given(st.binary(max_size=200))
def test_bytes_that_are_no_json(client, body):
    assert complaint(client, send(client, body)) == ""


@FUZZ
@given(st.integers(0, 60), st.integers(0, 255), st.booleans())
def test_a_request_that_is_damaged_or_cut(client, place, byte, is_cut):
    body = bytearray(b'{"signature_name": "words", "instances": [{"b64": "YQ=="}]}')
    body = body[:place] if is_cut else body[:place] + bytes([byte]) + body[place + 1 :]
    assert complaint(client, send(client, bytes(body))) == ""


@pytest.mark.parametrize("depth", [10, 100, 900, 960, 980, 990, 1000, 4000])
@pytest.mark.parametrize("form", ["[%s]", '{"instances": %s}', '{"inputs": [[%s]]}'])
def test_nested_deeper_and_deeper(client, depth, form):
    body = form % ("[" * depth + "]" * depth)
    assert complaint(client, send(client, body.encode())) == ""


@FUZZ
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_addresses(client, target):
    for method in ("GET", "POST", "DELETE"):
        address = f"/v1/models/{urllib.parse.quote(target)}"
        answer = client.request(method, address, content=b"{}")
        assert complaint(client, answer) == ""
