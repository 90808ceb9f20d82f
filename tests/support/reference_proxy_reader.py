"""PROXY protocol headers read once more, as plainly as the text says it; slow, and right.

The reader in C is compared with this.  Nothing is said before the whole header is there, so the two
agree on whole headers, and on bytes that can never become one.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.reference_proxy_writer import SIGNATURE

__all__ = ["MAX_HEADER", "MAX_LINE", "BadHeaderError", "Found", "crc32c", "read"]

MAX_LINE = 107
MAX_HEADER = 16384

_LINE_START = b"PROXY "
_FIXED = 16
_CRC32C = 0x03
_ADDRESSES = {0x1: 4, 0x2: 16, 0x3: 108}
_PORT = re.compile(rb"0|[1-9][0-9]{0,4}")

Address = tuple[bytes, int]


class BadHeaderError(Exception):
    """The bytes are no header, and nothing that follows can make one of them."""


@dataclass(frozen=True)
class Found:
    """A header.

    Args:
        size: how many bytes it takes.
        is_local: it is about the sender's own connection.
        source: address in 16 bytes, and port, of the client; None: it is not said.
        destination: where the client connected to.
    """

    size: int
    is_local: bool = False
    source: Address | None = None
    destination: Address | None = None


def read(data: bytes) -> Found | None:
    """Read the header at the front.

    Args:
        data: everything so far.

    Returns:
        The header; None: it is not whole.

    Raises:
        BadHeaderError: it cannot become whole.
    """
    if _begins(data, _LINE_START):
        return _read_line(data)
    if _begins(data, SIGNATURE):
        return _read_binary(data)
    raise BadHeaderError("neither version")


def _begins(data: bytes, start: bytes) -> bool:
    return data[: len(start)] == start[: len(data)]


def _read_line(data: bytes) -> Found | None:
    line, end, _ = data[:MAX_LINE].partition(b"\r\n")
    pending = line.removesuffix(b"\r") if not end and len(data) < MAX_LINE else line
    if b"\r" in pending or b"\n" in pending:
        raise BadHeaderError("half a line end")
    if not end:
        if len(data) >= MAX_LINE:
            raise BadHeaderError("a long line")
        return None
    size = len(line) + 2
    fields = line.split(b" ")
    if fields[1] == b"UNKNOWN":
        return Found(size)
    if len(fields) != 6 or fields[1] not in {b"TCP4", b"TCP6"}:
        raise BadHeaderError("other fields")
    family = ipaddress.IPv4Address if fields[1] == b"TCP4" else ipaddress.IPv6Address
    ends = []
    for host, port in ((fields[2], fields[4]), (fields[3], fields[5])):
        if b"%" in host or not _PORT.fullmatch(port) or int(port) > 0xFFFF:
            raise BadHeaderError("an end")
        try:
            packed = family(host.decode("ascii")).packed
        except ValueError:
            raise BadHeaderError("an address") from None
        ends.append((_in_16_bytes(packed), int(port)))
    return Found(size, source=ends[0], destination=ends[1])


def _in_16_bytes(packed: bytes) -> bytes:
    return packed if len(packed) == 16 else bytes(10) + b"\xff\xff" + packed


def _read_binary(data: bytes) -> Found | None:
    kinds = data[12:14]
    if kinds and kinds[0] not in {0x20, 0x21}:
        raise BadHeaderError("version or command")
    is_local = kinds[:1] == b"\x20"
    family, transport = divmod(kinds[1], 16) if len(kinds) == 2 else (0, 0)
    if not is_local and (family > 3 or transport > 2):
        raise BadHeaderError("family or transport")
    if len(data) < _FIXED:
        return None
    size = _FIXED + int.from_bytes(data[14:16], "big")
    width = _ADDRESSES.get(family, 0) if transport and not is_local else 0
    ports = 4 if width in {4, 16} else 0
    if size > MAX_HEADER or size < _FIXED + 2 * width + ports:
        raise BadHeaderError("size")
    if len(data) < size:
        return None
    if not width:
        return Found(size, is_local=is_local)
    header, body = data[:size], data[_FIXED:size]
    _check_values(header, _FIXED + 2 * width + ports)
    if not ports:
        return Found(size)
    numbers = struct.unpack_from("!HH", body, 2 * width)
    hosts = [_in_16_bytes(body[at : at + width]) for at in (0, width)]
    return Found(size, source=(hosts[0], numbers[0]), destination=(hosts[1], numbers[1]))


def _check_values(header: bytes, start: int) -> None:
    sums = [(at, value) for kind, at, value in _values(header, start) if kind == _CRC32C]
    for at, value in sums:
        blank = header[:at] + bytes(4) + header[at + 4 :]
        if len(sums) > 1 or len(value) != 4 or crc32c(blank) != int.from_bytes(value, "big"):
            raise BadHeaderError("checksum")


def _values(header: bytes, at: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield type, position and contents of all values."""
    while at < len(header):
        if at + 3 > len(header):
            raise BadHeaderError("values")
        kind, size = struct.unpack_from("!BH", header, at)
        at += 3
        if at + size > len(header):
            raise BadHeaderError("values")
        yield kind, at, header[at : at + size]
        at += size


def crc32c(data: bytes) -> int:
    """Return the checksum of RFC 4960 appendix B.

    Args:
        data: anything; the checksum's own field as four zeros.
    """
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = (remainder >> 1) ^ (0x82F63B78 if remainder & 1 else 0)
    return remainder ^ 0xFFFFFFFF
