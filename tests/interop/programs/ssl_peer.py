"""Packages with the interface of Python's ssl: rtls (rustls), utls (BoringSSL).

usage: ssl_peer.py MODULE client|server; see ../README.md for what it is told.
"""

from __future__ import annotations

import contextlib
import importlib
import socket
import sys
from typing import Any

import common

ssl: Any = importlib.import_module(sys.argv.pop(1))


def context(protocol: Any) -> Any:
    found = ssl.SSLContext(protocol)
    version = ssl.TLSVersion.TLSv1_3 if common.VERSION == "1.3" else ssl.TLSVersion.TLSv1_2
    found.minimum_version = version
    found.maximum_version = version
    if common.CERT is not None:
        found.load_cert_chain(common.CERT, common.KEY)
    if common.CA is not None:
        found.load_verify_locations(common.CA)
        found.verify_mode = ssl.CERT_REQUIRED
    return found


def session_of(sock: Any) -> Any:
    """Return its session, where the package has that."""
    try:
        return sock.session
    except (AttributeError, NotImplementedError):
        return None


def client() -> None:
    ours = context(ssl.PROTOCOL_TLS_CLIENT)
    session = None
    for _ in range(common.TIMES):
        more: dict[str, Any] = {} if session is None else {"session": session}
        sock = ours.wrap_socket(common.dial(), server_hostname="localhost", **more)
        sock.sendall(common.request())
        answer, is_over = common.receive(sock.recv)
        common.keep(answer)
        session = session_of(sock)
        sock.close() if is_over else close(sock)
        common.say("end", "end" if is_over else "ours")


def close(sock: Any) -> None:
    """Send close_notify, and then close."""
    with contextlib.suppress(Exception):
        sock.unwrap()
    sock.close()


def server() -> None:
    ours = context(ssl.PROTOCOL_TLS_SERVER)

    def one(plain: socket.socket) -> None:
        sock = ours.wrap_socket(plain, server_side=True)
        try:
            sock.sendall(common.receive_request(sock.recv))
        finally:
            close(sock)

    common.serve(one)


common.main(client, server)
