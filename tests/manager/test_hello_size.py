"""How large a ClientHello may be: chosen while running, and kept by every change."""

from __future__ import annotations

import pytest

from tests.support.hello import (
    GROUPS,
    SIGNATURES,
    extension,
    message,
    real_hello,
    records,
    server_name,
    vector,
)
from tests.support.hostile import ending_of
from tests.support.managers import server_domain
from tests.support.scripts import Site, server
from tlsmgm import ConfigError, HelloTooLargeError, TLSManager
from tlsmgm._serving.limits import DEFAULT_HELLO_SIZE, HELLO_SIZES

ILLEGAL_PARAMETER = 47
GREASE = 0x0A0A

#: What is refused by nobody under the default; wolfSSL takes no more than 18,466 bytes.
LARGEST = {"openssl": DEFAULT_HELLO_SIZE, "wolfssl": 18000}


def hello_of(size: int, name: str = "dom1.test") -> bytes:
    """Python's hello with an unknown extension that brings it to a size, headers included."""
    plain = real_hello(name)
    body, start = plain[5:], plain[5:].index(_extensions(plain[5:]))
    padding = extension(GREASE, bytes(size - len(body) - 4))
    block = _extensions(body) + padding
    found = body[4 : start - 2] + len(block).to_bytes(2, "big") + block
    return records(b"\x01" + len(found).to_bytes(3, "big") + found)


def _extensions(body: bytes) -> bytes:
    """The extensions of a hello message."""
    at = 4 + 2 + 32
    at += 1 + body[at]
    at += 2 + int.from_bytes(body[at : at + 2], "big")
    at += 1 + body[at]
    return body[at + 2 :]


def is_refused(manager: TLSManager, size: int) -> bool:
    """Whether a hello of a size is too large; another error is none that we expect."""
    error = ending_of(manager, hello_of(size))
    if error is None:
        return False
    assert isinstance(error, HelloTooLargeError), error
    assert error.backend is None
    assert error.alert == ILLEGAL_PARAMETER
    return True


def test_default_and_another(library: str) -> None:
    manager = TLSManager(library)
    manager.add_domain(server_domain("dom1"))
    assert manager.hello_size == DEFAULT_HELLO_SIZE
    assert not is_refused(manager, LARGEST[library])
    assert is_refused(manager, DEFAULT_HELLO_SIZE + 1)
    manager.hello_size = 2000
    assert not is_refused(manager, 2000)
    assert is_refused(manager, 2001)
    manager.hello_size = HELLO_SIZES[1]
    assert not is_refused(manager, LARGEST[library])


def test_the_upper_bound_is_what_openssl_takes() -> None:
    shown = server_name(b"dom1.test") + extension(GROUPS, vector(2, b"\0\x17"))
    shown += extension(SIGNATURES, vector(2, b"\x04\x03\x04\x01\x08\x04"))
    full = message(  # every list is as long as it can be
        shown,
        extension(GREASE, bytes(65535 - len(shown) - 4)),
        session_id=bytes(32),
        suites=b"\xc0\x2b\xc0\x2f" + GREASE.to_bytes(2, "big") * (65534 // 2 - 2),
        compression=bytes(255),
    )
    assert len(full) == HELLO_SIZES[1]
    manager = TLSManager("openssl")
    manager.add_domain(server_domain("dom1"))
    manager.hello_size = HELLO_SIZES[1]
    assert ending_of(manager, records(full)) is None
    manager.hello_size = HELLO_SIZES[1] - 1
    error = ending_of(manager, records(full))
    assert isinstance(error, HelloTooLargeError)


def test_it_is_refused_by_its_header_alone(library: str) -> None:
    manager = TLSManager(library)
    manager.add_domain(server_domain("dom1"))
    manager.hello_size = 2000  # Python's own hello has more than 1000 with OpenSSL 3.5
    error = ending_of(manager, hello_of(2001)[:9])
    assert isinstance(error, HelloTooLargeError), error


def test_every_change_keeps_it(site: Site) -> None:
    site.write(server("dom1"))
    manager = site.load()
    manager.hello_size = 2000
    manager.add_domain(server_domain("dom2"))
    assert is_refused(manager, 2001)
    site.write(server("dom1"), server("dom3"))
    manager.reload()
    assert manager.hello_size == 2000
    assert is_refused(manager, 2001)
    assert not is_refused(manager, 2000)


def test_a_connection_keeps_its_own(library: str) -> None:
    manager = TLSManager(library)
    manager.add_domain(server_domain("dom1"))
    conn = manager.server_connection(("127.0.0.1", 5061))
    manager.hello_size = 1000
    conn.feed(hello_of(5000))
    assert conn.handshake() is False
    assert conn.drain()


def test_one_connection_may_have_a_bound_of_its_own(library: str) -> None:
    manager = TLSManager(library)
    manager.add_domain(server_domain("dom1"))
    for bound, size, is_too_large in ((2000, 2000, False), (2000, 2001, True), (None, 5000, False)):
        conn = manager.server_connection(("127.0.0.1", 5061), hello_size=bound)
        conn.feed(hello_of(size))
        if is_too_large:
            with pytest.raises(HelloTooLargeError):
                conn.handshake()
        else:
            assert conn.handshake() is False
            assert conn.drain()
    assert manager.hello_size == DEFAULT_HELLO_SIZE
    with pytest.raises(ConfigError, match="hello_size"):
        manager.server_connection(("127.0.0.1", 5061), hello_size=1)


@pytest.mark.parametrize("size", [0, -1, HELLO_SIZES[0] - 1, HELLO_SIZES[1] + 1])
def test_sizes_that_make_no_sense(size: int) -> None:
    manager = TLSManager("none")
    with pytest.raises(ConfigError, match="hello_size"):
        manager.hello_size = size
    assert manager.hello_size == DEFAULT_HELLO_SIZE
    manager.hello_size = HELLO_SIZES[0]
    assert manager.hello_size == HELLO_SIZES[0]


def test_without_a_library() -> None:
    manager = TLSManager("none")
    manager.hello_size = 1000
    with pytest.raises(NotImplementedError):
        manager.server_connection(("127.0.0.1", 5061))
