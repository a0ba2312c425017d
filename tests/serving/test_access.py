"""A token where one was chosen."""

import pytest
from starlette.testclient import TestClient

from zoo.serving.access import read_token, with_token
from zoo.serving.batching import Limits
from zoo.serving.bounds import Bounds
from zoo.serving.models import Models
from zoo.serving.rest import rest_app

TOKEN = "0123456789abcdef"


@pytest.fixture
def client(tmp_path):
    app = rest_app(Models(tmp_path, Limits()), Bounds())
    return TestClient(with_token(app, TOKEN))


@pytest.mark.parametrize("given", [None, "", TOKEN, f"Basic {TOKEN}", "Bearer x"])
@pytest.mark.parametrize("path", ["/v1/models", "/metrics", "/v1/models/a", "/x"])
def test_without_the_token_nothing_is_told(client, given, path):
    headers = {} if given is None else {"Authorization": given}
    answer = client.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "Authorization: Bearer TOKEN" in answer.json()["error"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_with_it_all_is_as_without_one(client, scheme):
    headers = {"Authorization": f"{scheme} {TOKEN}"}
    assert client.get("/v1/models", headers=headers).json() == {"models": []}
    assert client.get("/v1/models/a", headers=headers).status_code == 404


def test_probes_need_none(client):
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503


def test_a_token_is_read_without_the_end_of_its_line(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    assert read_token(path) == TOKEN


@pytest.mark.parametrize(
    "content", ["", "short\n", "two lines of\ntext that is long", "ü" * 20]
)
def test_what_is_no_token(tmp_path, content):
    path = tmp_path / "token"
    path.write_text(content)
    with pytest.raises(ValueError, match="16 or more printable ASCII.*openssl rand"):
        read_token(path)
