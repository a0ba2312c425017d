"""The command as it runs: a process, its signals and its log."""

import asyncio
import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import grpc
import httpx2
import pytest
import tensorflow as tf
import uvicorn
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tests.serving import small_models
from zoo.serving.batching import Limits
from zoo.serving.bounds import Bounds
from zoo.serving.models import Models
from zoo.serving.ports import check_are_free
from zoo.serving.server import _Server

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "0123456789abcdef"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
SOON = 60.0
TIMEOUT_S = 5  # of a request


class Stuck(tf.Module):
    @tf.function(input_signature=[small_models.WORDS])
    def wait(self, text):
        """For what never comes."""
        queue = tf.raw_ops.FIFOQueueV2(component_types=[tf.int64], shapes=[[]])
        (never,) = tf.raw_ops.QueueDequeueV2(handle=queue, component_types=[tf.int64])
        return {"never": tf.fill(tf.shape(text), never)}


@pytest.fixture
def folder(tmp_path):
    small_models.write(tmp_path / "models" / "shout" / "1")
    stuck = Stuck()
    tf.saved_model.save(stuck, str(tmp_path / "models" / "stuck" / "1"), stuck.wait)
    (tmp_path / "token").write_text(TOKEN)
    return tmp_path


@pytest.fixture
def server(folder, unused_ports):
    port, grpc_port = map(str, unused_ports)
    command = [sys.executable, "-m", "zoo.cli", "serve", str(folder / "models")]
    command += ["--port", port, "--grpc-port", grpc_port, "--timeout", str(TIMEOUT_S)]
    command += ["--token-file", str(folder / "token")]
    # As a person has it: TensorFlow's own log would repeat what was asked.
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log
        )
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
    models, options = f"{url}/v1/models", {"headers": HEADERS, "timeout": SOON}
    body = {"instances": ["a" * 300]}
    answers = []

    def client(target):
        answers.append(httpx2.post(f"{models}/{target}", json=body, **options))

    targets = ["stuck:predict"] + 3 * ["shout:stream"]
    clients = [threading.Thread(target=client, args=(each,)) for each in targets]
    for each in clients:
        each.start()
    content = {"signature_name": "steps", "instances": ["a"]}

    def steps():
        answer = httpx2.post(f"{models}/shout:predict", json=content, **options)
        return answer.json()["predictions"][0]

    bad = httpx2.post(f"{models}/shout:predict", json={"inputs": ["bad"]}, **options)
    assert bad.status_code == 400
    _until(lambda: steps() > 10)
    process.send_signal(number)
    begin = time.monotonic()
    assert process.wait(SOON) == status
    assert time.monotonic() - begin < 3 * TIMEOUT_S
    for each in clients:
        each.join(SOON)
    *streams, stuck = answers
    for answer in streams:
        last = answer.text.strip().split("\n\n")[-1].removeprefix("data: ")
        assert json.loads(last) == {"translation": "A" * 300 + "!", "finished": True}
    assert len(streams) == 3 and stuck.status_code == 504
    log = (folder / "log").read_text()
    assert "shout/1 is loaded" in log and "Traceback" not in log
    assert TOKEN not in log and "a bad text" not in log
    assert f"Stopped while a batch ran, which took over {TIMEOUT_S} s." in log


def test_grpc_takes_nothing_more_while_http_finishes(tmp_path, unused_ports):
    asked, may_answer = threading.Semaphore(0), threading.Event()

    async def app(scope, receive, send):
        asked.release()
        while not may_answer.is_set():
            await asyncio.sleep(0.01)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    small_models.write(tmp_path / "shout" / "1")
    models = Models(tmp_path, Limits())
    models.refresh()
    batcher = models.get("shout").signatures["serving_default"].batcher
    future = concurrent.futures.Future()
    batcher.submit = lambda inputs, deadline: asked.release() or future
    port, grpc_port = unused_ports
    config = uvicorn.Config(app, port=port, lifespan="off", log_config=None)
    address = f"127.0.0.1:{grpc_port}"
    server = _Server(config, models, Bounds(), address, None)
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "shout"
    request.inputs["text"].CopyFrom(tf.make_tensor_proto(["a"]))

    def predict():
        with grpc.insecure_channel(address) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            return stub.Predict(request, timeout=SOON, wait_for_ready=True)

    with concurrent.futures.ThreadPoolExecutor() as threads:
        runs = threads.submit(server.run)
        by_grpc = threads.submit(predict)
        try:
            _until(lambda: server.started)
            by_http = threads.submit(httpx2.get, f"http://127.0.0.1:{port}/")
            assert asked.acquire(timeout=SOON) and asked.acquire(timeout=SOON)
            server.should_exit = True
            _until(lambda: _is_free(grpc_port))
            assert not (by_http.done() or by_grpc.done() or runs.done())
        finally:  # what fails is told once all these threads have ended
            server.should_exit = True
            may_answer.set()
            future.set_result({})
        assert by_http.result(SOON).status_code == 200
        assert by_grpc.result(SOON).model_spec.name == "shout"
        runs.result(SOON)


def test_a_second_ctrl_c_ends_what_waits_for_a_batch(unused_ports):
    stops, may_stop = threading.Event(), threading.Event()

    class Stubborn:
        def begin(self, seconds):
            pass

        def stop(self, latest):
            stops.set()
            return may_stop.wait()

    async def app(scope, receive, send):
        pass

    port, grpc_port = unused_ports
    config = uvicorn.Config(app, port=port, lifespan="off", log_config=None)
    server = _Server(config, Stubborn(), Bounds(), f"127.0.0.1:{grpc_port}", None)
    runs = threading.Thread(target=server.run, daemon=True)
    runs.start()
    _until(lambda: server.started)
    server.handle_exit(signal.SIGINT, None)
    assert stops.wait(SOON) and runs.is_alive()
    server.handle_exit(signal.SIGINT, None)
    runs.join(SOON)
    assert not runs.is_alive()
    may_stop.set()


def _is_free(port):
    try:
        check_are_free("127.0.0.1", gRPC=port)
    except OSError:
        return False
    return True
