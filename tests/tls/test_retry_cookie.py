"""The cookie of a HelloRetryRequest, which Java's servers and stateless ones send.

A client must send it back (RFC 8446 section 4.2.2).
"""

from __future__ import annotations

import hashlib

import pytest

from tests.support.hello import (
    COOKIE,
    KEY_SHARE,
    VERSIONS,
    extension,
    extensions_in,
    key_shares_in,
    records,
    vector,
)
from tests.support.hostile import HANDSHAKE, split_records
from tests.support.pairs import managers

#: What tells a HelloRetryRequest from a ServerHello (RFC 8446 section 4.1.3).
RETRY = hashlib.sha256(b"HelloRetryRequest").digest()
TLS_AES_256_GCM_SHA384 = b"\x13\x02"
SECP256R1 = 23


def retry_request(hello: bytes, cookie: bytes, *extensions: bytes) -> bytes:
    """Return the record of a HelloRetryRequest that answers a ClientHello."""
    session_id = hello[5 + 4 + 2 + 32 :]
    session_id = session_id[: 1 + session_id[0]]
    found = (
        extension(VERSIONS, b"\x03\x04"),
        *extensions,
        extension(COOKIE, vector(2, cookie)),
    )
    body = b"\x03\x03" + RETRY + session_id + TLS_AES_256_GCM_SHA384 + b"\0"
    body += vector(2, b"".join(found))
    return records(b"\x02" + vector(3, body))


@pytest.mark.parametrize("size", [1, 32, 1000])
@pytest.mark.parametrize("group", [SECP256R1, None])
def test_it_is_sent_back(library: str, size: int, group: int | None) -> None:
    """With a wish for another group, and alone."""
    cookie = bytes(at % 251 for at in range(size))
    client = managers(library, library, "TLSv1.3").client.client_connection(
        "client", server_name="dom1.test"
    )
    assert client.handshake() is False
    first = client.drain()
    assert COOKIE not in extensions_in(first)
    wish = () if group is None else (extension(KEY_SHARE, group.to_bytes(2, "big")),)
    client.feed(retry_request(first, cookie, *wish))
    assert client.handshake() is False
    [second] = [record for kind, record in split_records(client.drain()) if kind == HANDSHAKE]
    assert extensions_in(second)[COOKIE] == vector(2, cookie)
    expected = key_shares_in(first) if group is None else [group]
    assert key_shares_in(second) == expected
