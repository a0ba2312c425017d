"""How much a server takes on."""

from typing import NamedTuple


class Bounds(NamedTuple):
    """How much a request may be, and take.

    Attributes:
        body_bytes: of a request.
        rows: of a request.
        seconds: until its answer.
        streams: that are written at the same time.
    """

    body_bytes: int = 64 * 2**20
    rows: int = 1024
    seconds: float = 60.0
    streams: int = 8
