"""How much a server takes on."""

from typing import NamedTuple


class Bounds(NamedTuple):
    """How much a request may be, and take.

    Attributes:
        body_bytes: of a request.
        bodies: as large as that, or more that are smaller, whose requests are answered
            at the same time: by HTTP, and as many by gRPC.
        rows: of a request.
        seconds: until its answer.
        streams: that are written at the same time.
    """

    body_bytes: int = 64 * 2**20
    bodies: int = 4
    rows: int = 1024
    seconds: float = 60.0
    streams: int = 8
