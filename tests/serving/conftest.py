import socket

import pytest


@pytest.fixture
def unused_port():
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        return own.getsockname()[1]
