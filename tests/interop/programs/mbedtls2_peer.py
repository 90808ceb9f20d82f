"""python-mbedtls; see ../README.md for what it is told.

Its own socket loses data and ends without close_notify, so only its engine is used here.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import common
from mbedtls import pk, tls, x509
from mbedtls.exceptions import TLSError

CLOSE_NOTIFY = "0x7880"  # how its error begins


def configuration() -> Any:
    version = tls.TLSVersion.TLSv1_3 if common.VERSION == "1.3" else tls.TLSVersion.TLSv1_2
    chain: tuple[tuple[Any, ...], Any] = ((), None)
    if common.CERT is not None and common.KEY is not None:
        with open(common.KEY) as file:
            key = pk.ECC.from_PEM(file.read())
        chain = ((x509.CRT.from_file(common.CERT),), key)
    return tls.TLSConfiguration(
        lowest_supported_version=version,
        highest_supported_version=version,
        trust_store=None if common.CA is None else tls.TrustStore.from_pem_file(common.CA),
        validate_certificates=common.CA is not None,
        certificate_chain=chain,
    )


class Channel:
    """The engine over a socket.

    Args:
        sock: connected.
        buffer: the engine.
        step: bytes of a read. One that meets close_notify loses what it has read before, so up to
            the end they go one by one. But while nothing more comes, a short one says that nothing
            is there, whatever is left of the last record.
    """

    def __init__(self, sock: socket.socket, buffer: Any, step: int = 16384) -> None:
        self.sock = sock
        self.buffer = buffer
        self.step = step
        self.end = "FIN without close_notify"

    def flush(self) -> None:
        while data := self.buffer.peek_outgoing(65536):
            self.sock.sendall(data)
            self.buffer.consume_outgoing(len(data))

    def pull(self) -> bool:
        data = self.sock.recv(4096)
        if data:
            self.buffer.receive_from_network(data)
        return bool(data)

    def handshake(self) -> None:
        while self.buffer._handshake_state is not tls.HandshakeStep.HANDSHAKE_OVER:
            try:
                self.buffer.do_handshake()
            except tls.WantReadError:
                self.flush()
                if not self.pull():
                    raise ConnectionError("FIN in the handshake") from None
            except tls.WantWriteError:
                pass
            finally:
                self.flush()

    def send(self, data: bytes) -> None:
        for start in range(0, len(data), 8192):
            # What it returns counts the record around it, too.
            with contextlib.suppress(tls.WantWriteError):
                self.buffer.write(data[start : start + 8192])
            self.flush()

    def read(self, size: int) -> bytes:
        while True:
            # Nothing means "not yet", too; the end is only what the socket says.
            try:
                data: bytes = self.buffer.read(min(size, self.step))
                if data:
                    return data
            except tls.WantReadError:
                pass
            except TLSError as error:
                if CLOSE_NOTIFY not in str(error):
                    raise
                self.end = "close_notify"
                return b""
            self.flush()
            if not self.pull():
                return b""

    def close(self) -> None:
        self.buffer.shutdown()
        self.flush()
        self.sock.close()


def client() -> None:
    ours = tls.ClientContext(configuration())
    for _ in range(common.TIMES):
        step = 16384 if common.until_trailer() else 1
        channel = Channel(common.dial(), ours.wrap_buffers("localhost"), step)
        try:
            channel.handshake()
            channel.send(common.request())
            answer, is_over = common.receive(channel.read)
            common.keep(answer)
        finally:
            channel.close()
        common.say("end", channel.end if is_over else "ours")


def server() -> None:
    ours = tls.ServerContext(configuration())

    def one(sock: socket.socket) -> None:
        channel = Channel(sock, ours.wrap_buffers())
        try:
            channel.handshake()
            channel.send(common.receive_request(channel.read))
        finally:
            channel.close()

    common.serve(one)


common.main(client, server)
