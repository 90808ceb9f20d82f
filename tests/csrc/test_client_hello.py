"""The ClientHello reader and parser: real hellos, hand-made ones, and broken ones."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import hello
from tests.support.c_code import CCode

UNEXPECTED_MESSAGE, RECORD_OVERFLOW, ILLEGAL_PARAMETER = 10, 22, 47
DECODE_ERROR, PROTOCOL_VERSION, UNRECOGNIZED_NAME = 50, 70, 112


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the alert for the peer, and our sentence."""

    status: str
    alert: int = -1
    text: str = ""


@dataclass(frozen=True)
class Hello:
    """What a client offers, as Python values."""

    legacy_version: int
    server_name: bytes | None
    session_id: bytes
    cipher_suites: bytes
    supported_versions: bytes
    signature_algorithms: bytes
    groups: bytes
    alpn: bytes
    offers_session: bool


@contextmanager
def new_reader(c: CCode, limit: int = 0) -> Iterator[Any]:
    reader = c.ffi.new("struct tlsmgm_hello_reader *")
    c.lib.tlsmgm_hello_reader_init(reader, limit)
    try:
        yield reader
    finally:
        c.lib.tlsmgm_hello_reader_free(reader)


def answer(c: CCode, status: int, error: Any) -> Answer:
    name = c.status_name(status)
    if name in {"OK", "WANT_READ"}:
        return Answer(name)
    assert error.status == status
    assert c.text(error)
    return Answer(name, error.alert, c.text(error))


def feed(c: CCode, reader: Any, data: bytes) -> Answer:
    error = c.error()
    view, _keep = c.bytes_in(data)
    return answer(c, c.lib.tlsmgm_hello_reader_feed(reader, view.data, view.size, error), error)


def gathered(c: CCode, reader: Any) -> bytes:
    return c.bytes_out(c.lib.tlsmgm_buffer_view(c.ffi.addressof(reader, "message")))


def replayed(c: CCode, reader: Any) -> bytes:
    buffer = c.ffi.new("struct tlsmgm_buffer *")
    c.lib.tlsmgm_buffer_init(buffer, 1 << 20)
    try:
        assert c.lib.tlsmgm_hello_reader_replay(reader, buffer) == c.lib.TLSMGM_STATUS_OK
        return c.bytes_out(c.lib.tlsmgm_buffer_view(buffer))
    finally:
        c.lib.tlsmgm_buffer_free(buffer)


def read_in_pieces(c: CCode, wire: bytes, size: int, limit: int = 0) -> tuple[Answer, bytes]:
    with new_reader(c, limit) as reader:
        out = Answer("WANT_READ")
        for at in range(0, len(wire), size):
            out = feed(c, reader, wire[at : at + size])
            if out.status != "WANT_READ":
                break
        return out, gathered(c, reader)


def read(c: CCode, wire: bytes, limit: int = 0) -> Answer:
    """Feed everything at once, then again byte by byte: the answer must be the same."""
    at_once, message = read_in_pieces(c, wire, len(wire) or 1, limit)
    bytewise, same = read_in_pieces(c, wire, 1, limit)
    assert at_once == bytewise
    if at_once.status == "OK":
        assert message == same
    return at_once


def parse(c: CCode, message: bytes) -> tuple[Answer, Hello]:
    view, _keep = c.bytes_in(message)
    out = c.ffi.new("struct tlsmgm_client_hello *")
    error = c.error()
    got = answer(c, c.lib.tlsmgm_client_hello_parse(view, out, error), error)
    return got, Hello(
        legacy_version=out.legacy_version,
        server_name=c.bytes_out(out.server_name) if out.has_server_name else None,
        session_id=c.bytes_out(out.session_id),
        cipher_suites=c.bytes_out(out.cipher_suites),
        supported_versions=c.bytes_out(out.supported_versions),
        signature_algorithms=c.bytes_out(out.signature_algorithms),
        groups=c.bytes_out(out.groups),
        alpn=c.bytes_out(out.alpn),
        offers_session=out.offers_session,
    )


def refusal(c: CCode, message: bytes) -> int:
    """Return the alert for a message that must be refused."""
    got, _ = parse(c, message)
    assert got.status == "PROTOCOL"
    return got.alert


# The reader.


@pytest.mark.parametrize("highest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", ["proxy.example", "a" * 63 + ".example", None])
def test_real_hellos_are_read(c: CCode, name: str | None, highest: ssl.TLSVersion) -> None:
    wire = hello.real_hello(name, ["sip/2", "h2"], highest=highest)
    assert read(c, wire) == Answer("OK")
    _, message = read_in_pieces(c, wire, len(wire))
    assert message == wire[5:]
    got, offered = parse(c, message)
    assert got == Answer("OK")
    assert offered.server_name == (None if name is None else name.encode())
    assert offered.alpn == b"\x05sip/2\x02h2"
    assert offered.legacy_version == 0x0303
    assert (b"\x03\x04" in offered.supported_versions) == (highest is ssl.TLSVersion.TLSv1_3)
    assert offered.groups
    assert offered.signature_algorithms
    assert not offered.offers_session


@pytest.mark.parametrize("size", [*range(1, 12), 100, 1000])
def test_a_hello_may_be_cut_into_records_of_any_size(c: CCode, size: int) -> None:
    message = hello.real_hello()[5:]
    wire = hello.records(message, size)
    assert read(c, wire) == Answer("OK")
    for piece in (2, 3, 7, 64):
        assert read_in_pieces(c, wire, piece) == (Answer("OK"), message)


def test_every_beginning_of_a_hello_wants_more(c: CCode) -> None:
    wire = hello.records(hello.real_hello()[5:], 50)
    for size in range(len(wire)):
        assert read_in_pieces(c, wire[:size], size or 1)[0] == Answer("WANT_READ")


def test_what_follows_the_hello_is_left_alone(c: CCode) -> None:
    message = hello.message()
    for tail in (b"\x14\x03\x03\x00\x01\x01", b"GET / HTTP/1.1", bytes(100)):
        assert read_in_pieces(c, hello.records(message) + tail, 10_000) == (Answer("OK"), message)
    # The same record may already carry another message.
    wire = hello.records(message + b"\x02\x00\x00\x00")
    assert read_in_pieces(c, wire, 10_000) == (Answer("OK"), message)


@pytest.mark.parametrize(
    ("wire", "is_plain"),
    [
        (hello.records(hello.message()), True),
        (hello.records(hello.message()) + b"\x14\x03\x03\x00\x01\x01", True),
        (hello.records(hello.message(), 30), False),
        (hello.records(hello.message() + b"\x02\x00\x00\x00"), False),
    ],
    ids=["one record", "more records behind", "cut up", "another message in the record"],
)
def test_a_plain_hello_is_its_own_replay(c: CCode, wire: bytes, is_plain: bool) -> None:
    with new_reader(c) as reader:
        assert feed(c, reader, wire) == Answer("OK")
        assert c.lib.tlsmgm_hello_reader_is_plain(reader) is is_plain
        replay = replayed(c, reader)
        assert (replay == wire[: reader.consumed]) is is_plain
        assert replay.startswith(hello.records(hello.message()))


def test_a_complete_reader_stays_complete(c: CCode) -> None:
    with new_reader(c) as reader:
        assert feed(c, reader, hello.records(hello.message())) == Answer("OK")
        assert feed(c, reader, b"more") == Answer("OK")
        assert feed(c, reader, b"") == Answer("OK")
        assert gathered(c, reader) == hello.message()


@pytest.mark.parametrize(
    ("wire", "alert"),
    [
        (b"GET / HTTP/1.1\r\n", UNEXPECTED_MESSAGE),
        (b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10", UNEXPECTED_MESSAGE),  # SSL 2
        (b"\x17\x03\x03\x00\x01x", UNEXPECTED_MESSAGE),
        (b"\x14\x03\x03\x00\x01\x01", UNEXPECTED_MESSAGE),
        (b"\x00", UNEXPECTED_MESSAGE),
        (b"\x16\x02\x00\x00\x05", PROTOCOL_VERSION),
        (b"\x16\x04\x00\x00\x05", PROTOCOL_VERSION),
        (b"\x16\x03\x01\x00\x00", UNEXPECTED_MESSAGE),
        (b"\x16\x03\x01\x40\x01", RECORD_OVERFLOW),
        (b"\x16\x03\x01\xff\xff", RECORD_OVERFLOW),
        (b"\x16\x03\x01\x00\x05\x02", UNEXPECTED_MESSAGE),
        (b"\x16\x03\x01\x00\x01\x01\x16\x03\x01\x00\x00", UNEXPECTED_MESSAGE),
        (b"\x16\x03\x01\x00\x01\x01\x17\x03\x01\x00\x01x", UNEXPECTED_MESSAGE),
        (b"\x16\x03\x01\x00\x01\x01\x15\x03\x01\x00\x02\x02\x28", UNEXPECTED_MESSAGE),
        (b"\x15\x03\x01\x00\x03\x02\x28\x00", UNEXPECTED_MESSAGE),
        (b"\x15\x03\x01\x00\x01\x02", UNEXPECTED_MESSAGE),
    ],
)
def test_wires_that_cannot_be_a_hello_are_refused(c: CCode, wire: bytes, alert: int) -> None:
    got = read(c, wire)
    assert (got.status, got.alert) == ("PROTOCOL", alert)


def test_the_first_byte_is_enough_to_refuse(c: CCode) -> None:
    assert read(c, b"S").status == "PROTOCOL"


@pytest.mark.parametrize(
    ("method", "words"),
    [(word, "http request") for word in ("GET ", "POST ", "HEAD ", "PUT ")]
    + [(word, "http request") for word in ("PATCH", "OPTIO", "DELET", "TRACE")]
    + [("CONNE", "https proxy request")],
)
def test_requests_are_known_by_five_bytes(c: CCode, method: str, words: str) -> None:
    wire = method.encode()
    for size in range(1, len(wire)):
        assert read(c, wire[:size]).status == "WANT_READ"
        other = read(c, wire[:size] + b"\n")
        assert (other.status, other.alert) == ("PROTOCOL", UNEXPECTED_MESSAGE)
        assert f"first byte 0x{wire[0]:02x}" in other.text
    got = read(c, wire)
    assert (got.status, got.alert) == ("PROTOCOL", UNEXPECTED_MESSAGE)
    assert got.text.startswith(f"{words}: the client does not speak TLS")
    assert "first byte" in read(c, b"\x16\x03\x01\x00\x01\x01" + wire).text


@pytest.mark.parametrize("number", [0, 40, 112, 255])
def test_an_alert_instead_of_a_hello_is_told(c: CCode, number: int) -> None:
    wire = bytes([21, 3, 1, 0, 2, 2, number])
    for size in range(len(wire)):
        assert read_in_pieces(c, wire[:size], 100)[0] == Answer("WANT_READ")
    got = read(c, wire)
    assert (got.status, got.alert) == ("ALERT", number)


def test_the_limit_counts_the_whole_message(c: CCode) -> None:
    message = hello.message(hello.server_name(b"proxy.example"))
    wire = hello.records(message, 16)
    assert read(c, wire, len(message)) == Answer("OK")
    got = read(c, wire, len(message) - 1)
    assert (got.status, got.alert) == ("HELLO_TOO_LARGE", ILLEGAL_PARAMETER)


def test_what_a_header_promises_is_too_large(c: CCode) -> None:
    got = read(c, b"\x16\x03\x01\x00\x04\x01\xff\xff\xff")
    assert (got.status, got.alert) == ("HELLO_TOO_LARGE", ILLEGAL_PARAMETER)


def test_a_hello_of_the_default_limit_is_read(c: CCode) -> None:
    room = c.lib.TLSMGM_CLIENT_HELLO_LIMIT - len(hello.message(tail=b""))
    assert read(c, hello.records(hello.message(tail=bytes(room)))) == Answer("OK")
    got = read(c, hello.records(hello.message(tail=bytes(room + 1))))
    assert (got.status, got.alert) == ("HELLO_TOO_LARGE", ILLEGAL_PARAMETER)


@given(wire=st.binary(max_size=200), limit=st.integers(0, 300))
@settings(max_examples=300)
def test_any_wire_may_come(c: CCode, wire: bytes, limit: int) -> None:
    expected = {"WANT_READ", "PROTOCOL", "HELLO_TOO_LARGE", "ALERT", "OK"}
    assert read(c, wire, limit).status in expected


@given(cuts=st.lists(st.integers(1, 400), min_size=1, max_size=30), piece=st.integers(1, 600))
def test_records_of_mixed_sizes_are_read(c: CCode, cuts: list[int], piece: int) -> None:
    message = hello.message(hello.server_name(b"proxy.example"), hello.extension(21, bytes(900)))
    wire, at = b"", 0
    while at < len(message):
        size = cuts[len(wire) % len(cuts)]
        wire += hello.records(message[at : at + size])
        at += size
    assert read_in_pieces(c, wire, piece) == (Answer("OK"), message)


def test_alert_records_are_fatal_alerts(c: CCode) -> None:
    record = c.ffi.new("uint8_t[]", c.lib.TLSMGM_ALERT_RECORD_SIZE)
    c.lib.tlsmgm_alert_record(c.lib.TLSMGM_ALERT_UNRECOGNIZED_NAME, record)
    assert bytes(record) == b"\x15\x03\x03\x00\x02\x02\x70"


# The parser.


def test_every_part_is_found(c: CCode) -> None:
    got, offered = parse(
        c,
        hello.message(
            hello.extension(hello.GROUPS, hello.vector(2, b"\0\x1d\0\x17")),
            hello.extension(0xFAFA, b""),
            hello.server_name(b"Proxy.Example"),
            hello.extension(hello.SIGNATURES, hello.vector(2, b"\x04\x03")),
            hello.extension(hello.ALPN, hello.vector(2, b"\x02h2\x01x")),
            hello.extension(hello.VERSIONS, hello.vector(1, b"\x03\x04\x03\x03")),
            session_id=bytes(range(32)),
            suites=b"\x13\x01",
        ),
    )
    assert got == Answer("OK")
    assert offered == Hello(
        legacy_version=0x0303,
        server_name=b"Proxy.Example",
        session_id=bytes(range(32)),
        cipher_suites=b"\x13\x01",
        supported_versions=b"\x03\x04\x03\x03",
        signature_algorithms=b"\x04\x03",
        groups=b"\0\x1d\0\x17",
        alpn=b"\x02h2\x01x",
        offers_session=False,
    )


@pytest.mark.parametrize("tail", [b"", b"\0\0"])
def test_extensions_may_be_missing(c: CCode, tail: bytes) -> None:
    got, offered = parse(c, hello.message(tail=tail))
    assert got == Answer("OK")
    assert offered.server_name is None
    assert offered.alpn == b""


@pytest.mark.parametrize(
    ("extension", "offers"),
    [
        (hello.extension(hello.TICKET, b""), False),
        (hello.extension(hello.TICKET, b"ticket"), True),
        (hello.extension(hello.PSK, b""), True),
    ],
)
def test_offered_sessions_are_seen(c: CCode, extension: bytes, offers: bool) -> None:
    got, offered = parse(c, hello.message(extension))
    assert got == Answer("OK")
    assert offered.offers_session is offers


@pytest.mark.parametrize("size", [1, 254, 255])
def test_names_up_to_255_bytes_are_read(c: CCode, size: int) -> None:
    got, offered = parse(c, hello.message(hello.server_name(b"n" * size)))
    assert got == Answer("OK")
    assert offered.server_name == b"n" * size


@pytest.mark.parametrize("name", [b"n" * 256, b"n" * 5000, b"\0", b"good\0.evil", b"good\0"])
def test_names_that_are_no_host_are_unrecognized(c: CCode, name: bytes) -> None:
    message = hello.message(hello.server_name(name))
    assert refusal(c, message) == UNRECOGNIZED_NAME
    assert parse(c, message)[1].server_name is None


@pytest.mark.parametrize(
    "extension",
    [
        hello.server_name(b""),
        hello.server_name(b"one", b"two"),
        hello.server_name(b"same", b"same"),
        hello.server_name(b"name", kind=1),
        hello.server_name(),
        hello.extension(hello.SERVER_NAME, b""),
        hello.extension(hello.SERVER_NAME, b"\0\x04\0\0\x01n\0"),
        hello.extension(hello.SERVER_NAME, b"\0\x05\0\0\x01n"),
        hello.extension(hello.SERVER_NAME, b"\0\x04\0\0\x02n"),
        hello.extension(hello.SERVER_NAME, b"\0\x05\0\0\x01nx"),
        hello.extension(hello.ALPN, b""),
        hello.extension(hello.ALPN, b"\0\0"),
        hello.extension(hello.ALPN, b"\0\x01\0"),
        hello.extension(hello.ALPN, b"\0\x04\x02h2\0"),
        hello.extension(hello.ALPN, b"\0\x03\x03h2"),
        hello.extension(hello.ALPN, b"\0\x03\x02h2x"),
        hello.extension(hello.GROUPS, b"\0\0"),
        hello.extension(hello.GROUPS, b"\0\x03\0\x1d\0"),
        hello.extension(hello.GROUPS, b"\0\x04\0\x1d"),
        hello.extension(hello.SIGNATURES, b"\0\x02\x04\x03\0"),
        hello.extension(hello.SIGNATURES, b""),
        hello.extension(hello.VERSIONS, b"\0"),
        hello.extension(hello.VERSIONS, b"\x03\x03\x04\x03"),
        hello.extension(hello.VERSIONS, b"\x04\x03\x04"),
    ],
)
def test_malformed_extensions_are_refused(c: CCode, extension: bytes) -> None:
    assert refusal(c, hello.message(extension)) == DECODE_ERROR


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x01",
        b"\x01\0\0\0",
        b"\x02" + hello.message()[1:],
        hello.message() + b"\0",
        hello.message()[:-1],
        hello.message(tail=b"\0"),
        hello.message(tail=b"\0\x01"),
        hello.message(tail=b"\0\0\0"),
        hello.message(tail=b"\0\x03\0\0\0"),
        hello.message(tail=b"\0\x04\0\0\0\x01"),
        hello.message(session_id=bytes(33)),
        hello.message(suites=b""),
        hello.message(suites=b"\x13"),
        hello.message(suites=b"\x13\x01\x13"),
        hello.message(compression=b""),
    ],
)
def test_malformed_messages_are_refused(c: CCode, message: bytes) -> None:
    assert refusal(c, message) == DECODE_ERROR


@pytest.mark.parametrize("number", [0, 16, 21, 0xFAFA])
def test_no_extension_may_stand_twice(c: CCode, number: int) -> None:
    one = {0: hello.server_name(b"a"), 16: hello.extension(16, b"\0\x03\x02h2")}
    extension = one.get(number, hello.extension(number, b""))
    message = hello.message(extension, hello.extension(99, b""), extension)
    assert refusal(c, message) == ILLEGAL_PARAMETER


def test_any_number_of_extensions(c: CCode) -> None:
    many = [hello.extension(1000 + number, b"") for number in range(16000)]
    assert parse(c, hello.message(*many))[0] == Answer("OK")
    assert refusal(c, hello.message(*many, many[0])) == ILLEGAL_PARAMETER


@pytest.fixture(scope="module")
def real_message() -> bytes:
    return hello.real_hello("proxy.example", ["h2"])[5:]


def test_no_truncated_message_is_taken(c: CCode, real_message: bytes) -> None:
    for size in range(len(real_message)):
        assert refusal(c, real_message[:size]) == DECODE_ERROR
        # With its length mended, the end may fall between two extensions only.
        body = real_message[4:size]
        got, offered = parse(c, b"\x01" + hello.vector(3, body))
        assert got.status == "PROTOCOL" or (got.status == "OK" and offered.server_name is None)


@pytest.mark.parametrize("bits", [0x01, 0x10, 0x80, 0xFF])
def test_any_byte_may_be_wrong(c: CCode, real_message: bytes, bits: int) -> None:
    for at in range(len(real_message)):
        bent = bytearray(real_message)
        bent[at] ^= bits
        assert parse(c, bytes(bent))[0].status in {"OK", "PROTOCOL"}
        got, _ = read_in_pieces(c, hello.records(bytes(bent)), 100_000)
        assert got.status in {"OK", "PROTOCOL", "HELLO_TOO_LARGE", "WANT_READ"}


@given(message=st.binary(max_size=300))
def test_any_message_may_come(c: CCode, message: bytes) -> None:
    assert parse(c, message)[0].status == "PROTOCOL"


@given(tail=st.binary(max_size=200))
@settings(max_examples=300)
def test_any_extensions_may_come(c: CCode, tail: bytes) -> None:
    whole = hello.message(tail=hello.vector(2, tail))
    assert parse(c, whole)[0].status in {"OK", "PROTOCOL"}


@pytest.mark.parametrize(
    ("legacy", "versions", "lowest", "offered"),
    [
        (0x0303, None, 0x0303, True),
        (0x0303, None, 0x0304, False),
        (0x0304, None, 0x0303, True),
        (0x0304, None, 0x0304, False),
        (0x7F7F, None, 0x0304, False),
        (0x0302, None, 0x0303, False),
        (0x0303, b"\x03\x04", 0x0304, True),
        (0x0303, b"\x03\x03", 0x0304, False),
    ],
)
def test_versions_that_are_offered(
    c: CCode, legacy: int, versions: bytes | None, lowest: int, offered: bool
) -> None:
    """The extension counts; without it a client speaks 1.2 at the most (RFC 8446 section 4.2.1)."""
    extensions = (
        () if versions is None else (hello.extension(hello.VERSIONS, hello.vector(1, versions)),)
    )
    view, _keep = c.bytes_in(hello.message(*extensions, version=legacy.to_bytes(2, "big")))
    out = c.ffi.new("struct tlsmgm_client_hello *")
    assert c.lib.tlsmgm_client_hello_parse(view, out, c.error()) == c.lib.TLSMGM_STATUS_OK
    assert bool(c.lib.tlsmgm_client_hello_offers(out, lowest, 0)) is offered
