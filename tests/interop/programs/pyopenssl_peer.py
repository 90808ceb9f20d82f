"""pyOpenSSL, with the OpenSSL that its cryptography has; see ../README.md for what it is told."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import common
from OpenSSL import SSL


def context(method: int) -> Any:
    found = SSL.Context(method)
    version = SSL.TLS1_3_VERSION if common.VERSION == "1.3" else SSL.TLS1_2_VERSION
    found.set_min_proto_version(version)
    found.set_max_proto_version(version)
    found.set_session_id(b"interop")
    if common.CERT is not None and common.KEY is not None:
        found.use_certificate_chain_file(common.CERT)
        found.use_privatekey_file(common.KEY)
    if common.CA is not None:
        found.load_verify_locations(common.CA)
        found.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    return found


def reader(connection: SSL.Connection) -> Callable[[int], bytes]:
    def read(size: int) -> bytes:
        try:
            return connection.recv(size)
        except SSL.ZeroReturnError:
            return b""

    return read


def client() -> None:
    ours = context(SSL.TLS_CLIENT_METHOD)
    session = None
    for _ in range(common.TIMES):
        sock = common.dial()
        sock.settimeout(None)
        connection = SSL.Connection(ours, sock)
        connection.set_tlsext_host_name(b"localhost")
        connection.set_connect_state()
        if session is not None:
            connection.set_session(session)
        connection.do_handshake()
        connection.sendall(common.request())
        answer, is_over = common.receive(reader(connection))
        common.keep(answer)
        session = connection.get_session()
        connection.shutdown()
        sock.close()
        common.say("end", "close_notify" if is_over else "ours")


def server() -> None:
    ours = context(SSL.TLS_SERVER_METHOD)

    def one(sock: socket.socket) -> None:
        sock.settimeout(None)
        connection = SSL.Connection(ours, sock)
        connection.set_accept_state()
        connection.do_handshake()
        connection.sendall(common.receive_request(reader(connection)))
        connection.shutdown()

    common.serve(one)


common.main(client, server)
