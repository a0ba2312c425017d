"""The bodies of requests, which are bounded: each, and all together."""

import asyncio
import contextlib
import zlib

from starlette.concurrency import run_in_threadpool

from zoo.serving.batching import OverloadedError
from zoo.serving.json_tensors import shown

_SMALL = 2**16  # bytes
# As large as may be, or more that are smaller, whose requests are answered at the same
# time. Two at least: a body that is being unpacked is there twice.
_LARGE_ONES = 4
_PIECE = 2**22  # bytes, that are unpacked at a time


class RefusedError(Exception):
    """A request that gets no answer, and the status that says why."""

    def __init__(self, status, message, headers=None):
        super().__init__(message)
        self.status = status
        self.headers = headers


class Room:
    """For so many bytes of all requests that are answered at the same time.

    Small ones need none of it: there are only so many connections, and who asks little
    is answered also while others send as much as they may. HTTP and gRPC have one each.

    Args:
        body_bytes: int. That one request may have.
    """

    def __init__(self, body_bytes):
        self._num_bytes = self._free = _LARGE_ONES * body_bytes

    @contextlib.contextmanager
    def place(self):
        """For one request: a function that is told of how many bytes it has by now.

        Raises:
            OverloadedError: by that function, for more than is free.
        """
        held = 0

        def holds(num_bytes):
            nonlocal held
            more = num_bytes * (num_bytes > _SMALL) - held
            if more > self._free:
                raise OverloadedError(
                    f"Requests of {self._num_bytes:,} bytes are answered at the same "
                    "time, and this one would be more. Try again later."
                )
            held += more
            self._free -= more

        try:
            yield holds
        finally:
            holds(0)


async def read_body(request, bounds, holds):
    """The bytes of a request, which is refused as soon as it is too large, or late.

    Args:
        request: Starlette's.
        bounds: `zoo.serving.bounds.Bounds`.
        holds: function of how many bytes there are by now, see `Room`.
    """
    coding = request.headers.get("content-encoding", "identity").lower()
    if coding not in ("identity", "gzip"):
        raise RefusedError(
            415,
            f"A body in {shown(coding)} is not read. Send it as it is, or in gzip.",
        )
    most_bytes = bounds.body_bytes
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > most_bytes:
        raise _too_large(most_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(bounds.seconds):
            async for chunk in request.stream():
                if len(body) + len(chunk) > most_bytes:
                    raise _too_large(most_bytes)
                holds(len(body) + len(chunk))
                body += chunk
    except TimeoutError:
        raise RefusedError(
            408,
            f"The body did not arrive within {bounds.seconds:g} seconds. Send it "
            "faster, or less.",
            {"Connection": "close"},
        ) from None
    if coding == "identity":
        return body
    unpacked = await _unpacked(body, most_bytes, holds)
    holds(len(unpacked))
    return unpacked


def _too_large(most_bytes):
    return RefusedError(413, f"A request may have {most_bytes:,} bytes.")


async def _unpacked(body, most_bytes, holds):
    """What gzip holds."""
    reader = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    unpacked, packed = bytearray(), body
    while not reader.eof:
        try:
            piece = await run_in_threadpool(reader.decompress, packed, _PIECE)
        except zlib.error as error:
            raise ValueError(f"The body is no gzip: {error}.") from error
        if not piece and not reader.eof:
            raise ValueError("The body is gzip that ends too soon.")
        if len(unpacked) + len(piece) > most_bytes:
            raise _too_large(most_bytes)
        holds(len(body) + len(unpacked) + len(piece))
        unpacked += piece
        packed = reader.unconsumed_tail
    if reader.unused_data:
        raise ValueError("The body is gzip and more behind it. Send one gzip member.")
    return unpacked
