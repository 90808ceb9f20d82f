"""Two ends on TCP sockets, and threads that do something with one of them."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tests.support.managers import client_domain, manager_of, method_of, pki, server_domain
from tests.support.sockets import TIMEOUT
from tests.support.tls_sockets import wrap
from tlsmgm import TLSManager, TLSSocket

_T = TypeVar("_T")

NAME = "dom1.test"

_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def manager_for(library: str, version: str) -> TLSManager:
    """Return a manager with ``dom1``, ``dom2`` and ``client``, which speak one version."""
    method = method_of(version)
    domains = [server_domain(name, method=method) for name in ("dom1", "dom2")]
    return manager_of(library, *domains, client_domain(method=method))


def sockets() -> tuple[socket.socket, socket.socket]:
    """Return two sockets that are connected by TCP: the client's, and the server's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), TIMEOUT)
        server, _ = listener.accept()
    server.settimeout(TIMEOUT)
    return client, server


class Running(Generic[_T]):
    """A call in a thread of its own.

    Args:
        call: the call.
    """

    def __init__(self, call: Callable[[], _T]) -> None:
        self._call = call
        self._result: list[_T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result.append(self._call())
        except BaseException as error:
            self._error = error

    def error(self) -> BaseException | None:
        """Wait for its end, and return what it has raised."""
        self._thread.join(TIMEOUT)
        assert not self._thread.is_alive(), "it hangs"
        return self._error

    def result(self) -> _T:
        """Wait for its end, and return or raise what it has."""
        error = self.error()
        if error is not None:
            raise error
        return self._result[0]


@dataclass
class Pair:
    """Both ends of a connection, whose handshake is done."""

    client: TLSSocket
    server: TLSSocket

    def close(self) -> None:
        """Close both."""
        self.client.close()
        self.server.close()

    def both_ways(self) -> tuple[tuple[TLSSocket, TLSSocket], ...]:
        """Who sends, and who receives."""
        return ((self.client, self.server), (self.server, self.client))


def wrap_both(servers: TLSManager, clients: TLSManager) -> Pair:
    """Do a handshake, each side in a thread of its own; nothing is on its way behind it."""
    called, accepted = sockets()
    server = Running(lambda: servers.wrap_socket(accepted, server_side=True))
    client = clients.wrap_socket(called, domain="client", server_name=NAME)
    made = Pair(client, server.result())
    made.server.sendall(b"!")  # with it come the tickets of TLS 1.3
    assert client.recv(1) == b"!"
    return made


def other_context(version: str, server: str | None = None) -> ssl.SSLContext:
    """Return a context of Python's ``ssl`` for one version; a server's with a certificate's name.

    Its client does not compare names.
    """
    side = ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT
    context = ssl.SSLContext(side)
    context.minimum_version = context.maximum_version = _VERSIONS[version]
    if server:
        context.load_cert_chain(pki(f"{server}.pem"), pki(f"{server}.key"))
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@contextlib.contextmanager
def facing_client(manager: TLSManager, version: str) -> Iterator[tuple[TLSSocket, ssl.SSLSocket]]:
    """Our server, and a client of Python's ``ssl``."""
    called, accepted = sockets()
    server = Running(lambda: manager.wrap_socket(accepted, server_side=True))
    peer = wrap(other_context(version), called, server_hostname=NAME)
    with contextlib.closing(server.result()) as ours, peer:
        yield ours, peer


@contextlib.contextmanager
def facing_server(manager: TLSManager, version: str) -> Iterator[tuple[TLSSocket, ssl.SSLSocket]]:
    """Our client, and a server of Python's ``ssl``."""
    called, accepted = sockets()
    context = other_context(version, "dom1")
    server = Running(lambda: wrap(context, accepted, server_side=True))
    ours = manager.wrap_socket(called, domain="client", server_name=NAME)
    with contextlib.closing(ours), server.result() as peer:
        yield ours, peer


def read_all(source: Any, size: int) -> bytes:
    """Receive so many bytes."""
    data = bytearray()
    while len(data) < size:
        piece = source.recv(min(size - len(data), 65536))
        assert piece, f"it ended after {len(data)} bytes"
        data += piece
    return bytes(data)


def read_to_end(source: Any) -> None:
    """Receive until there is nothing more, or an error."""
    while source.recv(65536):
        pass


def send_for_ever(sink: Any, data: bytes) -> None:
    """Send until there is an error."""
    while True:
        sink.sendall(data)
