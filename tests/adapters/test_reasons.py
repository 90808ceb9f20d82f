"""``reason`` of errors: a word of a table, whatever a peer or a file says."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tlsmgm
from tests.adapters.pairs import Pair
from tests.support.managers import pki, server_domain
from tlsmgm import TLSManager, adapters
from tlsmgm._adapters.alerts import alert_words
from tlsmgm._adapters.errors import as_stock
from tlsmgm._adapters.reasons import REASONS


def refusal(call: Callable[[], object]) -> Any:
    """What a call is refused with."""
    with pytest.raises(ssl.SSLError) as caught:
        call()
    return caught.value


def test_no_text_of_a_setting_is_in_it(manager: TLSManager, tmp_path: Path) -> None:
    missing = server_domain("dom1", certificate=str(tmp_path / "nope.pem"))
    refused = [
        refusal(lambda: adapters.ssl_context(missing, library=manager.library)),
        refusal(lambda: adapters.ssl_context(manager, "nobody")),
        refusal(lambda: adapters.SSLContext(ssl.PROTOCOL_TLS_SERVER, library="gnutls")),
    ]
    assert [error.reason for error in refused] == ["CONFIG"] * 3
    assert "nope.pem" in str(refused[0])  # which is for people
    changed = refusal(lambda: adapters.ssl_context(manager).set_ciphers("DEFAULT"))
    assert changed.reason == "UNSUPPORTED"


def test_no_text_of_a_client_is_in_it(manager: TLSManager) -> None:
    serving, fetching = adapters.ssl_context(manager), adapters.ssl_context(manager, "client")
    failed: Any = Pair(fetching, serving, "a.example").shake()[0]
    assert failed.reason == "NO_DOMAIN"
    assert "a.example" in str(failed)
    assert isinstance(failed, tlsmgm.NoDomainError)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", "HTTP_REQUEST"),
        (b"OPTIONS * HTTP/1.1\r\n", "HTTP_REQUEST"),
        (b"CONNECT dom1.test:443 HTTP/1.1\r\n", "HTTPS_PROXY_REQUEST"),
        (b"CONTINUE", "WRONG_VERSION_NUMBER"),
        (b"SSH-2.0-x\r\n", "WRONG_VERSION_NUMBER"),
        (b"GE\n", "WRONG_VERSION_NUMBER"),
        (b"\x16\x03\x03\x48\x01", "PACKET_LENGTH_TOO_LONG"),
        (b"\x16\x03\x03\x00\x04\x01\x00\x00\x00", "BAD_PACKET"),
    ],
)
def test_no_bytes_of_a_client_are_in_it(serving: Any, said: bytes, reason: str) -> None:
    incoming = ssl.MemoryBIO()
    incoming.write(said)
    end = serving.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True)
    assert refusal(end.do_handshake).reason == reason


#: What OpenSSL has known since 3.0, and what newer releases know besides.
METHODS = ["GET", "POST", "HEAD", "PUT", "CONNECT", "LOCK", "PUTTY"]
NEWER_METHODS = ["PATCH", "OPTIONS", "DELETE", "TRACE"]


def told_of(context: ssl.SSLContext, request: bytes) -> Any:
    """What a server says of it."""
    incoming = ssl.MemoryBIO()
    incoming.write(request)
    end = context.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True)
    return refusal(end.do_handshake)


@pytest.mark.parametrize("method", METHODS + NEWER_METHODS)
def test_requests_are_told_apart_as_ssl_does(serving: Any, method: str) -> None:
    stock = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    stock.load_cert_chain(pki("dom1.pem"), pki("dom1.key"))
    request = f"{method} / HTTP/1.1\r\n".encode()
    told = told_of(serving, request)
    expected = {told_of(stock, request).reason}
    if method in NEWER_METHODS:
        expected |= {"HTTP_REQUEST"}
    assert told.reason in expected
    assert "the client does not speak TLS" in str(told)
    assert isinstance(told, tlsmgm.ProtocolError)


def advance(end: Any) -> ssl.SSLError | None:
    """What ends the handshake, unless it waits."""
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return None
    except ssl.SSLError as error:
        return error
    raise AssertionError("a handshake is done")


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 400 Bad\r\n", b"220 mail ESMTP\r\n", b"+OK POP3\r\n", b"SSH-2.0-x\r\n"]
)
@pytest.mark.parametrize("piece", [1, 100])
def test_a_server_that_speaks_no_tls(fetching: Any, said: bytes, piece: int) -> None:
    incoming = ssl.MemoryBIO()
    end = fetching.wrap_bio(incoming, ssl.MemoryBIO(), server_hostname="dom1.test")
    error = None
    for at in range(0, len(said), piece):
        incoming.write(said[at : at + piece])
        error = error or advance(end)
    assert error is not None
    assert error.reason == "WRONG_VERSION_NUMBER"
    assert f"the server does not speak TLS (first byte 0x{said[0]:02x})" in str(error)


def test_a_server_of_tls_is_not_said_to_speak_something_else(fetching: Any) -> None:
    incoming = ssl.MemoryBIO()
    incoming.write(bytes.fromhex("160303000400000000"))
    end = fetching.wrap_bio(incoming, ssl.MemoryBIO(), server_hostname="dom1.test")
    assert "speak" not in str(refusal(end.do_handshake))


SUITES = {
    "TLSv1.2": ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    "TLSv1.3": ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"),
}


@pytest.mark.parametrize("version", SUITES)
def test_no_suite_in_common(serving: Any, client_library: str, version: str) -> None:
    fetching: Any = adapters.SSLContext(ssl.PROTOCOL_TLS_CLIENT, library=client_library)
    call = "set_ciphers" if version == "TLSv1.2" else "set_ciphersuites"
    for end, suite in zip((serving, fetching), SUITES[version], strict=True):
        end.maximum_version = ssl.TLSVersion[version.replace(".", "_")]
        end.minimum_version = end.maximum_version
        getattr(end, call)(suite)
    pair = Pair(fetching, serving)
    error: Any = refusal(pair.shake_server)
    assert (error.reason, error.alert) == ("NO_SHARED_CIPHER", 40)
    assert "no shared cipher" in str(error)
    pair.carry()
    told = refusal(pair.client.do_handshake)
    assert told.reason == "SSLV3_ALERT_HANDSHAKE_FAILURE"


@pytest.mark.parametrize("chooser", ["server", "client"])
@pytest.mark.parametrize("version", SUITES)
def test_no_signature_in_common(serving: Any, fetching: Any, version: str, chooser: str) -> None:
    """The certificate's key is on a curve. Up to TLS 1.2 a suite says how it is signed."""
    (serving if chooser == "server" else fetching).set_server_sigalgs("rsa_pss_rsae_sha256")
    serving.maximum_version = ssl.TLSVersion[version.replace(".", "_")]
    error: Any = refusal(Pair(fetching, serving).shake_server)
    older = version == "TLSv1.2"
    expected = "NO_SHARED_CIPHER" if older else "NO_SUITABLE_SIGNATURE_ALGORITHM"
    assert (error.reason, error.alert) == (expected, 40)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (tlsmgm.ProtocolError("http request"), "HTTP_REQUEST"),
        (tlsmgm.HandshakeError("no shared cipher: there is no certificate"), "NO_SHARED_CIPHER"),
        (tlsmgm.HandshakeError("never heard of"), "SSL_HANDSHAKE_FAILURE"),
        (tlsmgm.ProtocolError("never heard of"), "PROTOCOL"),
        (tlsmgm.InternalError("OpenSSL: never heard of"), "INTERNAL_ERROR"),
        (tlsmgm.HelloTooLargeError("never heard of"), "EXCESSIVE_MESSAGE_SIZE"),
        (tlsmgm.ProtocolError("tlsv1.1 only", alert=70), "UNSUPPORTED_PROTOCOL"),
        (tlsmgm.AlertError("alert", alert=255), "UNKNOWN_ALERT_TYPE"),
    ],
)
def test_words_of_errors(error: tlsmgm.TLSError, reason: str) -> None:
    made: Any = as_stock(error)
    assert made.reason == reason
    assert reason in REASONS
    assert isinstance(made, type(error))


def test_an_alert_that_nobody_knows() -> None:
    assert alert_words(255) == ("UNKNOWN_ALERT_TYPE", "unknown alert type 255")
