import socket

import pytest

from tests.serving import small_models
from zoo.serving.batching import Limits
from zoo.serving.models import Models


@pytest.fixture(scope="module")
def shouting(tmp_path_factory):
    """Models, of which one, called shout, is loaded."""
    folder = tmp_path_factory.mktemp("saved_models")
    small_models.write(folder / "shout" / "1")
    models = Models(folder, Limits())
    models.refresh()
    yield models
    models.stop()


@pytest.fixture
def unused_ports():
    """Two ports of this machine that nobody listens on."""
    with socket.socket() as one, socket.socket() as other:
        for own in (one, other):
            own.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]
