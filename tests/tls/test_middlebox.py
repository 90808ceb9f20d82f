"""Middlebox compatibility mode (RFC 8446 appendix D.4): TLS 1.3 that looks like TLS 1.2.

A client sends a session id, which the server echoes, and each side sends one change_cipher_spec
that means nothing.
"""

from __future__ import annotations

import ssl
from itertools import groupby
from typing import Any

import pytest

from tests.support.hostile import (
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    split_records,
)
from tests.support.pairs import ConnectionPair, Managers, core_server, managers, session_of
from tests.support.peers import StdlibPeer, stdlib_context
from tlsmgm import ProtocolError

ILLEGAL_PARAMETER = 47

#: A ClientHello whose key share is of another group makes the server ask for a second one.
RETRY = {"server": {"ec_curve": "secp384r1"}, "client": {"ec_curve": "x25519:secp384r1"}}

#: One that every library has, so that there is no retry.
NO_RETRY = {"client": {"ec_curve": "x25519"}}

#: Where they are in a record of a ClientHello or ServerHello.
RANDOM, SESSION_ID = slice(11, 43), 43


class Wire:
    """What travels, in order.

    Attributes:
        records: side, content type and whole record.
    """

    def __init__(self) -> None:
        self.records: list[tuple[str, int, bytes]] = []

    def hooks(self) -> dict[str, Any]:
        """Return the arguments of a pair that is watched."""
        return {
            "to_server": lambda data: self._note("client", data),
            "to_client": lambda data: self._note("server", data),
        }

    def _note(self, side: str, data: bytes) -> bytes:
        self.records += [(side, kind, record) for kind, record in split_records(data)]
        return data

    def kinds(self) -> list[tuple[str, int]]:
        """Return side and content type; those alike in a row count once."""
        return [key for key, _ in groupby((side, kind) for side, kind, _ in self.records)]

    def count(self, kind: int) -> int:
        """Return the number of records of a content type."""
        return [found for _, found, _ in self.records].count(kind)

    def hellos(self, side: str) -> list[bytes]:
        """Return the hellos of a side, with that of a HelloRetryRequest."""
        return [data for here, kind, data in self.records if (here, kind) == (side, HANDSHAKE)]

    def session_ids(self) -> set[bytes]:
        """Return the session ids of all hellos."""
        return {session_id(hello) for side in ("client", "server") for hello in self.hellos(side)}


def session_id(hello: bytes) -> bytes:
    return hello[SESSION_ID + 1 :][: hello[SESSION_ID]]


def watched(both: Managers, **options: Any) -> tuple[ConnectionPair, Wire]:
    wire = Wire()
    return both.connect(**wire.hooks(), **options), wire


FULL = [
    ("client", HANDSHAKE),
    ("server", HANDSHAKE),
    ("server", CHANGE_CIPHER_SPEC),
    ("server", APPLICATION_DATA),
    ("client", CHANGE_CIPHER_SPEC),
    ("client", APPLICATION_DATA),
    ("server", APPLICATION_DATA),  # tickets
]

#: A side's change_cipher_spec comes before its second flight at the latest.
RETRIED = [
    ("client", HANDSHAKE),
    ("server", HANDSHAKE),
    ("server", CHANGE_CIPHER_SPEC),
    ("client", CHANGE_CIPHER_SPEC),
    ("client", HANDSHAKE),
    ("server", HANDSHAKE),
    ("server", APPLICATION_DATA),
    ("client", APPLICATION_DATA),
    ("server", APPLICATION_DATA),
]


def test_both_sides_send_one(library: str, client_library: str) -> None:
    pair, wire = watched(managers(library, client_library, "TLSv1.3", **NO_RETRY))
    assert wire.kinds() == FULL
    assert [data for _, kind, data in wire.records if kind == CHANGE_CIPHER_SPEC] == [
        b"\x14\x03\x03\x00\x01\x01"
    ] * 2
    assert [len(sent) for sent in wire.session_ids()] == [32]
    pair.echo()


def test_both_sides_send_one_around_a_retry(library: str, client_library: str) -> None:
    pair, wire = watched(managers(library, client_library, "TLSv1.3", **RETRY))
    assert wire.kinds() == RETRIED
    assert wire.count(CHANGE_CIPHER_SPEC) == 2
    assert [len(sent) for sent in wire.session_ids()] == [32]
    pair.echo()


def test_session_id_does_not_link_a_resumption_to_its_session(
    library: str, client_library: str
) -> None:
    both = managers(library, client_library, "TLSv1.3", **NO_RETRY)
    seen: set[bytes] = set()
    session = None
    for _ in range(3):
        pair, wire = watched(both, session=session)
        assert pair.client.session_reused is (session is not None)
        assert wire.kinds() == FULL
        (fresh,) = wire.session_ids()
        assert fresh not in seen
        seen |= {fresh, wire.hellos("client")[0][RANDOM], wire.hellos("server")[0][RANDOM]}
        session = session_of(pair)


#: To a client outside the mode; it may come at any time, so OpenSSL may send it.
UNASKED = {"openssl": 1, "wolfssl": 0}


@pytest.mark.parametrize("retry", [False, True])
def test_client_outside_the_mode_stays_outside(library: str, retry: bool) -> None:
    context = stdlib_context("TLSv1.3")
    context.options &= ~ssl.OP_ENABLE_MIDDLEBOX_COMPAT
    both = managers(library, library, "TLSv1.3", server=RETRY["server"] if retry else None)
    wire = Wire()
    client = StdlibPeer(context, server_name="dom1.test")
    pair = ConnectionPair(client, core_server(both.server), **wire.hooks()).handshake()
    assert len(wire.hellos("client")) == len(wire.hellos("server")) == 1 + retry
    assert wire.session_ids() == {b""}
    assert wire.count(CHANGE_CIPHER_SPEC) == UNASKED[library]
    pair.echo()


def test_client_refuses_the_echo_of_another_session_id(library: str, client_library: str) -> None:
    def alter(data: bytes) -> bytes:
        at = SESSION_ID + 1
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] if data[0] == HANDSHAKE else data

    pair = managers(library, client_library, "TLSv1.3").fail(to_client=alter)
    assert isinstance(pair.client_error, ProtocolError)
    assert pair.client_error.alert == ILLEGAL_PARAMETER


@pytest.mark.parametrize("is_known", [True, False])
def test_server_of_tls_1_2_does_not_mind(library: str, client_library: str, is_known: bool) -> None:
    """Nor does the client mistake its own session id for a session that the server knows."""
    here, there = (
        managers(library, client_library, server={"method": "TLSv1_2"}) for _ in range(2)
    )
    pair, wire = watched(here)
    assert (pair.client.version, pair.client.session_reused) == ("TLSv1.2", False)
    assert len(session_id(wire.hellos("client")[0])) == 32
    server = here.server if is_known else there.server
    again = Managers(server, here.client).connect(session=session_of(pair))
    assert again.client.version == "TLSv1.2"
    assert again.client.session_reused is again.server.session_reused is is_known
    again.echo()
