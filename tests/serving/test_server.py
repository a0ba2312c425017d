"""The command as it runs: a process, its signals and its log."""

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import pytest

from tests.serving import small_models

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "0123456789abcdef"
SOON = 60.0


@pytest.fixture
def folder(tmp_path):
    small_models.write(tmp_path / "models" / "shout" / "1")
    (tmp_path / "token").write_text(TOKEN)
    return tmp_path


@pytest.fixture
def server(folder, unused_ports):
    port, grpc_port = map(str, unused_ports)
    command = [sys.executable, "-m", "zoo.cli", "serve", str(folder / "models")]
    command += [
        "--port",
        port,
        "--grpc-port",
        grpc_port,
        "--token-file",
        str(folder / "token"),
    ]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _until(lambda: _is_ready(process, url))
        yield process, url
    finally:
        process.kill()
        process.wait()


def _is_ready(process, url):
    assert process.poll() is None
    try:
        return httpx2.get(f"{url}/readyz").status_code == 200
    except httpx2.TransportError:
        return False


def _until(holds):
    end = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("number", "status"),
    # uvicorn ends as the signal would have ended it, only later.
    [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 0)],
)
def test_it_finishes_what_is_in_flight_and_stops(server, folder, number, status):
    process, url = server
    headers = {"Authorization": f"Bearer {TOKEN}"}
    body = {"instances": ["a" * 300]}
    answers = []

    def client():
        target = f"{url}/v1/models/shout:stream"
        answers.append(httpx2.post(target, json=body, headers=headers, timeout=SOON))

    clients = [threading.Thread(target=client) for _ in range(3)]
    for each in clients:
        each.start()
    target = f"{url}/v1/models/shout:predict"
    content = {"signature_name": "steps", "instances": ["a"]}

    def steps():
        answer = httpx2.post(target, json=content, headers=headers)
        return answer.json()["predictions"][0]

    _until(lambda: steps() > 10)
    process.send_signal(number)
    assert process.wait(SOON) == status
    for each in clients:
        each.join(SOON)
    for answer in answers:
        last = answer.text.strip().split("\n\n")[-1].removeprefix("data: ")
        assert json.loads(last) == {"translation": "A" * 300 + "!", "finished": True}
    assert len(answers) == 3
    log = (folder / "log").read_text()
    assert "shout/1 is loaded" in log and "Traceback" not in log
    assert TOKEN not in log
