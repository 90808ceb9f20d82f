"""The alert that goes out, number by number (RFC 8446 section 6.2)."""

from __future__ import annotations

import pytest

from tests.support.hello import (
    GROUPS,
    SIGNATURES,
    VERSIONS,
    extension,
    message,
    records,
    server_name,
    vector,
)
from tests.support.hostile import assert_final, assert_serves, busy_manager, ending_of, step
from tests.support.managers import (
    LOCAL,
    client_domain,
    manager_of,
    method_of,
    mutual_domain,
    pki,
    server_domain,
    shake_hands,
)
from tlsmgm import (
    AlertError,
    Connection,
    Domain,
    NoDomainError,
    ProtocolError,
    TLSError,
    TLSManager,
    VerificationError,
)

NAME = server_name(b"dom1.test")
SUPPORTED_VERSIONS = {
    "TLSv1.2": extension(VERSIONS, b"\x02\x03\x03"),
    "TLSv1.3": extension(VERSIONS, b"\x02\x03\x04"),
}
KEY_SHARE = extension(51, vector(2, b"\0\x1d" + vector(2, bytes(range(32)))))
COMMON = (
    extension(GROUPS, vector(2, b"\0\x1d\0\x17")),
    extension(SIGNATURES, vector(2, b"\4\3")),
    KEY_SHARE,
)
SUITES = b"\x13\x01\x13\x02\xc0\x2b\xc0\x2c"


def hello(version: str, *extensions: bytes, suites: bytes = SUITES, head: str = "0303") -> bytes:
    found = (SUPPORTED_VERSIONS[version], *COMMON, *extensions)
    return records(message(*found, suites=suites, version=bytes.fromhex(head)))


def clear_alert(library: str, version: str | None, stream: bytes) -> tuple[TLSError, bytes]:
    """Send a stream to a server; return its error and the bytes it sent."""
    manager = busy_manager(library, version)
    conn = manager.server_connection(LOCAL)
    conn.feed(stream)
    error = step(conn)
    assert error is not None
    output = conn.drain()
    assert_serves(manager)
    return error, output


def assert_alert(output: bytes, *numbers: int) -> None:
    """Prove that one fatal alert in clear text is all that was sent."""
    assert (len(output), output[0], output[3:6]) == (7, 21, b"\0\2\2")
    assert output[6] in numbers


@pytest.mark.parametrize("names", [(b"other.test",), (b"dom1",), (b"dom1.test.other",)])
def test_unrecognized_name(library: str, version: str, names: tuple[bytes, ...]) -> None:
    error, output = clear_alert(library, version, hello(version, server_name(*names)))
    assert isinstance(error, NoDomainError)
    assert error.alert == 112
    assert_alert(output, 112)


def test_no_name(library: str, version: str) -> None:
    error, output = clear_alert(library, version, hello(version))
    assert isinstance(error, NoDomainError)
    assert_alert(output, 112)


@pytest.mark.parametrize("other", [b"dom1.test", b"dom2.test"])
def test_two_server_names(library: str, version: str, other: bytes) -> None:
    """RFC 6066 section 3 forbids two names of a kind, and RFC 8446 two extensions of a kind."""
    for extensions in ((server_name(b"dom1.test", other),), (NAME, server_name(other))):
        error, output = clear_alert(library, version, hello(version, *extensions))
        assert isinstance(error, ProtocolError)
        assert_alert(output, 47, 50)


@pytest.mark.parametrize("twice", [NAME, *COMMON, extension(0x1234, b"x")])
def test_duplicate_extension(library: str, version: str, twice: bytes) -> None:
    name = () if twice is NAME else (NAME,)
    error, output = clear_alert(library, version, hello(version, *name, twice, twice))
    assert isinstance(error, ProtocolError)
    assert error.alert in (47, 50)
    assert_alert(output, 47, 50)


@pytest.mark.parametrize("head", ["0300", "0301", "0302", "0002"])
def test_old_version(library: str, version: str, head: str) -> None:
    """A client from before supported_versions; SSL 3.0, TLS 1.0 and 1.1, and nonsense."""
    stream = records(message(NAME, *COMMON, suites=SUITES, version=bytes.fromhex(head)))
    error, output = clear_alert(library, version, stream)
    assert isinstance(error, ProtocolError)
    assert error.alert == 70
    assert_alert(output, 70)


@pytest.mark.parametrize(("spoken", "offered"), [("TLSv1.2", "TLSv1.3"), ("TLSv1.3", "TLSv1.2")])
def test_other_version(library: str, spoken: str, offered: str) -> None:
    error, output = clear_alert(library, spoken, hello(offered, NAME))
    assert isinstance(error, ProtocolError)
    assert error.alert == 70
    assert_alert(output, 70)


def test_no_common_cipher(library: str, version: str) -> None:
    error, output = clear_alert(library, version, hello(version, NAME, suites=b"\x00\x01\xfe\xfe"))
    assert isinstance(error, ProtocolError)
    assert error.alert == 40
    assert_alert(output, 40)


@pytest.mark.parametrize("size", [0, 256])
def test_impossible_name(library: str, version: str, size: int) -> None:
    error, output = clear_alert(library, version, hello(version, server_name(b"a" * size)))
    assert isinstance(error, TLSError)
    assert_alert(output, 47, 50, 112)


def test_name_with_a_zero_byte(library: str, version: str) -> None:
    stream = hello(version, server_name(b"dom1.test\0.evil.test"))
    error, output = clear_alert(library, version, stream)
    assert error.alert in (47, 50, 112)
    assert_alert(output, 47, 50, 112)


def test_oversize_record(library: str) -> None:
    error, output = clear_alert(library, None, bytes.fromhex("1603014801") + bytes(18433))
    assert error.alert == 22
    assert_alert(output, 22)


CLIENTS: dict[str, tuple[str | None, dict[str, tuple[int, ...]]]] = {
    "missing": (None, {"TLSv1.2": (40,), "TLSv1.3": (116,)}),
    "expired": ("expired", {"TLSv1.2": (45,), "TLSv1.3": (45,)}),
    "self_signed": ("selfsigned", {"TLSv1.2": (42, 48), "TLSv1.3": (42, 48)}),
    "unknown_ca": ("wrongca", {"TLSv1.2": (48,), "TLSv1.3": (48,)}),
    "revoked": ("revoked", {"TLSv1.2": (44,), "TLSv1.3": (44,)}),
    "purpose": ("servereku", {"TLSv1.2": (42, 43), "TLSv1.3": (42, 43)}),
}


def _client(version: str, certificate: str | None) -> Domain:
    shown = {}
    if certificate is not None:
        shown = {"certificate": pki(f"{certificate}.pem"), "private_key": pki(f"{certificate}.key")}
    return client_domain(method=method_of(version), **shown)


@pytest.mark.parametrize("reason", CLIENTS)
def test_client_certificates(library: str, client_library: str, version: str, reason: str) -> None:
    """Both sides know the number: the server that sends it, the client that gets it."""
    certificate, alerts = CLIENTS[reason]
    domain = mutual_domain(method=method_of(version), crl_dir=pki("crls"))
    manager = manager_of(library, domain, server_domain("dom2"), client_domain())
    clients = manager_of(client_library, _client(version, certificate))
    client = clients.client_connection("client", server_name="dom1.test")
    server = manager.server_connection(LOCAL)
    with pytest.raises(VerificationError) as caught:
        shake_hands(client, server)
    assert caught.value.reason == reason
    assert caught.value.alert in alerts[version]
    told = step(client)
    assert told is not None
    assert told.alert == caught.value.alert
    assert_others_are_served(manager)


def assert_others_are_served(manager: TLSManager) -> None:
    client = manager.client_connection("client", server_name="dom2.test")
    server = manager.server_connection(LOCAL)
    shake_hands(client, server)


def assert_told(server: Connection, sent: TLSError) -> None:
    """Prove that the server learns why its client went away.

    OpenSSL's clients send this alert of TLS 1.3 unencrypted, before they have switched keys.
    wolfSSL takes no such alert for granted, as anybody could have sent it: there the connection
    ends without the reason.
    """
    told = step(server)
    assert told is not None
    if isinstance(told, ProtocolError):
        assert (server.backend, sent.backend, told.alert) == ("wolfssl", "openssl", 10)
        assert server.version == "TLSv1.3"
    else:
        assert told.alert == sent.alert


SERVERS = {"expired": (45,), "selfsigned": (42, 48), "wrongca": (48,)}


@pytest.mark.parametrize("certificate", SERVERS)
def test_server_certificates(
    library: str, client_library: str, version: str, certificate: str
) -> None:
    domain = server_domain(certificate, match_sip_domain="*", method=method_of(version))
    clients = manager_of(client_library, _client(version, None))
    client = clients.client_connection("client")
    server = manager_of(library, domain).server_connection(LOCAL)
    with pytest.raises(VerificationError) as caught:
        shake_hands(client, server)
    assert caught.value.alert in SERVERS[certificate]
    assert_told(server, caught.value)


def test_wrong_name_is_bad_certificate(library: str, client_library: str, version: str) -> None:
    clients = manager_of(client_library, _client(version, None))
    client = clients.client_connection("client", server_name="dom2.test")
    domain = server_domain(match_sip_domain="*", method=method_of(version))
    server = manager_of(library, domain).server_connection(LOCAL)
    with pytest.raises(VerificationError) as caught:
        shake_hands(client, server)
    assert caught.value.reason == "name_mismatch"
    assert caught.value.alert in (42, 46)
    assert_told(server, caught.value)


def test_close_notify_instead_of_an_answer(library: str, version: str) -> None:
    """In clear text anybody can send one, so no connection has ended in good order."""
    manager = manager_of(library, _client(version, None))
    client = manager.client_connection("client", server_name="dom1.test")
    assert client.handshake() is False
    client.feed(bytes.fromhex("15 0303 0002 01 00"))
    error = step(client)
    assert isinstance(error, AlertError)
    assert error.alert == 0
    assert client.ended
    with pytest.raises(AlertError):
        client.read()
    assert_final(client, error)


def test_endings_are_final(library: str, version: str) -> None:
    manager = busy_manager(library, version)
    for stream in (hello(version), hello(version, NAME, NAME), b"GET / HTTP/1.0\r\n\r\n"):
        assert ending_of(manager, stream) is not None
    assert_serves(manager)
