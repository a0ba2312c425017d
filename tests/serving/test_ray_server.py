"""Several replicas on one machine: as one server, also while one of them dies."""

import contextlib
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import grpc
import httpx2
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tests.serving import small_models

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "0123456789abcdef"
BEARER = f"Authorization: Bearer {TOKEN}"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
SOON = 120.0
RECOVERY_S = 30.0
OURS = "ZOO_TEST_PORT"  # in the environment of every process of one server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None,
        reason="needs Ray: pip install 'zoo[ray]'",
    ),
    pytest.mark.skipif(
        not Path("/proc").is_dir(), reason="finds a server's processes in /proc"
    ),
]


def _environment(**more):
    """Without a cluster, and with what Ray would otherwise keep in the home folder."""
    environment = {**os.environ, "RAY_AUTH_TOKEN": TOKEN * 4, **more}
    environment.pop("RAY_ADDRESS", None)
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return environment


@pytest.fixture
def server(tmp_path, unused_ports):
    """(process, URL, its ports, its log) of a server of two replicas."""
    small_models.write(tmp_path / "models" / "shout" / "1")
    (tmp_path / "token").write_text(TOKEN)
    port, grpc_port = map(str, unused_ports)
    command = [sys.executable, "-m", "zoo.cli", "serve", str(tmp_path / "models")]
    command += ["--engine", "ray", "--replicas", "2", "--port", port]
    command += ["--token-file", str(tmp_path / "token"), "--label", "shout/stable=1"]
    command += ["--request-rows", "4", "--grpc-port", grpc_port]
    command += ["--request-mib", "1", "--streams", "1"]
    environment = _environment(**{OURS: port})
    log = tmp_path / "log"
    with open(log, "wb") as file:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=file, stderr=file
        )
    try:
        _until(lambda: _serves(process, log))
        yield process, f"http://127.0.0.1:{port}", (port, grpc_port), log
    finally:
        for pid in [process.pid, *_processes(port)]:
            _kill(pid)
        process.wait()


def _serves(process, log):
    assert process.poll() is None, log.read_text()
    return "\nServing " in log.read_text()


def _until(holds):
    end = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def _processes(port, title=""):
    """The processes of the server at a port whose command begins with `title`."""
    found = []
    for path in Path("/proc").iterdir():
        try:
            is_ours = f"{OURS}={port}".encode() in (path / "environ").read_bytes()
            called = (path / "cmdline").read_bytes().decode(errors="replace")
        except OSError:  # none, or one that ends just now
            continue
        if is_ours and called.startswith(title):
            found.append(int(path.name))
    return found


def _kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _replicas(url):
    """The replica that answers, in a set, once it has been asked something to count.

    >>> _replicas("http://127.0.0.1:8501")
    {"gwzhecjm"}
    """
    text = httpx2.get(f"{url}/metrics", headers=HEADERS, timeout=SOON).text
    return set(re.findall(r'replica="(\w+)"', text))


def test_it_answers_as_one_server_does(server):
    _, url, _, _ = server
    model = f"{url}/v1/models/shout"
    options = {"headers": HEADERS, "timeout": SOON}
    row = {"translation": "HI!", "score": 2.0}
    for target in (model, f"{model}/versions/1", f"{model}/labels/stable"):
        body = {"instances": ["hi"]}
        answer = httpx2.post(f"{target}:predict", json=body, **options)
        assert answer.json() == {"predictions": [row]}

    with httpx2.stream("POST", f"{model}:stream", json=body, **options) as answer:
        events = [line for line in answer.iter_lines() if line]
    assert events == [
        'data: {"translation": ""}',
        'data: {"translation": "H"}',
        'data: {"translation": "HI!", "finished": true}',
    ]

    status = httpx2.get(model, **options).json()["model_version_status"]
    assert [each["state"] for each in status] == ["AVAILABLE"]
    assert httpx2.get(f"{url}/readyz").json() == {"ready": True}
    assert httpx2.get(f"{url}/healthz").status_code == 200
    assert "<html" in httpx2.get(url).text
    assert httpx2.post(f"{model}:predict", json=body).status_code == 401
    much = httpx2.post(f"{model}:predict", json={"instances": ["a"] * 5}, **options)
    assert much.status_code == 400 and "4" in much.json()["error"]


@contextlib.contextmanager
def _stream(url, text):
    """The lines of a stream, or None where it is refused."""
    target, body = f"{url}/v1/models/shout:stream", {"instances": [text]}
    options = {"json": body, "headers": HEADERS, "timeout": SOON}
    with httpx2.stream("POST", target, **options) as answer:
        assert answer.status_code in (200, 503)
        yield answer.iter_lines() if answer.status_code == 200 else None


def test_bounds_and_clients_that_leave(server):
    _, url, (port, _), _ = server
    options = {"headers": HEADERS, "timeout": SOON}
    target = f"{url}/v1/models/shout:predict"
    large = httpx2.post(target, json={"instances": ["a" * 2**20]}, **options)
    assert large.status_code == 413 and "1,048,576 bytes" in large.json()["error"]

    # Ray's own server has no bound of these.
    head = f"POST /v1/models/shout:predict HTTP/1.1\r\nHost: a\r\n{BEARER}\r\n"
    body = head + "Content-Length: 9\r\n\r\n{"
    with contextlib.ExitStack() as left:
        for begun in [head, body, ""] * 50:
            client = socket.create_connection(("127.0.0.1", int(port)), SOON)
            left.enter_context(client).sendall(begun.encode())
        for _ in range(10):
            answer = httpx2.post(target, json={"instances": ["hi"]}, **options)
            assert answer.status_code == 200

    def begins():
        with _stream(url, "a" * 200_000) as lines:  # which takes minutes
            return lines is not None and next(lines).startswith("data: ")

    # Each of two replicas writes one at a time: whoever leaves makes room.
    for _ in range(6):
        _until(begins)


def test_sigterm_finishes_what_is_in_flight(server):
    process, url, (port, _), log = server
    with _stream(url, "a" * 2_000) as lines:
        assert next(lines) == 'data: {"translation": ""}'
        process.send_signal(signal.SIGTERM)
        events = [line for line in lines if line]
    last = {"translation": "A" * 2_000 + "!", "finished": True}
    assert json.loads(events[-1].removeprefix("data: ")) == last
    assert process.wait(SOON) == 0
    _until(lambda: not _processes(port))
    assert "Traceback" not in log.read_text()


def _shout(stub, text):
    """The answer by gRPC."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "shout"
    request.inputs["text"].CopyFrom(tf.make_tensor_proto([text]))
    metadata = [("authorization", f"Bearer {TOKEN}")]
    response = stub.Predict(request, timeout=SOON, metadata=metadata)
    return response.outputs["translation"].string_val[0].decode()


def _stub(port):
    """Over a connection of its own, which one replica has."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", options)
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


def test_it_answers_by_grpc(server):
    _, url, (port, grpc_port), _ = server
    stubs = [_stub(grpc_port) for _ in range(16)]
    # With sixteen connections each replica has some, but for once in 2 ** 15.
    replicas = _processes(port, "ray::ServeReplica")
    assert [_shout(stub, "hi") for stub in stubs] == ["HI!"] * 16
    _kill(replicas[0])
    _until(lambda: _shouts(stubs) == 16)
    assert [_shout(stub, "hi") for stub in stubs] == ["HI!"] * 16


def _shouts(stubs):
    """How many get an answer; none that is wrong."""
    count = 0
    for stub in stubs:
        try:
            assert _shout(stub, "hi") == "HI!"
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE
        else:
            count += 1
    return count


def test_it_shares_its_port_with_nobody(tmp_path):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        command = [sys.executable, "-m", "zoo.cli", "serve", str(tmp_path)]
        command += ["--engine", "ray", "--port", port]
        result = subprocess.run(
            command, cwd=ROOT, env=_environment(), capture_output=True, text=True
        )
    assert result.returncode == 1
    assert f"HTTP cannot listen on 127.0.0.1:{port}" in result.stderr


def test_one_that_dies_under_load_costs_no_wrong_answer(server):
    process, url, (port, _), log = server
    answers, ended = [], threading.Event()

    def client(name):
        session = httpx2.Client(headers=HEADERS, timeout=SOON)
        number = 0
        while not ended.wait(0.1):  # the new one needs some of the cores too
            number += 1
            text = f"{name} asks {number}"
            expected = {"translation": f"{text.upper()}!", "score": float(len(text))}
            target, body = f"{url}/v1/models/shout:predict", {"instances": [text]}
            try:
                answer = session.post(target, json=body)
            except httpx2.TransportError:
                answers.append((time.monotonic(), None, True))
                continue
            status = answer.status_code
            is_right = status != 200 or answer.json() == {"predictions": [expected]}
            answers.append((time.monotonic(), status, is_right))
        session.close()

    clients = [threading.Thread(target=client, args=(name,)) for name in "abcd"]
    for each in clients:
        each.start()
    known = set()

    def both_answer():
        known.update(_replicas(url))
        return len(known) == 2

    _until(both_answer)
    title = "ray::ServeReplica"
    before = _processes(port, title)
    assert len(before) == 2
    killed = time.monotonic()
    _kill(before[0])

    # A new one is there as soon as it tells what it answered.
    _until(lambda: _replicas(url) - known)
    recovered = time.monotonic()
    assert recovered - killed < RECOVERY_S
    after = _processes(port, title)
    assert len(after) == 2 and before[0] not in after
    time.sleep(3.0)
    ended.set()
    for each in clients:
        each.join(SOON)

    assert all(is_right for _, _, is_right in answers)
    assert all(status in (None, 200) or status >= 500 for _, status, _ in answers)
    later = [status for when, status, _ in answers if when > recovered + 1.0]
    assert later and set(later) == {200}
    # Meanwhile the other one went on.
    assert any(s == 200 for when, s, _ in answers if killed + 1.0 < when < recovered)

    process.send_signal(signal.SIGTERM)
    assert process.wait(SOON) == 0
    _until(lambda: not _processes(port))
    assert TOKEN not in log.read_text()
