"""Bodies are bounded: each, and all that are held at the same time."""

import asyncio
import concurrent.futures
import contextlib
import functools
import gzip
import json

import grpc
import httpx2
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from zoo.serving import bodies, grpc_service
from zoo.serving.batching import OverloadedError
from zoo.serving.bodies import Room
from zoo.serving.bounds import Bounds
from zoo.serving.grpc_service import grpc_server
from zoo.serving.rest import rest_app

LARGE, SMALL = "a" * 100_000, "a"
BOUNDS = Bounds(body_bytes=150_000)


@pytest.fixture(autouse=True)
def room_for_one(monkeypatch):
    monkeypatch.setattr(bodies, "_LARGE_ONES", 1)


@pytest.fixture
def held(shouting, monkeypatch):
    """Futures of the large requests, which wait until one of them is told."""
    batcher = shouting.get("shout").signatures["serving_default"].batcher
    submit, futures = batcher.submit, []

    def submit_small(inputs, deadline):
        if max(map(len, inputs["text"])) < len(LARGE):
            return submit(inputs, deadline)
        futures.append(concurrent.futures.Future())
        return futures[-1]

    monkeypatch.setattr(batcher, "submit", submit_small)
    return futures


async def until(holds):
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("is_packed", [False, True])
def test_large_ones_are_to_come_again_and_small_ones_are_answered(
    shouting, held, is_packed
):
    app = rest_app(shouting, BOUNDS)
    headers = {"Content-Encoding": "gzip"} if is_packed else {}

    async def exchange():
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport) as client:

            async def ask(text):
                body = json.dumps({"instances": [text]}).encode()
                body = gzip.compress(body) if is_packed else body
                url = "http://a/v1/models/shout:predict"
                return await client.post(url, content=body, headers=headers)

            first = asyncio.create_task(ask(LARGE))
            await until(lambda: held)
            refused, small = await ask(LARGE), await ask(SMALL)
            held[0].set_result({})
            await first
            third = asyncio.create_task(ask(LARGE))
            await until(lambda: len(held) == 2)  # there is room again
            held[1].set_result({})
            await third
            return refused, small

    refused, small = asyncio.run(exchange())
    assert small.status_code == 200
    assert refused.status_code == 503 and refused.headers["retry-after"] == "1"
    assert refused.json()["error"] == (
        "Requests of 150,000 bytes are answered at the same time, and this one would "
        "be more. Try again later."
    )


def request(text):
    made = predict_pb2.PredictRequest()
    made.model_spec.name = "shout"
    made.inputs["text"].CopyFrom(tf.make_tensor_proto([text]))
    return made


@contextlib.asynccontextmanager
async def asked(models, bounds, port):
    """The function that predicts by gRPC."""
    server = grpc_server(models, bounds, f"127.0.0.1:{port}")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        yield functools.partial(stub.Predict, timeout=20)
    await server.stop(None)


def test_by_grpc_too(shouting, held, unused_ports):
    async def exchange():
        async with asked(shouting, BOUNDS, unused_ports[0]) as ask:
            first = asyncio.ensure_future(ask(request(LARGE)))
            await until(lambda: held)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await ask(request(LARGE))
            small = await ask(request(SMALL))
            held[0].set_result({})
            await first
        return refused.value, small

    refused, small = asyncio.run(exchange())
    assert refused.code() == grpc.StatusCode.UNAVAILABLE
    assert "150,000 bytes are answered at the same time" in refused.details()
    assert small.outputs["translation"].string_val == [b"A!"]


def test_there_are_only_so_many_calls(shouting, held, unused_ports, monkeypatch):
    monkeypatch.setattr(grpc_service, "_MOST_CALLS", 1)

    async def exchange():
        async with asked(shouting, Bounds(), unused_ports[0]) as ask:
            first = asyncio.ensure_future(ask(request(LARGE)))
            await until(lambda: held)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await ask(request(SMALL))
            held[0].set_result({})
            await first
        return refused.value.code()

    assert asyncio.run(exchange()) == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_what_grows_has_the_difference_and_leaves_it_in_the_end():
    room = Room(300_000)
    with room.place() as one, room.place() as other:
        one(100_000)
        one(200_000)
        other(65_536)  # small
        with pytest.raises(OverloadedError):
            other(100_001)
        other(100_000)
    with room.place() as third, pytest.raises(ValueError, match="broken"):
        third(300_000)
        raise ValueError("broken")
    with room.place() as fourth:
        fourth(300_000)
    assert room._free == 300_000
