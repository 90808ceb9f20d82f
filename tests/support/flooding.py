"""A server of TLS 1.3 that says what none of our libraries would: many records without data."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.support.hostile import APPLICATION_DATA
from tests.support.managers import pki
from tests.support.sockets import TIMEOUT
from tests.support.tls13_records import SECRETS, RecordKeys, secret_of

__all__ = ["FloodingServer"]

HANDSHAKE: Final = 22
_ALERT: Final = 21
_CLOSE_NOTIFY: Final = b"\x01\x00"  # RFC 8446 section 6.1
KEY_UPDATE: Final = b"\x18\x00\x00\x01\x00"  # RFC 8446 section 4.6.3: update_not_requested
KEY_UPDATE_REQUESTED: Final = b"\x18\x00\x00\x01\x01"


class FloodingServer:
    """Python's ``ssl`` does the handshake, and the test writes the records behind it.

    Args:
        folder: for the key log.
    """

    def __init__(self, folder: Path) -> None:
        self._keylog = folder / "keys"
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._context.load_cert_chain(pki("dom1.pem"), pki("dom1.key"))
        self._context.num_tickets = 0
        self._context.keylog_filename = str(self._keylog)

    def serve(self, sock: socket.socket, key_updates: int, data: bytes, plain: bytes = b"") -> None:
        """Serve one client: KeyUpdates, then data; and wait until it has gone.

        Args:
            sock: of the client.
            key_updates: how many, in a row.
            data: behind them; may be none.
            plain: said in the clear, before TLS begins.
        """
        sock.settimeout(TIMEOUT)
        with sock, contextlib.suppress(ConnectionError):
            sock.sendall(plain)
            self._shake_hands(lambda: sock.recv(65536), sock.sendall)
            secret = secret_of(self._keylog, SECRETS["server"])
            keys = RecordKeys(secret)
            for _ in range(key_updates):
                sock.sendall(keys.seal(HANDSHAKE, KEY_UPDATE))
                secret = keys.update(secret)
            if data:
                sock.sendall(keys.seal(APPLICATION_DATA, data))
            while sock.recv(65536):
                pass

    def ask_and_say(self, sock: socket.socket, data: bytes) -> None:
        """Serve one client that has said goodbye: ask for new keys, and send data and the end.

        Args:
            sock: of the client.
            data: a half of it before, and the rest behind the new keys.
        """
        sock.settimeout(TIMEOUT)
        with sock:
            self._shake_hands(lambda: sock.recv(65536), sock.sendall)
            secret = secret_of(self._keylog, SECRETS["server"])
            keys = RecordKeys(secret)
            while sock.recv(65536):
                pass
            half = len(data) // 2
            sock.sendall(keys.seal(APPLICATION_DATA, data[:half]))
            sock.sendall(keys.seal(HANDSHAKE, KEY_UPDATE_REQUESTED))
            secret = keys.update(secret)
            sock.sendall(keys.seal(APPLICATION_DATA, data[half:]))
            sock.sendall(keys.seal(_ALERT, _CLOSE_NOTIFY))

    def ask(self, sock: socket.socket, times: int) -> None:
        """Serve one client: ask for new keys, with a byte of data each time, and read nothing.

        Args:
            sock: of the client; stays open.
            times: how often.
        """
        sock.settimeout(TIMEOUT)
        with contextlib.suppress(ConnectionError):
            self._shake_hands(lambda: sock.recv(65536), sock.sendall)
            secret = secret_of(self._keylog, SECRETS["server"])
            keys = RecordKeys(secret)
            for _ in range(times):
                request = keys.seal(HANDSHAKE, KEY_UPDATE_REQUESTED)
                secret = keys.update(secret)
                sock.sendall(request + keys.seal(APPLICATION_DATA, b"."))

    def _shake_hands(self, receive: Callable[[], bytes], send: Callable[[bytes], object]) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self._context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                return tls.do_handshake()
            except ssl.SSLWantReadError:
                send(outgoing.read())
                incoming.write(receive())
