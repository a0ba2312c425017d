"""Ports to listen on, which may be taken."""

import socket


def address(host, port):
    """As URLs and gRPC write it.

    >>> address("::1", 8500)
    "[::1]:8500"
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check_are_free(host, **ports):
    """Raises OSError, in words, where something listens already.

    What listens does not find out by itself: Ray and gRPC share a port with other
    processes of the same user.

    >>> check_are_free("127.0.0.1", HTTP=8501, gRPC=8500)
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for name, port in ports.items():
        with socket.socket(family) as probe:
            # As servers do: connections that have just ended keep nobody out.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise OSError(
                    f"{name} cannot listen on {address(host, port)}: {error.strerror}. "
                    "Choose another port, or end what listens there."
                ) from error
