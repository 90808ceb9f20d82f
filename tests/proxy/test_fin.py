"""close_notify is followed by FIN at once, and the peer's direction stays open."""

from __future__ import annotations

import ssl

import pytest

from tests.support.ends import End, TLSPeer, relayed


@pytest.mark.parametrize("kind", ["tls-tcp", "tcp-tls"])
def test_the_end_of_a_plain_neighbour(
    library: str, version: ssl.TLSVersion, kind: str, both: str
) -> None:
    with relayed(kind, both, library, version) as (proxy, client, server):
        plain, tls = (server, client) if kind == "tls-tcp" else (client, server)
        assert isinstance(tls, TLSPeer)
        plain.send(b"all there is")
        plain.announce_end()
        tls.read_wire_to_end()
        assert tls.read(12) == b"all there is"
        tls.send(b"still here")
        assert plain.read(10) == b"still here"
        assert tls.read_to_end() == (b"", End.CLOSE_NOTIFY)
        tls.announce_end()
        assert plain.read_to_end() == (b"", End.FIN)
        assert "status=ok" in proxy.log_line()
