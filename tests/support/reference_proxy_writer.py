"""PROXY protocol headers written once more, in plain Python; what C writes is compared with these.

See https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, sections 2.1 and 2.2.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from typing import Final

from tlsmgm._domains.addresses import read_ip

__all__ = ["MAX_VALUE", "SIGNATURE", "TLSFacts", "header", "local_header", "text_header"]

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"

#: Bytes of a name that is passed on.  A longer one is left out; shortened, it would be another.
MAX_VALUE: Final = 1024

_VERSION_LOCAL = 0x20
_VERSION_PROXY = 0x21
_UNSPEC, _TCP4, _TCP6, _UNIX_STREAM = 0x00, 0x11, 0x21, 0x31
_TYPE_ALPN, _TYPE_AUTHORITY, _TYPE_SSL = 0x01, 0x02, 0x20
_SSL_VERSION, _SSL_CN, _SSL_CIPHER = 0x21, 0x22, 0x23
_SSL_SIG_ALG, _SSL_KEY_ALG, _SSL_GROUP = 0x24, 0x25, 0x26
_CLIENT_SSL, _CLIENT_CERT_CONN, _CLIENT_CERT_SESS = 0x01, 0x02, 0x04
_UNIX_PATH_SIZE = 108
_UNKNOWN_LINE = b"PROXY UNKNOWN\r\n"

#: (host, port), or the path of a unix socket.
Address = tuple[str, int] | str


@dataclass(frozen=True, slots=True)
class TLSFacts:
    """What the header says about the client's TLS connection.

    Args:
        version: such as ``"TLSv1.3"``.
        cipher: name of the cipher suite.
        server_name: as sent by the client, or None.
        alpn: protocol agreed on, or None.
        has_certificate: the client has shown a certificate, here or in the session's first
            connection.
        verified: and it was verified.
        session_reused: this connection resumed a session.
        common_name: of the client's certificate, or None.
        signature_algorithm: of our own certificate, such as ``"RSA-SHA256"``, or None.
        key_algorithm: of our own certificate, such as ``"RSA2048"``, or None.
        group: of the key exchange, or None.
    """

    version: str | None
    cipher: str | None
    server_name: str | None = None
    alpn: str | None = None
    has_certificate: bool = False
    verified: bool = False
    session_reused: bool = False
    common_name: str | None = None
    signature_algorithm: str | None = None
    key_algorithm: str | None = None
    group: str | None = None


def local_header() -> bytes:
    """Return the header of a connection that the proxy makes for itself, such as a health check."""
    return SIGNATURE + struct.pack("!BBH", _VERSION_LOCAL, _UNSPEC, 0)


def header(source: Address, destination: Address, tls: TLSFacts | None = None) -> bytes:
    """Build the header of a relayed connection.

    Args:
        source: the client.
        destination: where the client connected to.
        tls: about the client's TLS connection; None for plain TCP.

    Returns:
        The bytes that go before everything else.  Addresses that are neither IP nor unix become
        ``UNSPEC``; an IPv4 address beside an IPv6 one is written as IPv4-mapped IPv6.
    """
    family, addresses = _addresses(source, destination)
    body = addresses + (_tls_values(tls) if tls else b"")
    return SIGNATURE + struct.pack("!BBH", _VERSION_PROXY, family, len(body)) + body


def text_header(source: Address, destination: Address) -> bytes:
    """Build the header of a relayed connection in version 1, a line of at most 107 bytes.

    Args:
        source: the client.
        destination: where the client connected to.

    Returns:
        As :func:`header`, but addresses that are not IP become ``UNKNOWN``.
    """
    if isinstance(source, str) or isinstance(destination, str):
        return _UNKNOWN_LINE
    try:
        ips = [read_ip(source[0]), read_ip(destination[0])]
    except ValueError:
        return _UNKNOWN_LINE
    family = "TCP4"
    if any(ip.version == 6 for ip in ips):
        family = "TCP6"
        ips = [ipaddress.IPv6Address(_as_ipv6(ip)) for ip in ips]
    return f"PROXY {family} {ips[0]} {ips[1]} {source[1]} {destination[1]}\r\n".encode("ascii")


def _addresses(source: Address, destination: Address) -> tuple[int, bytes]:
    if isinstance(source, str) or isinstance(destination, str):
        paths = [item if isinstance(item, str) else "" for item in (source, destination)]
        packed = [path.encode("utf-8", "surrogateescape") for path in paths]
        if max(map(len, packed)) > _UNIX_PATH_SIZE:
            return _UNSPEC, b""
        return _UNIX_STREAM, b"".join(path.ljust(_UNIX_PATH_SIZE, b"\0") for path in packed)
    try:
        ips = [read_ip(source[0]), read_ip(destination[0])]
    except ValueError:
        return _UNSPEC, b""
    ports = struct.pack("!HH", source[1], destination[1])
    if all(isinstance(ip, ipaddress.IPv4Address) for ip in ips):
        return _TCP4, ips[0].packed + ips[1].packed + ports
    return _TCP6, _as_ipv6(ips[0]) + _as_ipv6(ips[1]) + ports


def _as_ipv6(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes:
    return ip.packed if ip.version == 6 else bytes(10) + b"\xff\xff" + ip.packed


def _tls_values(tls: TLSFacts) -> bytes:
    return (
        _value(_TYPE_ALPN, tls.alpn)
        + _value(_TYPE_AUTHORITY, tls.server_name)
        + _tlv(_TYPE_SSL, _ssl_value(tls))
    )


def _ssl_value(tls: TLSFacts) -> bytes:
    flags = _CLIENT_SSL
    if tls.has_certificate:
        flags |= _CLIENT_CERT_SESS if tls.session_reused else _CLIENT_CERT_CONN | _CLIENT_CERT_SESS
    verify = 0 if tls.has_certificate and tls.verified else 1
    return struct.pack("!BI", flags, verify) + b"".join(
        [
            _value(_SSL_VERSION, tls.version),
            _value(_SSL_CN, tls.common_name),
            _value(_SSL_CIPHER, tls.cipher),
            _value(_SSL_SIG_ALG, tls.signature_algorithm),
            _value(_SSL_KEY_ALG, tls.key_algorithm),
            _value(_SSL_GROUP, tls.group),
        ]
    )


def _value(kind: int, text: str | None) -> bytes:
    if text is None:
        return b""
    data = text.encode("utf-8", "surrogateescape")
    return _tlv(kind, data) if 0 < len(data) <= MAX_VALUE else b""


def _tlv(kind: int, data: bytes) -> bytes:
    return struct.pack("!BH", kind, len(data)) + data
