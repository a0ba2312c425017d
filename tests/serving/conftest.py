import socket

import pytest


@pytest.fixture
def unused_ports():
    """Two ports of this machine that nobody listens on."""
    with socket.socket() as one, socket.socket() as other:
        for own in (one, other):
            own.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]
