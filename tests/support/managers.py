"""Managers with domains of the recorded PKI, and bytes carried between two ends in memory.

An *end* is whatever has ``feed``, ``drain`` and ``handshake`` as our connections have them.
"""

from __future__ import annotations

from typing import Any, Protocol

from tests.support.cases import cases_path
from tlsmgm import Connection, Domain, Session, TLSManager

VERSIONS = ("TLSv1.2", "TLSv1.3")
LOCAL = ("127.0.0.1", 5061)
NAMES = ("dom1", "dom2")


def pki(name: str) -> str:
    """Return the path of a file of the recorded PKI."""
    return str(cases_path() / "pki" / name)


def pem(name: str) -> bytes:
    """Return the content of a file of the recorded PKI."""
    return (cases_path() / "pki" / name).read_bytes()


def method_of(version: str) -> str:
    """Return the ``tls_method`` that allows this version alone."""
    return version.replace(".", "_")


def server_domain(name: str = "dom1", **values: Any) -> Domain:
    """Return a server domain for the name ``NAME.test`` that asks for no certificate."""
    settings: dict[str, Any] = {
        "match_sip_domain": f"{name}.test",
        "certificate": pki(f"{name}.pem"),
        "private_key": pki(f"{name}.key"),
        "verify_cert": False,
    } | values
    return Domain(name=name, kind="server", **settings)


def mutual_domain(name: str = "dom1", **values: Any) -> Domain:
    """Return a server domain that demands a certificate of the recorded root."""
    settings: dict[str, Any] = {
        "verify_cert": True,
        "require_cert": True,
        "ca_list": pki("root.pem"),
    } | values
    return server_domain(name, **settings)


def client_domain(name: str = "client", **values: Any) -> Domain:
    """Return a client domain that trusts the recorded root."""
    return Domain(name=name, kind="client", **({"ca_list": pki("root.pem")} | values))


def manager_of(library: str, *domains: Domain) -> TLSManager:
    """Return a manager of these domains; by default of ``dom1``, ``dom2`` and ``client``."""
    manager = TLSManager(library)
    manager.add_domains(domains or [*map(server_domain, NAMES), client_domain()])
    return manager


class End(Protocol):
    """One end of a connection, without I/O."""

    def feed(self, data: bytes) -> None:
        """Take bytes of the other end."""

    def drain(self) -> bytes:
        """Give bytes to the other end."""

    def handshake(self) -> bool:
        """Go on; True once complete."""


def carry(source: End, target: End) -> int:
    """Carry what waits from one end to the other; return how many bytes."""
    data = source.drain()
    target.feed(data)
    return len(data)


def shake_hands(client: End, server: End) -> None:
    """Do a handshake to its end on both sides, and carry what waits then."""
    done = [False, False]
    for _ in range(20):
        for index, (here, there) in enumerate(((client, server), (server, client))):
            try:
                done[index] = here.handshake()
            finally:
                carry(here, there)
        if all(done):
            return
    raise AssertionError(f"the handshake is stuck: {client!r} {server!r}")


def connect(
    server_manager: TLSManager,
    client_manager: TLSManager,
    *,
    server_name: str | None = "dom1.test",
    domain: str = "client",
    session: Session | None = None,
) -> tuple[Connection, Connection]:
    """Return both ends of a new connection, client first, after the handshake."""
    client = client_manager.client_connection(domain, server_name=server_name, session=session)
    server = server_manager.server_connection(LOCAL)
    shake_hands(client, server)
    return client, server


def assert_echo(client: Any, server: Any, data: bytes = b"ping" * 50) -> None:
    """Send data from the client to the server and back."""
    for here, there in ((client, server), (server, client)):
        assert here.write(data) == len(data)
        carry(here, there)
        assert read_all(there) == data


def read_all(end: Any) -> bytes:
    """Read what can be read now."""
    pieces = []
    while piece := end.read(65536):
        pieces.append(piece)
    return b"".join(pieces)


def session_of(client: Connection) -> Session:
    """Return the client's session, which in TLS 1.3 came after the handshake."""
    assert client.read() is None
    session = client.session
    assert session is not None
    return session
