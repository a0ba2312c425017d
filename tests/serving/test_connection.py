"""Clients that are slow, cut short or speak no HTTP, over real sockets."""

import asyncio
import contextlib
import json
import logging
import socket
import threading
import time

import pytest
import uvicorn

from zoo.serving import connection
from zoo.serving.bounds import Bounds
from zoo.serving.rest import rest_app

SOON = 10.0
POST = b"POST /v1/models/shout:predict HTTP/1.1\r\nHost: a\r\n"
GOOD = POST + b'Content-Length: 20\r\n\r\n{"instances": ["a"]}'


@pytest.fixture
def port(shouting, unused_ports, monkeypatch):
    """Of a server that waits half a second for a head, and for a body."""
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(connection, "READ_SECONDS", 0.5)
    port, _ = unused_ports
    with serving(rest_app(shouting, Bounds(seconds=0.5)), port):
        yield port


@contextlib.contextmanager
def serving(app, port):
    config = uvicorn.Config(
        app,
        http=connection.BoundedConnection,
        port=port,
        ws="none",
        log_level="error",
        timeout_keep_alive=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield
    server.should_exit = True
    thread.join(SOON)


def ask(port, raw):
    """(status, error) of the one answer, after which the server closes."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), SOON) as client:
        client.sendall(raw)
        # It may close before it has read all, which resets the connection.
        with contextlib.suppress(ConnectionResetError):
            while part := client.recv(2**16):
                answer += part
    if not answer:
        return None, ""
    head, body = answer.split(b"\r\n\r\n", 1)
    return int(head.split()[1]), json.loads(body).get("error", "")


@pytest.mark.parametrize(
    ("raw", "status", "message"),
    [
        (b"", None, ""),
        (POST, 408, "What is before the body did not arrive within 0.5 seconds."),
        (POST + b"Content-Length: 9\r\n\r\n{", 408, "The body did not arrive within 0"),
        (b"\0\1\2\r\n\r\n", 400, "This is no HTTP/1.1, or damaged."),
        (POST + b"X: " + b"a" * 400_000, 431, "may have 65,536 bytes."),
        (GOOD, 200, ""),  # and then nothing more
    ],
)
def test_it_ends_with_what_is_wrong(port, raw, status, message):
    found, error = ask(port, raw)
    assert found == status and message in error


def test_a_byte_at_a_time(port):
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), SOON) as client:
        client.setblocking(False)
        for byte in POST * 9:
            try:
                client.send(bytes([byte]))
                answer = client.recv(2**16)
                break
            except BlockingIOError:
                time.sleep(0.05)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - begin < 5.0


def test_others_are_answered_meanwhile(port):
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
    for each in slow:
        each.sendall(POST + b"Content-Length: 9\r\n\r\n{")
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), SOON) as client:
        client.sendall(GOOD)
        assert client.recv(2**16).startswith(b"HTTP/1.1 200 ")
    assert time.monotonic() - begin < 0.5
    for each in slow:
        each.close()


def test_a_connection_that_is_kept_has_no_end_while_it_is_used(port):
    large = b'{"instances": ["' + b"a" * 100_000 + b'"]}'
    large = POST + b"Content-Length: %d\r\n\r\n" % len(large) + large
    with socket.create_connection(("127.0.0.1", port), SOON) as client:
        statuses = []
        for raw in [GOOD, large, GOOD + GOOD, GOOD] * 3:  # two at once: a pipeline
            client.sendall(raw)
            answer = b""
            while answer.count(b"}]}") < raw.count(b"POST"):
                answer += client.recv(2**20)
            statuses.append(answer.count(b"HTTP/1.1 200 "))
            time.sleep(0.1)
    assert statuses == [1, 1, 2, 1] * 3


def test_one_who_leaves_within_a_body_leaves_no_trace_in_the_log(port, caplog):
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(POST + b"Content-Length: 9\r\n\r\n{")
        assert ask(port, GOOD)[0] == 200
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize("header", [b"", b"Connection: close\r\n"])
def test_one_who_does_not_read_is_not_waited_for(port, header):
    body = b'{"instances": ["' + b"a" * 20_000_000 + b'"]}'
    head = POST + header + b"Content-Length: %d\r\n\r\n" % len(body)
    with socket.create_connection(("127.0.0.1", port), SOON) as client:
        client.sendall(head + body)
        time.sleep(4.0)
        received = 0
        with contextlib.suppress(ConnectionResetError):
            while part := client.recv(2**20):
                received += len(part)
    assert 0 < received < len(body)


@pytest.mark.parametrize("name", [b"Upgrade", b"upgrade"])
@pytest.mark.parametrize("pause", [0.0, 0.1])
def test_another_protocol_that_is_offered_is_not_taken_up(port, name, pause):
    """As Java's client and `curl --http2` offer HTTP/2."""
    offer = b"Connection: Upgrade, HTTP2-Settings\r\n" + name + b": h2c\r\n"
    head, body = GOOD.replace(POST, POST + offer).split(b"\r\n\r\n")
    with socket.create_connection(("127.0.0.1", port), SOON) as client:
        client.sendall(head + b"\r\n\r\n")
        time.sleep(pause)
        client.sendall(body)
        assert client.recv(2**16).startswith(b"HTTP/1.1 200 ")
        client.sendall(GOOD)
        assert client.recv(2**16).startswith(b"HTTP/1.1 200 ")


def test_requests_far_ahead_of_their_answers_are_refused(port):
    with socket.create_connection(("127.0.0.1", port), SOON) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 1_000)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while part := client.recv(2**16):
                answer += part
    assert b"100 requests wait for their answers. Read these." in answer


def test_there_are_only_so_many_at_once(port, monkeypatch):
    monkeypatch.setattr(connection, "MOST_CONNECTIONS", 2)
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            client = stack.enter_context(
                socket.create_connection(("127.0.0.1", port), SOON)
            )
            client.sendall(GOOD)
            assert client.recv(2**16).startswith(b"HTTP/1.1 200 ")
        status, message = ask(port, b"")
        assert (status, message) == (
            503,
            "2 connections are open already. Try again later.",
        )
    until = time.monotonic() + SOON
    while (status := ask(port, GOOD)[0]) == 503:  # it has not seen them leave yet
        assert time.monotonic() < until
    assert status == 200


def read_head(client):
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += client.recv(2**16)
    return answer


@pytest.mark.parametrize("rest", [b"x", b"x" * 1000], ids=["a part", "all"])
def test_a_body_that_was_answered_before_it_came(port, rest):
    with socket.create_connection(("127.0.0.1", port), SOON) as client:
        head = b"POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"
        client.sendall(head)
        assert read_head(client).startswith(b"HTTP/1.1 404")
        client.sendall(rest)
        assert client.recv(2**16) == b""  # within SOON


@pytest.mark.parametrize("line", [b"X: a\r\n", b"a"], ids=["many", "one"])
def test_trailers_without_end(port, line):
    head = b"POST /none HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), SOON) as client:
        client.sendall(head + b"0\r\nX: ")
        sent = 0
        with pytest.raises(ConnectionError):
            while sent < 2**26:
                client.sendall(line * 2_000)
                sent += 2_000 * len(line)
    assert sent < 2**26


def test_an_answer_is_not_broken_into(unused_ports, monkeypatch):
    async def slow(scope, receive, send):
        if scope["type"] != "http":
            return
        await asyncio.sleep(1)
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    address = ("127.0.0.1", unused_ports[0])
    with serving(slow, address[1]), socket.create_connection(address, SOON) as client:
        client.sendall(GOOD)
        time.sleep(0.1)
        client.sendall(b"\r\n")
        answer = read_head(client)
    assert answer.startswith(b"HTTP/1.1 200") and b"408" not in answer
