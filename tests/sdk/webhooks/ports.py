"""Ports for servers that are started by a number, and started again at the same one."""

import contextlib
import random
import socket


def free_port():
    """Below the ports of outgoing connections: one of those could be taken while the server is down."""
    while True:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
