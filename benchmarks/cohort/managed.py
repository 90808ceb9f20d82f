"""tlsmgm, with each library that is installed, in memory."""

from __future__ import annotations

from typing import Any

import tlsmgm
from benchmarks.cohort.memory import Accept, Connect, Entrant
from benchmarks.cohort.setting import Absent, Facts, Identity, Setting
from benchmarks.identity import SERVER_NAME
from tlsmgm._native.connection import Connection

__all__ = ["Managed", "facts_of", "make_client", "make_server"]

_LOCAL = ("192.0.2.1", 443)
_METHODS = {"TLSv1.2": "TLSv1_2", "TLSv1.3": "TLSv1_3"}


class _End:
    """A connection of tlsmgm."""

    __slots__ = ("_tls",)

    def __init__(self, tls: Connection) -> None:
        self._tls = tls

    def step(self, wire: bytes) -> tuple[bool, bytes]:
        """Go on with the handshake."""
        tls = self._tls
        tls.feed(wire)
        return tls.handshake(), tls.drain()

    def seal(self, data: bytes) -> bytes:
        """Send data."""
        return self._tls.encrypt(data)

    def open(self, wire: bytes) -> bytes:
        """Take data."""
        return self._tls.decrypt(wire) or b""

    def facts(self) -> Facts:
        """Say what was negotiated."""
        return facts_of(self._tls)

    def close(self) -> None:
        """Nothing to do: memory goes with the object."""

    def session(self) -> object | None:
        """The client's session."""
        return self._tls.session


class Managed(Entrant):
    """tlsmgm; the domain is chosen by name, as in a proxy.

    Args:
        library: ``openssl`` or ``wolfssl``.

    Raises:
        Absent: the library is not installed.
    """

    def __init__(self, library: str) -> None:
        info = tlsmgm.libraries().get(library)
        if info is None:
            raise Absent(f"tlsmgm, {library}: this backend is not built; run make")
        self._library = library
        self.name = f"tlsmgm, {library}"
        self.library = f"{library} {info.version}"

    def server(self, identity: Identity, setting: Setting) -> Accept:
        """A manager with a server domain."""
        manager = make_server(self._library, identity, setting)
        return lambda: _End(manager.server_connection(_LOCAL))

    def client(self, identity: Identity, setting: Setting) -> Connect:
        """A manager with a client domain."""
        manager = make_client(self._library, identity, setting)

        def connect(session: object | None) -> _End:
            offered: Any = session
            return _End(
                manager.client_connection("client", server_name=SERVER_NAME, session=offered)
            )

        return connect


def make_server(library: str, identity: Identity, setting: Setting) -> tlsmgm.TLSManager:
    """Return a manager whose server domain ``server`` is as pinned.

    Raises:
        Absent: no tickets are asked for; tlsmgm always gives one.
    """
    if not setting.tickets:
        raise Absent(
            f"tlsmgm, {library}: gives a ticket to every client, and cannot be told not to"
        )
    manager = tlsmgm.TLSManager(library)
    manager.add_domain(
        tlsmgm.Domain(
            "server",
            "server",
            match_sip_domain=SERVER_NAME,
            method=_METHODS[setting.version],
            cipher_list=setting.cipher,
            ec_curve=setting.groups,
            certificate=identity.certificate,
            private_key=identity.key,
            verify_cert=setting.mutual,
            require_cert=setting.mutual,
            ca_list=identity.ca if setting.mutual else None,
        )
    )
    return manager


def make_client(library: str, identity: Identity, setting: Setting) -> tlsmgm.TLSManager:
    """Return a manager whose client domain ``client`` is as pinned; it does not verify.

    Args:
        library: as ``TLSManager`` takes it.
        identity: has the client's certificate for mutual TLS.
        setting: what is pinned.
    """
    manager = tlsmgm.TLSManager(library)
    manager.add_domain(
        tlsmgm.Domain(
            "client",
            "client",
            method=_METHODS[setting.version],
            cipher_list=setting.cipher,
            ec_curve=setting.groups,
            certificate=identity.client_certificate if setting.mutual else None,
            private_key=identity.client_key if setting.mutual else None,
            verify_cert=False,
        )
    )
    return manager


def facts_of(tls: Connection) -> Facts:
    """Say what a connection of tlsmgm has negotiated."""
    has_peer = tls.peer_certificate is not None
    return Facts(tls.version, tls.cipher, tls.group, tls.session_reused, has_peer)
