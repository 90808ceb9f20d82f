"""tlslite-ng; see ../README.md for what it is told."""

from __future__ import annotations

import functools
import socket
from typing import Any

import common
from tlslite.api import (
    HandshakeSettings,
    SessionCache,
    TLSConnection,
    X509CertChain,
    parsePEMKey,
)
from tlslite.errors import TLSAbruptCloseError


def settings() -> Any:
    found = HandshakeSettings()
    found.minVersion = found.maxVersion = (3, 4) if common.VERSION == "1.3" else (3, 3)
    # It compresses its certificate unasked: findings/tlslite-compressed-certificate.sh
    found.certificate_compression_send = []
    return found


def identity() -> tuple[Any, Any]:
    if common.CERT is None or common.KEY is None:
        return None, None
    chain = X509CertChain()
    with open(common.CERT) as file:
        chain.parsePemList(file.read())
    with open(common.KEY) as file:
        return chain, parsePEMKey(file.read(), private=True)


def read(connection: Any, size: int) -> bytes:
    return bytes(connection.read(max=size))


def client() -> None:
    chain, key = identity()
    session = None
    for _ in range(common.TIMES):
        connection = TLSConnection(common.dial())
        connection.closeSocket = True
        connection.ignoreAbruptClose = False
        connection.handshakeClientCert(
            chain, key, session=session, settings=settings(), serverName="localhost"
        )
        connection.sendall(common.request())
        try:
            answer, is_over = common.receive(functools.partial(read, connection))
        except TLSAbruptCloseError:
            common.say("end", "FIN without close_notify")
            return
        common.keep(answer)
        session = connection.session
        connection.close()
        common.say("end", "close_notify" if is_over else "ours")


def server() -> None:
    chain, key = identity()
    cache = SessionCache()
    ours = settings()
    ours.ticketKeys = [bytes(32)]

    def one(sock: socket.socket) -> None:
        connection = TLSConnection(sock)
        connection.handshakeServer(
            certChain=chain, privateKey=key, sessionCache=cache, settings=ours
        )
        connection.sendall(common.receive_request(functools.partial(read, connection)))
        connection.close()

    common.serve(one)


common.main(client, server)
