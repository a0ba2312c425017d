import socket

import pytest

from zoo import cli
from zoo.serving.ports import address, check_are_free


@pytest.fixture
def taken():
    """A port that somebody listens on, who would share it."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_addresses():
    assert address("::1", 8500) == "[::1]:8500"
    assert address("0.0.0.0", 8500) == "0.0.0.0:8500"


def test_a_port_that_is_taken_is_named(taken, unused_ports):
    with pytest.raises(OSError, match=f"gRPC cannot listen on 127.0.0.1:{taken}"):
        check_are_free("127.0.0.1", HTTP=unused_ports[0], gRPC=taken)
    assert check_are_free("127.0.0.1", HTTP=unused_ports[0]) is None


def test_the_server_says_in_one_line_what_is_taken(
    taken, unused_ports, tmp_path, capsys
):
    arguments = ["serve", str(tmp_path), "--port", str(unused_ports[0])]
    assert cli.main([*arguments, "--grpc-port", str(taken)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"zoo: gRPC cannot listen on 127.0.0.1:{taken}: ")
    assert line.endswith("Choose another port, or end what listens there.")
