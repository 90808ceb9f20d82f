"""ClientHellos: made by Python's ssl module, and written by hand in every wrong way."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

SERVER_NAME, GROUPS, SIGNATURES, ALPN, TICKET, PSK, VERSIONS = 0, 10, 13, 16, 35, 41, 43
COOKIE, KEY_SHARE = 44, 51


def vector(width: int, data: bytes) -> bytes:
    """Return data behind its length of ``width`` bytes."""
    return len(data).to_bytes(width, "big") + data


def extension(number: int, body: bytes) -> bytes:
    """Return one extension."""
    return number.to_bytes(2, "big") + vector(2, body)


def server_name(*names: bytes, kind: int = 0) -> bytes:
    """Return a server_name extension."""
    return extension(SERVER_NAME, vector(2, b"".join(bytes([kind]) + vector(2, n) for n in names)))


def message(
    *extensions: bytes,
    version: bytes = b"\x03\x03",
    session_id: bytes = b"",
    suites: bytes = b"\x13\x01\x13\x02",
    compression: bytes = b"\0",
    tail: bytes | None = None,
) -> bytes:
    """Return a ClientHello message; ``tail`` replaces the whole block of extensions."""
    body = version + bytes(32) + vector(1, session_id) + vector(2, suites) + vector(1, compression)
    body += vector(2, b"".join(extensions)) if tail is None else tail
    return b"\x01" + vector(3, body)


def records(data: bytes, size: int = 16384, content_type: int = 22) -> bytes:
    """Cut a message into records of at most ``size`` bytes."""
    head = bytes([content_type, 3, 1])
    return b"".join(head + vector(2, data[at : at + size]) for at in range(0, len(data), size))


def real_hello(
    name: str | None = "proxy.example",
    alpn: Sequence[str] = (),
    *,
    highest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> bytes:
    """Return the first flight of Python's own client, records and all."""
    context = ssl.create_default_context()
    context.check_hostname = name is not None
    context.maximum_version = highest
    if alpn:
        context.set_alpn_protocols(list(alpn))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("a handshake without a server")


def extensions_in(hello: bytes) -> dict[int, bytes]:
    """Return the bodies of the extensions of a ClientHello in one record, by number."""
    data = hello[5 + 4 + 2 + 32 :]
    for width in (1, 2, 1):  # session id, suites, compression
        data = data[width + int.from_bytes(data[:width], "big") :]
    data, found = data[2 : 2 + int.from_bytes(data[:2], "big")], {}
    while data:
        size = int.from_bytes(data[2:4], "big")
        found[int.from_bytes(data[:2], "big")] = data[4 : 4 + size]
        data = data[4 + size :]
    return found


def groups_in(hello: bytes) -> list[int]:
    """Return the groups that a ClientHello offers, in its order."""
    data = extensions_in(hello)[GROUPS][2:]
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


def key_shares_in(hello: bytes) -> list[int]:
    """Return the groups of which a ClientHello has key shares, in its order."""
    data, found = extensions_in(hello).get(KEY_SHARE, b"\0\0")[2:], []
    while data:
        found.append(int.from_bytes(data[:2], "big"))
        data = data[4 + int.from_bytes(data[2:4], "big") :]
    return found
