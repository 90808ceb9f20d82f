"""PROXY protocol headers, compared with a plain reader and with a plain writer."""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import reference_proxy_reader as reference
from tests.support import reference_proxy_writer as writer
from tests.support.c_code import CCode
from tests.support.reference_proxy_reader import BadHeaderError, Found
from tests.support.reference_proxy_writer import MAX_VALUE, SIGNATURE, TLSFacts

Verdict = Found | str | None
End = tuple[str, int] | str


def packed(host: str) -> bytes:
    ip = ipaddress.ip_address(host)
    return ip.packed if ip.version == 6 else bytes(10) + b"\xff\xff" + ip.packed


def read(c: CCode, data: bytes) -> Verdict:
    """Return the header, None where it is not whole, or what is wrong."""
    view, _keep = c.bytes_in(data)
    out = c.ffi.new("struct tlsmgm_proxy_header *")
    error = c.error()
    status = c.status_name(c.lib.tlsmgm_proxy_header_read(view, out, error))
    if status == "WANT_READ":
        return None
    if status == "PROTOCOL":
        assert error.alert == c.lib.TLSMGM_NO_ALERT
        assert error.status == c.lib.TLSMGM_STATUS_PROTOCOL
        return c.text(error)
    assert status == "OK"
    return Found(out.size, out.is_local, end(c, out.source), end(c, out.destination))


def end(c: CCode, found: Any) -> tuple[bytes, int] | None:
    if found.kind == c.lib.TLSMGM_PROXY_END_NONE:
        assert not any(c.ffi.buffer(found.address)[:])
        return None
    assert found.kind == c.lib.TLSMGM_PROXY_END_IP
    return bytes(c.ffi.buffer(found.address)), found.port


def agreed(c: CCode, data: bytes) -> Verdict:
    """Have both read it, and return what they agree on."""
    found = read(c, data)
    try:
        expected = reference.read(data)
    except BadHeaderError:
        assert isinstance(found, str), data
        assert found
    else:
        assert found == expected, data
    return found


# Reading.

HOSTS_4 = st.ip_addresses(v=4).map(str)
HOSTS_6 = st.ip_addresses(v=6).map(str) | st.sampled_from(
    ["::", "::1", "1::", "::ffff:192.0.2.1", "::192.0.2.1", "1:0:0:2:0:0:0:3", "1:2:3:4:5:6:7:8",
     "1::3:4:5:6:7:8", "2001:DB8::A", "0:0:0:0:0:0:0:0", "fffF:FFFF::"]
)  # fmt: skip
WRONG_HOSTS = st.sampled_from(
    ["", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.0.0.1", "1.2.3.4 ", "0x1.2.3.4", "1.2.3.-4",
     "::1%lo", "fe80::1%1", ":", ":::", "1::2::3", "12345::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
     "1:2:3:4:5:6:7:8::", "[::1]", "::1.2.3", "::01.2.3.4", "localhost", "\x00", "g::"]
)  # fmt: skip
HOSTS = HOSTS_4 | HOSTS_6 | WRONG_HOSTS
PORTS = st.integers(0, 65535).map(str) | st.sampled_from(
    ["", "65536", "99999", "100000", "00", "01", "-1", "+1", "1 ", "0x1", "1\x00", "1e3", "\uff14"]
)
WORDS = st.sampled_from(["TCP4", "TCP6", "UNKNOWN", "tcp4", "TCP5", "UNKNOWNS", "UDP4", ""])
ENDS = st.sampled_from(["\r\n", "\n", "\r", "\r\r\n", "\n\r\n", " \r\n", "", "\r\nmore"])
SPACES = st.sampled_from([" ", " ", " ", " ", "  ", "\t", ""])


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """A line that may be right in all of its parts."""
    gap = draw(SPACES)
    hosts = draw(
        st.tuples(HOSTS_4, HOSTS_4) | st.tuples(HOSTS_6, HOSTS_6) | st.tuples(HOSTS, HOSTS)
    )
    ports = draw(st.tuples(PORTS, PORTS))
    fields = ["PROXY", draw(WORDS), *hosts, *ports][: draw(st.sampled_from([6, 6, 6, 6, 2, 3, 5]))]
    fields += draw(st.sampled_from([[], [], [], ["x"]]))
    return (" ".join(fields[:-1]) + gap + fields[-1] + draw(ENDS)).encode()


def values(found: list[tuple[int, bytes]]) -> bytes:
    return b"".join(struct.pack("!BH", kind, len(data)) + data for kind, data in found)


def binary(kinds: bytes, body: bytes, size: int | None = None) -> bytes:
    length = len(body) if size is None else size
    return SIGNATURE + kinds + struct.pack("!H", length) + body


KINDS = st.tuples(
    st.sampled_from([0x21, 0x21, 0x21, 0x20, 0x22, 0x11, 0x31, 0x00]),
    st.sampled_from([0x11, 0x21, 0x31, 0x12, 0x22, 0x32, 0x00, 0x01, 0x10, 0x20, 0x30, 0x13, 0x40])
    | st.integers(0, 255),
).map(bytes)
VALUES = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=20)), max_size=4).map(values)


@st.composite
def binaries(draw: st.DrawFn) -> bytes:
    """A header of version 2 whose parts may not fit together."""
    kinds = draw(KINDS)
    usual = {1: 12, 2: 36, 3: 216}.get(kinds[1] >> 4, 0)
    room = usual + draw(st.sampled_from([0, 0, 0, -1, 1]))
    addresses = draw(st.binary(min_size=max(room, 0), max_size=max(room, 0)))
    body = addresses + draw(VALUES)
    if draw(st.booleans()):
        body += b"\x03\x00\x04" + bytes(4)
        whole = binary(kinds, body)
        total = reference.crc32c(whole) ^ draw(st.sampled_from([0, 0, 1]))
        return whole[:-4] + total.to_bytes(4, "big") + draw(st.binary(max_size=3))
    size = len(body) + draw(st.sampled_from([0, 0, 0, -1, 1, 5, 20_000]))
    return binary(kinds, body, max(size, 0)) + draw(st.binary(max_size=3))


@given(data=lines())
@settings(max_examples=1500)
def test_lines(c: CCode, data: bytes) -> None:
    agreed(c, data)


@given(data=binaries())
@settings(max_examples=1500)
def test_binary_headers(c: CCode, data: bytes) -> None:
    agreed(c, data)


@given(
    data=st.binary(max_size=40), start=st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE])
)
@settings(max_examples=500)
def test_any_bytes(c: CCode, start: bytes, data: bytes) -> None:
    agreed(c, start + data)


@given(data=lines() | binaries(), behind=st.binary(max_size=30))
@settings(max_examples=300)
def test_a_verdict_holds_whatever_comes(c: CCode, data: bytes, behind: bytes) -> None:
    """One byte at a time: first it is not whole, then there is one verdict, and it stays."""
    stream = data + behind
    verdict: Verdict = None
    for size in range(len(stream) + 1):
        found = agreed(c, stream[:size])
        assert verdict is None or found == verdict
        if isinstance(found, Found):
            assert verdict is not None or found.size == size, "it waited for more than it took"
        verdict = found


EXAMPLES = {
    b"PROXY TCP4 192.0.2.1 10.0.0.1 1000 5061\r\nrest": ("192.0.2.1", 1000, "10.0.0.1", 5061),
    b"PROXY TCP6 2001:db8::1 ::1 65535 0\r\n": ("2001:db8::1", 65535, "::1", 0),
    b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n": ("192.0.2.1", 1, "::1", 2),
    binary(b"\x21\x11", b"\xc0\0\2\1\x0a\0\0\1\x03\xe8\x13\xc5"): (
        "192.0.2.1", 1000, "10.0.0.1", 5061,
    ),
    binary(b"\x21\x12", b"\xc0\0\2\1\x0a\0\0\1\x03\xe8\x13\xc5"): (
        "192.0.2.1", 1000, "10.0.0.1", 5061,
    ),
    binary(b"\x21\x21", packed("2001:db8::1") + packed("::1") + b"\0\1\0\2"): (
        "2001:db8::1", 1, "::1", 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("data", EXAMPLES)
def test_addresses_that_are_said(c: CCode, data: bytes) -> None:
    found = agreed(c, data)
    assert isinstance(found, Found)
    source, port, destination, other_port = EXAMPLES[data]
    assert found.source == (packed(source), port)
    assert found.destination == (packed(destination), other_port)
    assert not found.is_local
    assert found.size == len(data.removesuffix(b"rest"))


@pytest.mark.parametrize(
    "data",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ffff::1 whatever  it is\r\n",
        binary(b"\x21\x00", b""),
        binary(b"\x21\x00", b"no values are looked for here"),
        binary(b"\x21\x10", bytes(3)),
        binary(b"\x21\x31", bytes(216)),
    ],
)
def test_clients_of_unknown_addresses(c: CCode, data: bytes) -> None:
    assert agreed(c, data) == Found(len(data))


@pytest.mark.parametrize("family", [0x00, 0x11, 0xFF])
@pytest.mark.parametrize("body", [b"", b"x", bytes(12), bytes(500)])
def test_local_says_nothing_else(c: CCode, family: int, body: bytes) -> None:
    data = binary(bytes([0x20, family]), body)
    assert agreed(c, data) == Found(len(data), is_local=True)


IPV4 = bytes(12)
REASONS = {
    b"\x16\x03\x01\x02\x00": "no PROXY protocol header (byte 1 is 0x16)",
    b"PROXi": "no PROXY protocol header (byte 5 is 0x69)",
    b"PROXY\t": "no PROXY protocol header (byte 6 is 0x09)",
    b"GET / HTTP/1.1\r\n": "no PROXY protocol header (byte 1 is 0x47)",
    SIGNATURE[:5] + b"x": "no PROXY protocol header (byte 6 is 0x78)",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n": "a line feed without carriage return",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rx": "a carriage return without line feed",
    b"PROXY UNKNOWN a\nb\r\n": "a line feed without carriage return",
    b"PROXY UNKNOWN" + b" " * 94: "more than 107 bytes",
    b"PROXY \r\n": "not the fields that are due",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n": "not the fields that are due",
    b"PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n": "not the fields that are due",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n": "not the fields that are due",
    b"PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n": "neither TCP4 nor TCP6 nor UNKNOWN",
    b"PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n": "source address",
    b"PROXY TCP4 ::1 1.2.3.4 1 2\r\n": "source address",
    b"PROXY TCP6 ::1 1.2.3.4 1 2\r\n": "destination address",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n": "source port",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n": "destination port",
    binary(b"\x11\x11", IPV4): "version 1, command 1",
    binary(b"\x2f\x11", IPV4): "version 2, command 15",
    binary(b"\x21\x41", IPV4): "address family 4, transport 1",
    binary(b"\x21\x13", IPV4): "address family 1, transport 3",
    binary(b"\x21\x11", IPV4[:-1]): "too short for its addresses",
    binary(b"\x21\x21", bytes(35)): "too short for its addresses",
    binary(b"\x21\x31", bytes(215)): "too short for its addresses",
    binary(b"\x21\x11", IPV4 + b"\x04"): "a value runs over its end",
    binary(b"\x21\x11", IPV4 + b"\x04\x00\x01"): "a value runs over its end",
    binary(b"\x21\x31", bytes(216) + b"\x04\x00\x01"): "a value runs over its end",
    binary(b"\x21\x11", IPV4 + b"\x03\x00\x04" + bytes(4)): "its checksum is wrong",
    binary(b"\x21\x11", IPV4 + b"\x03\x00\x03" + bytes(3)): "a checksum of another size",
    binary(b"\x21\x11", IPV4 + 2 * (b"\x03\x00\x04" + bytes(4))): "two checksums",
    SIGNATURE + b"\x21\x11\xff\xff": "of 65551 bytes, more than the limit of 16384",
    SIGNATURE + b"\x20\x00\x3f\xf1": "of 16385 bytes, more than the limit of 16384",
}


@pytest.mark.parametrize("data", REASONS)
def test_what_is_wrong_is_said_at_once(c: CCode, data: bytes) -> None:
    found = agreed(c, data)
    assert isinstance(found, str)
    assert REASONS[data] in found
    assert "PROXY protocol header" in found


def test_the_reason_may_be_nobodys_matter(c: CCode) -> None:
    view, _keep = c.bytes_in(b"no header")
    out = c.ffi.new("struct tlsmgm_proxy_header *")
    status = c.lib.tlsmgm_proxy_header_read(view, out, c.ffi.NULL)
    assert status == c.lib.TLSMGM_STATUS_PROTOCOL


def test_no_byte_yet(c: CCode) -> None:
    assert agreed(c, b"") is None
    out = c.ffi.new("struct tlsmgm_proxy_header *")
    nothing, _keep = c.bytes_in(None)
    assert c.lib.tlsmgm_proxy_header_read(nothing, out, c.ffi.NULL) == (
        c.lib.TLSMGM_STATUS_WANT_READ
    )


def test_bounds_are_exact(c: CCode) -> None:
    assert c.lib.TLSMGM_PROXY_LINE_MAX == reference.MAX_LINE == 107
    longest = b"PROXY UNKNOWN " + b"f" * 91 + b"\r\n"
    assert agreed(c, longest) == Found(107)
    assert agreed(c, longest[:-2]) is None
    assert agreed(c, longest[:-1]) is None
    assert isinstance(agreed(c, longest[:-2] + b"f\r\n"), str)
    most = c.lib.TLSMGM_PROXY_HEADER_MAX
    assert most == reference.MAX_HEADER
    assert agreed(c, binary(b"\x21\x00", bytes(most - 16))) == Found(most)


def test_the_checksum_is_that_of_the_rfc() -> None:
    """RFC 3720 appendix B.4: 32 bytes of zeros, and the numbers 0 to 31; else both were wrong."""
    assert reference.crc32c(bytes(32)) == 0x8A9136AA
    assert reference.crc32c(bytes(range(32))) == 0x46DD794E


def test_a_header_with_its_checksum(c: CCode) -> None:
    body = packed("2001:db8::1") + packed("::1") + b"\0\1\0\2"
    body += values([(0x04, b"pad"), (0x03, bytes(4)), (0x02, b"example.com")])
    whole = binary(b"\x21\x21", body)
    at = whole.index(b"\x03\x00\x04") + 3
    good = whole[:at] + reference.crc32c(whole).to_bytes(4, "big") + whole[at + 4 :]
    assert isinstance(agreed(c, good), Found)
    for position in set(range(16, len(good))) - {at - 3}:  # there it would be another value
        flipped = good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :]
        assert isinstance(agreed(c, flipped), str)


# Writing.


def end_in(c: CCode, end: End, slot: Any) -> Any:
    """Fill in an end; an address that is none becomes NONE.  Returns what must stay alive."""
    if isinstance(end, str):
        slot.kind = c.lib.TLSMGM_PROXY_END_UNIX
        slot.path, keep = c.bytes_in(end.encode("utf-8", "surrogateescape"))
        return keep
    slot.port = end[1]
    if end[0]:
        slot.kind = c.lib.TLSMGM_PROXY_END_IP
        c.ffi.buffer(slot.address)[:] = packed(end[0])
    return None


def facts_in(c: CCode, facts: TLSFacts) -> tuple[Any, list[Any]]:
    out = c.ffi.new("struct tlsmgm_proxy_tls *")
    alive = []
    for name in (
        "version", "cipher", "server_name", "alpn", "common_name", "signature_algorithm",
        "key_algorithm", "group",
    ):  # fmt: skip
        text = getattr(facts, name)
        data = None if text is None else text.encode("utf-8", "surrogateescape")
        view, keep = c.bytes_in(data)
        setattr(out, name, view)
        alive.append(keep)
    out.has_certificate = facts.has_certificate
    out.is_verified = facts.verified
    out.is_resumed = facts.session_reused
    return out, alive


def write(
    c: CCode, source: End, destination: End, facts: TLSFacts | None, room: int, *, text: bool
) -> bytes:
    """Write into a block of exactly ``room`` bytes; empty: there was not enough."""
    ends = c.ffi.new("struct tlsmgm_proxy_end[2]")
    alive = [end_in(c, end, slot) for end, slot in zip((source, destination), ends, strict=True)]
    out = c.ffi.new("uint8_t[]", room) if room else c.ffi.NULL
    if text:
        size = c.lib.tlsmgm_proxy_header_write_text(ends, ends + 1, out, room)
    else:
        tls, keep = facts_in(c, facts) if facts else (c.ffi.NULL, [])
        alive += keep
        size = c.lib.tlsmgm_proxy_header_write(ends, ends + 1, tls, out, room)
    return bytes(c.ffi.buffer(out, size)) if size else b""


NAMES = st.none() | st.text(max_size=20) | st.integers(1, MAX_VALUE + 1).map(lambda n: "n" * n)
FACTS = st.builds(
    TLSFacts, version=NAMES, cipher=NAMES, server_name=NAMES, alpn=NAMES,
    has_certificate=st.booleans(), verified=st.booleans(), session_reused=st.booleans(),
    common_name=NAMES, signature_algorithm=NAMES, key_algorithm=NAMES, group=NAMES,
)  # fmt: skip
GROUPS = st.lists(st.sampled_from([0, 0, 0, 1, 0x10, 0xABC, 0xFFFF]), min_size=8, max_size=8)
SPARSE = GROUPS.map(lambda groups: socket.inet_ntop(socket.AF_INET6, struct.pack("!8H", *groups)))
IP_ENDS = st.tuples(HOSTS_4 | HOSTS_6 | SPARSE, st.integers(0, 65535))
PATHS = st.sampled_from(["", "/run/a", "/" + "x" * 107, "/" + "x" * 108, "/\udcff"])
ANY_ENDS = IP_ENDS | st.just(("", 0)) | PATHS


@given(source=ANY_ENDS, destination=ANY_ENDS, facts=st.none() | FACTS)
@settings(max_examples=1000)
def test_headers_are_those_of_the_plain_writer(
    c: CCode, source: End, destination: End, facts: TLSFacts | None
) -> None:
    expected = writer.header(source, destination, facts)
    most = c.lib.TLSMGM_PROXY_WRITE_MAX
    assert write(c, source, destination, facts, most, text=False) == expected
    assert write(c, source, destination, facts, len(expected), text=False) == expected
    assert write(c, source, destination, facts, len(expected) - 1, text=False) == b""
    assert isinstance(agreed(c, expected), Found)


@given(source=ANY_ENDS, destination=ANY_ENDS)
@settings(max_examples=1000)
def test_lines_are_those_of_the_plain_writer(c: CCode, source: End, destination: End) -> None:
    expected = writer.text_header(source, destination)
    most = c.lib.TLSMGM_PROXY_LINE_MAX
    assert write(c, source, destination, None, most, text=True) == expected
    assert write(c, source, destination, None, len(expected), text=True) == expected
    assert write(c, source, destination, None, len(expected) - 1, text=True) == b""


@given(source=IP_ENDS, destination=IP_ENDS, facts=st.none() | FACTS, text=st.booleans())
@settings(max_examples=300)
def test_what_is_written_is_read_again(
    c: CCode, source: tuple[str, int], destination: tuple[str, int], facts: TLSFacts, text: bool
) -> None:
    data = write(c, source, destination, facts, c.lib.TLSMGM_PROXY_WRITE_MAX, text=text)
    found = agreed(c, data + b"rest")
    expected = Found(
        len(data),
        source=(packed(source[0]), source[1]),
        destination=(packed(destination[0]), destination[1]),
    )
    assert found == expected


def test_the_largest_header_has_just_enough_room(c: CCode) -> None:
    name = "x" * MAX_VALUE
    facts = replace(
        TLSFacts(name, name), server_name=name, alpn=name, common_name=name,
        signature_algorithm=name, key_algorithm=name, group=name,
    )  # fmt: skip
    most = c.lib.TLSMGM_PROXY_WRITE_MAX
    assert MAX_VALUE == c.lib.TLSMGM_PROXY_VALUE_MAX
    assert len(write(c, "/a", "/b", facts, most, text=False)) == most < reference.MAX_HEADER
    assert write(c, "/a", "/b", facts, most - 1, text=False) == b""
    address = "ffff:" * 7 + "ffff"
    line = write(c, (address, 65535), (address, 65535), None, 104, text=True)
    assert len(line) == 104


@pytest.mark.parametrize("room", [0, 5, 14])
def test_without_room_nothing_is_written_behind_it(c: CCode, room: int) -> None:
    assert write(c, ("", 0), ("", 0), None, room, text=True) == b""
    assert write(c, ("", 0), ("", 0), TLSFacts("T", "C"), room, text=False) == b""


def test_local(c: CCode) -> None:
    out = c.ffi.new("uint8_t[]", 16)
    assert c.lib.tlsmgm_proxy_header_write_local(out, 15) == 0
    assert c.lib.tlsmgm_proxy_header_write_local(out, 16) == 16
    assert bytes(c.ffi.buffer(out)) == writer.local_header()
    assert agreed(c, bytes(c.ffi.buffer(out))) == Found(16, is_local=True)
