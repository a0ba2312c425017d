"""A connection whose requests begin soon and with little before their bodies."""

import json
import re

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 2**16
HEAD_SECONDS = 10.0
# That what was answered last may take to be read, once the connection is to end.
READ_SECONDS = 60.0
# Requests that were sent ahead of their answers.
_MOST_AHEAD = 100
# Of HTTP/2, say, which Java's client offers: a server need not take it up, but then
# httptools would take the request's body for another protocol.
_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_FRAME = 16  # bytes, that a chunk of one may take beside it
# At the same time; each is a file of the process, which has 1,024 on most systems.
MOST_CONNECTIONS = 512


class _ClosingTransport:
    """A transport that ends soon after it was closed, also where nobody reads."""

    def __init__(self, transport, loop):
        self._transport, self._loop = transport, loop
        self.write, self.is_closing = transport.write, transport.is_closing

    def __getattr__(self, name):
        return getattr(self._transport, name)

    def close(self):
        if not self.is_closing():
            self._loop.call_later(READ_SECONDS, self._transport.abort)
        self._transport.close()


class BoundedConnection(HttpToolsProtocol):
    """Uvicorn's, which waits for ever for a head that never ends: this one does not.

    A head is all of a request until its body. It may have `HEAD_BYTES`, and be as late
    as `HEAD_SECONDS` after the connection was made, or its own first byte; as late is
    the rest of a body that was answered before it came. What is no HTTP is told so in
    the API's form; beyond `MOST_CONNECTIONS`, to come again. What is not read is thrown
    away `READ_SECONDS` after the connection was to end.
    """

    # Uvicorn calls these; there is no other place to hear of a head's begin and end.
    def connection_made(self, transport):
        super().connection_made(_ClosingTransport(transport, self.loop))
        self._why = "This is no HTTP/1.1, or damaged."
        self._is_head, self._head_bytes = True, 0
        self._is_leftover = False  # of a body, after the answer
        self._beside = 0  # bytes that are neither head nor body: frames, trailers
        self._timer = self._head_timer()
        if len(self.connections) > MOST_CONNECTIONS:
            self._refuse(
                "503 Service Unavailable\r\nretry-after: 1",
                f"{MOST_CONNECTIONS} connections are open already. Try again later.",
            )

    def connection_lost(self, exc):
        self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data):
        if self._is_head:
            if not self._head_bytes:
                self._timer.cancel()
                self._timer = self._head_timer()
            self._head_bytes += len(data)
            head, end, rest = data.partition(b"\r\n\r\n")
            data = _UPGRADE.sub(b"\r\nx-upgrade:", head) + end + rest
        else:
            self._beside += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if max(self._head_bytes, self._beside) > HEAD_BYTES:
            self._refuse(
                "431 Request Header Fields Too Large",
                f"What is before the body or behind it may have {HEAD_BYTES:,} bytes.",
            )
        elif not self._is_head and self._is_answered() and not self._is_leftover:
            self._is_leftover = True
            self._timer = self._head_timer()

    def on_header(self, name, value):
        if self._is_head:  # nobody reads trailers
            super().on_header(name, value)

    def on_headers_complete(self):
        if len(self.pipeline) == _MOST_AHEAD:
            self._why = f"{_MOST_AHEAD} requests wait for their answers. Read these."
            raise ValueError(self._why)  # the parser stops, and `send_400_response`
        self._timer.cancel()
        self._is_head, self._head_bytes = False, 0
        self._is_leftover, self._beside = False, 0
        super().on_headers_complete()

    def on_body(self, body):
        self._beside -= (1 + _FRAME) * len(body)
        super().on_body(body)

    def on_message_complete(self):
        self._is_head = True
        if self._is_answered():  # uvicorn waits no longer for the next request
            self._timer.cancel()
            self._timer = self._head_timer()
        super().on_message_complete()

    def send_400_response(self, msg):
        self._refuse("400 Bad Request", self._why)

    def _head_timer(self):
        return self.loop.call_later(HEAD_SECONDS, self._end)

    def _is_answered(self):
        return self.cycle is not None and self.cycle.response_complete

    def _end(self):
        if self.cycle is not None and not self._is_answered():
            self._timer = self._head_timer()  # an answer is being written
        elif self._head_bytes and not self.transport.is_closing():
            self._refuse(
                "408 Request Timeout",
                f"What is before the body did not arrive within {HEAD_SECONDS:g} "
                "seconds.",
            )
        else:
            self.transport.close()

    def _refuse(self, status, message):
        body = json.dumps({"error": message}).encode()
        head = (
            f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
