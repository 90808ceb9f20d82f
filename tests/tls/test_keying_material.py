"""Secrets that both ends export, and channel bindings made of them."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.support.pairs import ConnectionPair, Managers, core_server, managers, session_of
from tests.support.peers import PyOpenSSLPeer, pyopenssl_context
from tlsmgm import Connection, UnsupportedError

LABEL = b"EXPERIMENTAL tlsmgm tests"


def len_of(context: bytes | None) -> str:
    return "none" if context is None else str(len(context))


@pytest.fixture
def both(library: str, client_library: str, version: str) -> Managers:
    return managers(library, client_library, version)


def exported(pair: ConnectionPair, *arguments: Any) -> bytes:
    ours, theirs = (end.export_keying_material(*arguments) for end in (pair.client, pair.server))
    assert ours == theirs
    assert len(ours) == arguments[1]
    return bytes(ours)


@pytest.mark.parametrize("context", [None, b"", b"some context", bytes(32)], ids=len_of)
def test_both_ends_export_the_same(both: Managers, context: bytes | None) -> None:
    pair = both.connect()
    for size in (1, 32, 1000):
        exported(pair, LABEL, size, context)
    pair.echo()


def test_a_long_context_is_taken_or_refused(both: Managers, version: str) -> None:
    """wolfSSL has no room for it in TLS 1.2, and must not cut it."""
    pair = both.connect()
    found = []
    for end in (pair.client, pair.server):
        try:
            found.append(end.export_keying_material(LABEL, 32, bytes(300)))
        except UnsupportedError:
            assert (end.backend, version) == ("wolfssl", "TLSv1.2")
    assert len(set(found)) <= 1


def test_after_resumption_too(both: Managers) -> None:
    first = both.connect()
    second = both.connect(session=session_of(first))
    assert second.client.session_reused
    assert exported(first, LABEL, 32) != exported(second, LABEL, 32)


def test_everything_makes_a_difference(both: Managers, version: str) -> None:
    pair = both.connect()
    found = [
        exported(pair, LABEL, 32, None),
        exported(pair, LABEL, 32, b""),
        exported(pair, LABEL, 32, b"a"),
        exported(pair, LABEL, 32, b"b"),
        exported(pair, LABEL + b"2", 32, b"a"),
        exported(both.connect(), LABEL, 32, b"a"),
    ]
    # TLS 1.3 does not tell an empty context from none.
    assert len(set(found)) == (5 if version == "TLSv1.3" else 6)


def test_pyopenssl_exports_the_same(library: str, version: str) -> None:
    peer = PyOpenSSLPeer(pyopenssl_context(version), server_name="dom1.test")
    server = core_server(managers(library, library, version).server)
    for _ in range(5):
        peer.handshake()
        server.feed(peer.drain())
        server.handshake()
        peer.feed(server.drain())
    expected = peer.tls.export_keying_material(LABEL, 40, b"context")
    assert server.export_keying_material(LABEL, 40, b"context") == expected


def test_before_the_handshake_there_is_none(both: Managers) -> None:
    client = both.pair().client
    with pytest.raises(ValueError, match="after the handshake"):
        client.export_keying_material(LABEL, 32)
    with pytest.raises(ValueError, match="after the handshake"):
        client.channel_binding()


@pytest.mark.parametrize(("label", "size"), [(LABEL, 0), (LABEL, 1025), (b"a\0b", 32)])
def test_bounds(both: Managers, label: bytes, size: int) -> None:
    with pytest.raises(ValueError, match="1 to 1024"):
        both.connect().client.export_keying_material(label, size)


@pytest.mark.parametrize("label", [b"master secret", b"client finished"])
def test_labels_of_the_handshake_are_refused(library: str, label: bytes) -> None:
    pair = managers(library, library, "TLSv1.2").connect()
    with pytest.raises(UnsupportedError):
        pair.client.export_keying_material(label, 32)
    pair.echo()


# Channel bindings.


def tells(connection: Connection, version: str) -> bool:
    """Whether the library says that the master secret is bound to the handshake."""
    return version == "TLSv1.3" or connection.backend == "openssl"


def test_exporter_binding(both: Managers, version: str) -> None:
    pair = both.connect()
    found = []
    for end in (pair.client, pair.server):
        assert end.binds_channel == tells(end, version)
        if tells(end, version):
            found.append(end.channel_binding())
            direct = end.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
            assert found[-1] == direct
        else:
            with pytest.raises(UnsupportedError, match="tls-server-end-point"):
                end.channel_binding("tls-exporter")
    assert len(set(found)) <= 1


def test_end_point_binding(both: Managers) -> None:
    pair = both.connect()
    expected = hashlib.sha256(pair.client.peer_certificate.der).digest()
    for end in (pair.client, pair.server):
        assert end.channel_binding("tls-server-end-point") == expected
    again = both.connect(session=session_of(pair))
    assert again.client.channel_binding("tls-server-end-point") == expected


def test_unknown_binding(both: Managers) -> None:
    with pytest.raises(ValueError, match="tls-unique"):
        both.connect().client.channel_binding("tls-unique")
