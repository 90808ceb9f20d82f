"""Ports for servers that must be told one, and whether they have taken it."""

from __future__ import annotations

import contextlib
import random
import socket

from tests.support.sockets import TIMEOUT


def free_ports(count: int) -> list[int]:
    """Return so many ports of this machine that are free now.

    They are below those that the system gives to others, so they are likely to be free a little
    longer.
    """
    found: list[int] = []
    for port in random.sample(range(20000, 32000), 200):
        with contextlib.closing(socket.socket()) as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no port is free")


def is_listening(port: int) -> bool:
    """Say whether a port takes connections."""
    with socket.socket() as probe:
        probe.settimeout(TIMEOUT)
        return probe.connect_ex(("127.0.0.1", port)) == 0
