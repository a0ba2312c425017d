"""Clients that ask a server as fast as it answers, and cost little themselves.

They share two cores with the server, so that a request is one write of bytes that were
made before, and an answer is read for its length and its text alone.
"""

import json
import re
import socket
import statistics
import threading
import time

TIMEOUT_S = 60
IDLE_S = 60  # the server waits for 75
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"


class Client:
    """One that keeps its connection until the server might end it."""

    def __init__(self, port):
        self._port = port
        self._connect()

    def _connect(self):
        self._socket = socket.create_connection(("127.0.0.1", self._port), TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._used = time.monotonic()

    def get(self, path):
        """(status, body)"""
        return self._ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    def translate(self, request):
        """(status, translation or None)"""
        status, content = self._ask(request)
        if status != 200:
            return status, None
        return status, json.loads(content)["outputs"]["translation"][0]

    def first_token_s(self, request):
        """Seconds until a stream shows something; the connection ends."""
        begin = time.monotonic()
        self._socket.sendall(request)
        with self._socket.makefile("rb") as lines:
            for line in lines:
                if line.startswith(b"data: ") and json.loads(line[6:])["translation"]:
                    break
        self._socket.close()
        return time.monotonic() - begin

    def _ask(self, request):
        if time.monotonic() - self._used > IDLE_S:
            self._socket.close()
            self._connect()
        self._socket.sendall(request)
        received = b""
        while (end := received.find(_END_OF_HEAD)) < 0:
            received += self._receive()
        length = int(_LENGTH.search(received)[1])
        while len(received) < end + len(_END_OF_HEAD) + length:
            received += self._receive()
        self._used = time.monotonic()
        return int(received[9:12]), received[end + len(_END_OF_HEAD) :]

    def _receive(self):
        received = self._socket.recv(1 << 16)
        if not received:
            raise ConnectionError("The server has closed the connection.")
        return received


def request(text, model, verb="predict"):
    """The bytes of a request for a translation."""
    body = json.dumps({"inputs": [text]}).encode()
    head = f"POST /v1/models/{model}:{verb} HTTP/1.1\r\nHost: localhost\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def load(port, num_clients, seconds, expected):
    """Asks from many clients at once for a while; counts and times the answers.

    Args:
        expected: dict, the right answer to each request.
    """
    end = time.monotonic() + seconds
    requests = list(expected)
    times, counts = [], {"wrong": 0, "refused": 0, "failed": 0}
    lock = threading.Lock()

    def work(number):
        client = Client(port)
        place = number
        while time.monotonic() < end:
            request = requests[place % len(requests)]
            place += 1
            begin = time.monotonic()
            try:
                status, answer = client.translate(request)
            except OSError:
                status, answer, client = None, None, Client(port)
            took = time.monotonic() - begin
            with lock:
                if status == 200:
                    times.append(took)
                    counts["wrong"] += answer != expected[request]
                else:
                    counts["refused" if status == 503 else "failed"] += 1
            if status == 503:
                time.sleep(0.05)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(num_clients)]
    begin = time.monotonic()
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    took = time.monotonic() - begin
    return {
        **counts,
        "rate": len(times) / took,
        "median_s": median(times),
        "slowest_s": max(times, default=0.0),
    }


def median(values):
    return statistics.median(values) if values else float("nan")
