"""``wolfssl`` from PyPI, over a socket pair, because it has no connection without a socket.

So each flight costs it two system calls more than those in memory, which a program over TCP would
do anyway; making a connection costs a pair of sockets. Its names cannot pin groups (the client
does), and tell neither cipher suite nor group nor resumption (the client does, too).

It must be built against the wolfSSL that tlsmgm is built with: see install_wolfssl_py.sh.
"""

from __future__ import annotations

import importlib
import socket
from typing import Any

from benchmarks.cohort.memory import READ_SIZE, Accept, Connect, Entrant
from benchmarks.cohort.setting import Absent, Facts, Identity, Setting
from benchmarks.identity import SERVER_NAME

wolfssl: Any
try:
    wolfssl = importlib.import_module("wolfssl")
    importlib.import_module("wolfssl._ffi")  # the package loads without it, and fails later
except ImportError:
    wolfssl = None

__all__ = ["WolfSSLPy"]

#: wolfSSL takes the names of OpenSSL, but for suites of TLS 1.3.
_SUITES = {"TLS_AES_128_GCM_SHA256": "TLS13-AES128-GCM-SHA256"}


class _End:
    """An ``SSLSocket`` at one end of a socket pair; we are the network at the other."""

    __slots__ = ("_network", "_tls")

    def __init__(self, context: Any, is_server: bool = True) -> None:
        ours, self._network = socket.socketpair()
        self._network.setblocking(False)
        ours.setblocking(False)
        # Wrapping takes the socket over; a context's own sni is sent by clients.
        self._tls = context.wrap_socket(ours, server_side=is_server, do_handshake_on_connect=False)

    def step(self, wire: bytes) -> tuple[bool, bytes]:
        """Go on with the handshake."""
        if wire:
            self._network.sendall(wire)
        try:
            self._tls.do_handshake()
        except wolfssl.SSLWantReadError:
            return False, self._drain()
        return True, self._drain()

    def _drain(self) -> bytes:
        pieces = []
        try:
            while True:
                piece = self._network.recv(READ_SIZE)
                pieces.append(piece)
                if len(piece) < READ_SIZE:
                    break
        except BlockingIOError:
            pass
        return b"".join(pieces)

    def seal(self, data: bytes) -> bytes:
        """Send data; when the socket is full, empty it and go on."""
        tls = self._tls
        pieces = []
        rest: bytes | memoryview = data
        while rest:
            try:
                rest = rest[tls.write(rest) :]
            except wolfssl.SSLWantWriteError:
                pieces.append(self._drain())
        pieces.append(self._drain())
        return b"".join(pieces)

    def open(self, wire: bytes) -> bytes:
        """Take data; when the socket is full, read and go on."""
        pieces: list[bytes] = []
        rest: bytes | memoryview = wire
        while rest:
            try:
                rest = memoryview(rest)[self._network.send(rest) :]
            except BlockingIOError:
                self._read(pieces)
        self._read(pieces)
        return b"".join(pieces)

    def _read(self, pieces: list[bytes]) -> None:
        try:
            while True:
                pieces.append(self._tls.read(READ_SIZE))
        except wolfssl.SSLWantReadError:
            pass

    def facts(self) -> Facts:
        """Say the little that it can say."""
        version = self._tls.version()
        return Facts(version, None, None, None, self._tls.getpeercert(binary_form=True) is not None)

    def close(self) -> None:
        """Close both sockets."""
        self._tls.close()
        self._network.close()

    def session(self) -> object | None:
        """It hands out no sessions."""
        return None


class WolfSSLPy(Entrant):
    """The package ``wolfssl`` of PyPI.

    Raises:
        Absent: it is not installed.
    """

    def __init__(self) -> None:
        if wolfssl is None:
            raise Absent("wolfssl (PyPI): run benchmarks/cohort/install_wolfssl_py.sh")
        self.name = "wolfssl (PyPI)"
        self.library = f"wolfssl {wolfssl.__version__}"

    def server(self, identity: Identity, setting: Setting) -> Accept:
        """A context."""
        if not setting.tickets:
            raise Absent("wolfssl (PyPI): it cannot turn off tickets")
        context = _context(setting, is_server=True)
        context.load_cert_chain(identity.certificate, identity.key)
        if setting.mutual:
            context.load_verify_locations(identity.ca)
            context.verify_mode = wolfssl.CERT_REQUIRED
        return lambda: _End(context)

    def client(self, identity: Identity, setting: Setting) -> Connect:
        """A context that does not verify; it cannot resume, whatever session is given."""
        context = _context(setting, is_server=False)
        context.use_sni(SERVER_NAME)
        if setting.mutual:
            context.load_cert_chain(identity.client_certificate, identity.client_key)
        return lambda _: _End(context, is_server=False)


def _context(setting: Setting, is_server: bool) -> Any:
    protocol = wolfssl.PROTOCOL_TLSv1_3 if setting.is_tls13 else wolfssl.PROTOCOL_TLSv1_2
    context = wolfssl.SSLContext(protocol, server_side=is_server)
    context.set_ciphers(_SUITES.get(setting.cipher, setting.cipher))
    return context
