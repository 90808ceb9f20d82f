"""Certificate fields against recorded answers, against OpenSSL and cryptography, and by hand."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support import der
from tests.support.c_code import CCode
from tests.support.cases import cases_path, load_cases
from tests.support.certificate_fields import (
    ATTRIBUTES,
    SAN_KINDS,
    Fields,
    OpenSSLOracle,
    RefusedError,
    attribute,
    name_text,
    read,
    time_of,
)

EPOCH = datetime.datetime(1970, 1, 1)
RECORDED = sorted(path.stem for path in (cases_path() / "pki").glob("*.pem"))
TEXT_TAGS = [der.UTF8, der.NUMERIC, der.PRINTABLE, der.T61, der.IA5, der.BMP, der.UNIVERSAL]
COMMON_TYPES = [
    *(f"2.5.4.{last}" for last in range(106)),
    *(f"0.9.2342.19200300.100.1.{last}" for last in range(58)),
    *(f"1.2.840.113549.1.9.{last}" for last in (1, 2, 7, 8, 20)),
    *(f"1.3.6.1.4.1.311.60.2.1.{last}" for last in (1, 2, 3)),
    *(f"1.2.643.100.{last}" for last in range(6)),
    "1.2.643.3.131.1.1",
    "1.2.3",
    "2.999.3",
    "2.25.329800735698586629295641978511506172918",
    "0.0",
    "0.39",
    "1.0",
    "1.39.1",
    "2.0",
    "2.39",
    "2.40.1",
    "2.47.127.128",
    "2.48.16383.16384",
    "2.5.4.3.1",
    "2.5.4.131",
]


@pytest.fixture(scope="session")
def oracle() -> OpenSSLOracle:
    return OpenSSLOracle()


def load_der(path: Path) -> bytes:
    return x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)


def recorded_der(stem: str) -> bytes:
    return load_der(cases_path() / "pki" / f"{stem}.pem")


def variables_of(fields: Fields, who: str) -> dict[str, str | None]:
    out: dict[str, str | None] = {
        f"tls_{who}_version": str(fields.version),
        f"tls_{who}_subject": fields.subject,
        f"tls_{who}_issuer": fields.issuer,
    }
    for word in ATTRIBUTES:
        out[f"tls_{who}_subject_{word}"] = fields.subject_attributes[word]
        out[f"tls_{who}_issuer_{word}"] = fields.issuer_attributes[word]
    for kind in SAN_KINDS:
        out[f"tls_{who}_san_{kind.lower()}"] = fields.sans[kind]
    if who == "peer":
        out["tls_peer_serial"] = fields.serial
        out["tls_peer_notBefore"] = fields.not_before.text
        out["tls_peer_notAfter"] = fields.not_after.text
    return out


@pytest.mark.parametrize("who", ["peer", "my"])
@pytest.mark.parametrize("row", load_cases("variables"), ids=lambda row: str(row["client_cert"]))
def test_variables_are_those_that_were_recorded(c: CCode, row: dict[str, Any], who: str) -> None:
    stem = row["client_cert"] if who == "peer" else "dom1"
    if stem is None:
        return
    recorded = row["variables"]
    for name, value in variables_of(read(c, recorded_der(stem)), who).items():
        expected = recorded.get(name, value)
        if name.endswith("_san_ip") and expected is not None:
            # The original writes IPv6 addresses its own way.
            expected = str(ipaddress.ip_address(expected))
        if name == "tls_peer_serial" and expected is None:
            continue
        assert value == expected, name


@pytest.mark.parametrize("stem", RECORDED)
def test_fields_are_those_that_cryptography_reads(c: CCode, stem: str) -> None:
    data = recorded_der(stem)
    theirs = x509.load_der_x509_certificate(data)
    ours = read(c, data)
    assert ours.version == theirs.version.value
    assert ours.serial == str(theirs.serial_number)
    assert ours.not_before.unix == theirs.not_valid_before_utc.timestamp()
    assert ours.not_after.unix == theirs.not_valid_after_utc.timestamp()
    key = theirs.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert ours.public_key_info == key
    expected = der.oid_contents(theirs.signature_algorithm_oid.dotted_string)
    assert ours.signature_algorithm == expected


@pytest.mark.parametrize("stem", RECORDED)
def test_one_line_names_are_those_of_openssl(c: CCode, oracle: OpenSSLOracle, stem: str) -> None:
    data = recorded_der(stem)
    ours = read(c, data)
    assert (ours.subject, ours.issuer) == oracle.certificate_names(data)


def encoded_text(tag: int, text: str) -> bytes:
    codec = {der.UTF8: "utf-8", der.BMP: "utf-16-be", der.UNIVERSAL: "utf-32-be"}
    return text.encode(codec.get(tag, "latin-1"), "replace")


ENTRIES = st.builds(
    lambda dotted, tag, value: der.entry(dotted, tag, value),
    st.sampled_from(COMMON_TYPES),
    st.sampled_from([der.UTF8, der.PRINTABLE, der.T61, der.IA5, der.NUMERIC, der.SEQUENCE]),
    st.binary(max_size=40),
) | st.builds(
    lambda tag, text: der.entry(der.COMMON_NAME, tag, encoded_text(tag, text)),
    st.sampled_from(TEXT_TAGS),
    st.text(max_size=20),
)
NAMES = st.lists(st.lists(ENTRIES, min_size=1, max_size=3), max_size=4).map(
    lambda sets: b"".join(der.tlv(der.SET, *entries) for entries in sets)
)


def one_line(c: CCode, name: bytes) -> str | None:
    view, _keep = c.bytes_in(name)
    return name_text(c, view) if c.lib.tlsmgm_name_is_valid(view) else None


@given(name=NAMES)
@settings(max_examples=400)
def test_any_name_reads_as_openssl_writes_it(c: CCode, oracle: OpenSSLOracle, name: bytes) -> None:
    ours = one_line(c, name)
    assert ours is not None
    theirs = oracle.one_line(der.tlv(der.SEQUENCE, name))
    # OpenSSL already refuses text in a wrong encoding here; wolfSSL lets it pass.
    assert theirs in {None, ours}


@pytest.mark.parametrize("dotted", COMMON_TYPES)
def test_attribute_types_have_openssl_s_short_names(
    c: CCode, oracle: OpenSSLOracle, dotted: str
) -> None:
    name = der.name(der.entry(dotted, der.UTF8, b"x"))
    assert one_line(c, name) == oracle.one_line(der.tlv(der.SEQUENCE, name))


@given(name=NAMES, data=st.data())
@settings(max_examples=300)
def test_bent_names_read_as_openssl_writes_them(
    c: CCode, oracle: OpenSSLOracle, name: bytes, data: st.DataObject
) -> None:
    bent = bytearray(name or b"\x31\x00")
    at = data.draw(st.integers(0, len(bent) - 1))
    bent[at] = data.draw(st.integers(0, 255))
    ours = one_line(c, bytes(bent))
    theirs = oracle.one_line(der.tlv(der.SEQUENCE, bytes(bent)))
    assert ours is None or theirs is None or without_types(theirs) == without_types(ours)


def without_types(line: str) -> str:
    """A bent type may hit an object such as rsaEncryption, for which only OpenSSL has a name."""
    return re.sub(r"([/+])[^=/+]*=", r"\1=", line)


def test_separators_in_values_are_escaped(c: CCode) -> None:
    entries = [der.entry("2.5.4.10", der.UTF8, b"a/b+c\\"), der.entry("2.5.4.3", der.UTF8, b"=")]
    assert one_line(c, der.tlv(der.SET, *entries)) == "/O=a\\/b\\+c\\+CN=="
    assert one_line(c, der.name(*entries)) == "/O=a\\/b\\+c\\/CN=="


def common_name(c: CCode, *values: tuple[int, bytes]) -> str | None:
    name = der.name(*(der.entry(der.COMMON_NAME, tag, value) for tag, value in values))
    view, _keep = c.bytes_in(name)
    assert c.lib.tlsmgm_name_is_valid(view)
    return attribute(c, view, "COMMON_NAME")


@given(text=st.text(alphabet=st.characters(min_codepoint=1, exclude_categories=["Cs"])))
@example("\x7f\x80\u07ff\u0800\uffff\U00010000\U0010ffff")
def test_utf8_and_universal_strings_keep_every_character(c: CCode, text: str) -> None:
    assert common_name(c, (der.UTF8, text.encode())) == text
    assert common_name(c, (der.UNIVERSAL, text.encode("utf-32-be"))) == text


@given(value=st.binary(max_size=6))
@settings(max_examples=500)
@example(b"\xed\xa0\x80")
@example(b"\xc0\x80")
@example(b"\xf4\x90\x80\x80")
@example(b"\xe2\x82")
def test_only_valid_utf8_without_nul_is_a_text(c: CCode, value: bytes) -> None:
    expected = None
    with contextlib.suppress(UnicodeDecodeError):
        expected = value.decode()
    if b"\0" in value:
        expected = None
    assert common_name(c, (der.UTF8, value)) == expected


@pytest.mark.parametrize("tag", [der.NUMERIC, der.PRINTABLE, der.T61, der.IA5])
def test_one_byte_strings_are_latin_1(c: CCode, tag: int) -> None:
    value = bytes(range(1, 256))
    assert common_name(c, (tag, value)) == value.decode("latin-1")


def test_bmp_strings_are_ucs_2(c: CCode) -> None:
    assert common_name(c, (der.BMP, "Zürich€".encode("utf-16-be"))) == "Zürich€"
    assert common_name(c, (der.BMP, "😀".encode("utf-16-be"))) is None
    assert common_name(c, (der.UNIVERSAL, b"\x00\x11\x00\x00")) is None


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (der.UTF8, b"good.example\0.evil.example"),
        (der.PRINTABLE, b"good.example\0"),
        (der.BMP, b"\0g\0\0\0x"),
        (der.UNIVERSAL, bytes(4)),
        (der.BIT_STRING, b"\0good"),
        (der.SEQUENCE, der.tlv(der.UTF8, b"good")),
    ],
)
def test_a_value_that_could_pose_as_another_is_absent(c: CCode, tag: int, value: bytes) -> None:
    assert common_name(c, (tag, value)) is None
    assert common_name(c, (tag, value), (der.UTF8, b"second")) is None


def test_the_first_value_wins(c: CCode) -> None:
    assert common_name(c, (der.UTF8, b"first"), (der.UTF8, b"second")) == "first"
    assert common_name(c, (der.UTF8, b""), (der.UTF8, b"second")) == ""


@pytest.mark.parametrize(
    "name",
    [
        b"\x31\x00",
        der.tlv(der.SET, der.tlv(der.SEQUENCE, der.oid("2.5.4.3"))),
        der.tlv(der.SET, der.tlv(der.SEQUENCE, der.oid("2.5.4.3"), b"\x0c\x00", b"\x05\x00")),
        der.tlv(der.SEQUENCE, der.entry("2.5.4.3", der.UTF8, b"x")),
        der.tlv(der.SET, der.tlv(der.SET, der.oid("2.5.4.3"), b"\x0c\x00")),
        der.name(der.tlv(der.SEQUENCE, b"\x06\x00", b"\x0c\x00")),
        der.name(der.tlv(der.SEQUENCE, b"\x06\x02\x55\x84", b"\x0c\x00")),
        der.name(der.tlv(der.SEQUENCE, b"\x06\x03\x55\x80\x04", b"\x0c\x00")),
        der.name(der.tlv(der.SEQUENCE, der.tlv(der.OID, b"\x55" * 65), b"\x0c\x00")),
        der.name(der.entry("2.5.4.3", der.BMP, b"x")),
        der.name(der.entry("2.5.4.3", der.UNIVERSAL, b"xyz")),
        der.name(der.entry("2.5.4.3", der.INTEGER, b"\1")),
        der.name(der.entry("2.5.4.3", der.BIT_STRING, b"")),
        der.name(der.entry("2.5.4.3", der.BIT_STRING, b"\x08\x00")),
        der.name(der.entry("2.5.4.3", der.BIT_STRING, b"\x01")),
        der.name(der.entry("2.5.4.3", der.BIT_STRING, b"\x01\x01")),
    ],
)
def test_malformed_names_are_refused(c: CCode, name: bytes) -> None:
    assert one_line(c, name) is None
    with pytest.raises(RefusedError, match="issuer"):
        read(c, der.Certificate(issuer=name).der())
    with pytest.raises(RefusedError, match="subject"):
        read(c, der.Certificate(subject=name).der())


def test_bits_are_written_without_their_count(c: CCode, oracle: OpenSSLOracle) -> None:
    name = der.name(der.entry("2.5.4.45", der.BIT_STRING, b"\x03ab\xf8"))
    assert one_line(c, name) == oracle.one_line(der.tlv(der.SEQUENCE, name))


def test_short_room_cuts_the_text_and_tells_the_length(c: CCode) -> None:
    view, _keep = c.bytes_in(der.EXAMPLE_NAME)
    whole = b"/CN=example"
    for size in range(1, len(whole) + 3):
        room = c.ffi.new("char[]", b"#" * 20)
        assert c.lib.tlsmgm_name_text(view, room, size) == len(whole)
        assert c.ffi.string(room) == whole[: size - 1]
        assert bytes(c.ffi.buffer(room))[size:20] == b"#" * (20 - size)


SERIALS = st.integers(-(2**2047), 2**2047 - 1) | st.integers(-(2**64), 2**64)


def serial_text(c: CCode, contents: bytes) -> str:
    view, _keep = c.bytes_in(contents)
    return c.written(lambda out, size: c.lib.tlsmgm_serial_text(view, out, size)).decode()


@given(number=SERIALS)
@example(0)
@example(-1)
@example(-256)
@example(10**9)
@example(10**18 - 1)
@example(-(2**2047))
@example(2**2047 - 1)
def test_serials_of_any_size_are_exact(c: CCode, number: int) -> None:
    assert read(c, der.Certificate(serial=der.integer(number)).der()).serial == str(number)


def test_serials_beyond_the_bound_have_no_text(c: CCode) -> None:
    assert serial_text(c, b"") == ""
    assert serial_text(c, b"\x01" * 257) == ""
    with pytest.raises(RefusedError, match="serial number too long"):
        read(c, der.Certificate(serial=der.integer(2**2047)).der())


@pytest.mark.parametrize("contents", [b"", b"\x00\x01", b"\x00\x7f", b"\xff\x80", b"\xff\xff"])
def test_serials_that_are_not_der_are_refused(c: CCode, contents: bytes) -> None:
    with pytest.raises(RefusedError, match="serial"):
        read(c, der.Certificate(serial=der.tlv(der.INTEGER, contents)).der())


def made_time(c: CCode, digits: bytes, *, is_generalized: bool) -> tuple[str, int | None]:
    view, _keep = c.bytes_in(digits)
    time = c.ffi.new("struct tlsmgm_certificate_time *", [view, is_generalized])
    out = time_of(c, time[0])
    return out.text, out.unix


def as_openssl_prints(when: datetime.datetime) -> str:
    at = 3 * (when.month - 1)
    month = "JanFebMarAprMayJunJulAugSepOctNovDec"[at : at + 3]
    return f"{month} {when.day:2} {when:%H:%M:%S} {when.year} GMT"


@given(when=st.datetimes(min_value=datetime.datetime(1, 1, 1)))
@example(datetime.datetime(2000, 2, 29))
@example(datetime.datetime(9999, 12, 31, 23, 59, 59))
@example(datetime.datetime(1949, 12, 31, 23, 59, 59))
def test_times_in_both_forms(c: CCode, when: datetime.datetime) -> None:
    when = when.replace(microsecond=0)
    digits = f"{when.year:04}{when:%m%d%H%M%S}Z".encode()
    expected = (as_openssl_prints(when), int((when - EPOCH).total_seconds()))
    assert made_time(c, digits, is_generalized=True) == expected
    if 1950 <= when.year < 2050:
        assert made_time(c, digits[2:], is_generalized=False) == expected


@pytest.mark.parametrize(
    "digits",
    [
        b"",
        b"Z",
        b"2401010000Z",
        b"240101000000",
        b"240101000000+",
        b"240101000000ZZ",
        b"240101000000+0100",
        b"240101000000.5Z",
        b"240001000000Z",
        b"241301000000Z",
        b"240100000000Z",
        b"240132000000Z",
        b"240431000000Z",
        b"230229000000Z",
        b"240101240000Z",
        b"240101006000Z",
        b"240101000060Z",
        b"24010100000:Z",
        b"2401010000/0Z",
        b"-40101000000Z",
        b"20240101000000Z",
    ],
)
def test_times_that_are_none_have_no_text(c: CCode, digits: bytes) -> None:
    assert made_time(c, digits, is_generalized=False) == ("", None)
    fields = read(c, der.Certificate(not_before=der.tlv(der.UTC_TIME, digits)).der())
    assert (fields.not_before.text, fields.not_before.unix) == ("", None)


def ip_text(address: bytes) -> str:
    parsed = ipaddress.ip_address(address)
    mapped = getattr(parsed, "ipv4_mapped", None)
    return f"::ffff:{mapped}" if mapped else str(parsed)


GROUPS = st.lists(st.sampled_from([0, 0, 0, 1, 0x10, 0xABCD, 0xFFFF]), min_size=8, max_size=8)
ADDRESSES = (
    st.binary(min_size=4, max_size=4)
    | st.binary(min_size=16, max_size=16)
    | GROUPS.map(lambda groups: b"".join(group.to_bytes(2, "big") for group in groups))
)


@given(address=ADDRESSES)
@settings(max_examples=500)
@example(bytes(16))
@example(bytes(15) + b"\1")
@example(bytes.fromhex("20010db8000000000001000000000001"))
@example(bytes.fromhex("20010db8000000010001000100010001"))
@example(bytes.fromhex("00010001000100010001000100000000"))
@example(bytes.fromhex("00000000000000000000ffffc0000207"))
def test_addresses_are_written_as_rfc_5952_says(c: CCode, address: bytes) -> None:
    assert read(c, der.with_sans(der.tlv(0x87, address))).sans["IP"] == ip_text(address)


@pytest.mark.parametrize("size", [0, 1, 3, 5, 8, 15, 17, 32])
def test_addresses_of_another_size_are_absent(c: CCode, size: int) -> None:
    bad, good = der.tlv(0x87, bytes(size)), der.tlv(0x87, b"\1\2\3\4")
    assert read(c, der.with_sans(bad, good)).sans["IP"] is None


SAN_TAGS = {"EMAIL": 0x81, "HOSTNAME": 0x82, "URI": 0x86, "IP": 0x87}
SAN_VALUES = st.one_of(
    st.tuples(
        st.sampled_from(["EMAIL", "HOSTNAME", "URI"]),
        st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=200).map(str.encode),
    ),
    st.tuples(st.just("IP"), ADDRESSES),
)


@given(names=st.lists(SAN_VALUES, max_size=6))
def test_alternative_names_are_read_in_order(c: CCode, names: list[tuple[str, bytes]]) -> None:
    others = [der.tlv(0xA0, der.oid("1.2.3"), der.tlv(0xA0, b"\x05\x00")), der.tlv(0x88, b"\x2a")]
    fields = read(c, der.with_sans(*others, *(der.tlv(SAN_TAGS[k], v) for k, v in names), *others))
    texts = [(kind, ip_text(v) if kind == "IP" else v.decode()) for kind, v in names]
    assert fields.all_sans == texts
    for kind in SAN_KINDS:
        assert fields.sans[kind] == next((text for k, text in texts if k == kind), None)


@pytest.mark.parametrize(
    "value", [b"good.example\0.evil.example", b"\0", b"z\xc3\xbcrich", b"\xff"]
)
@pytest.mark.parametrize("kind", ["EMAIL", "HOSTNAME", "URI"])
def test_names_that_are_no_ascii_text_are_absent(c: CCode, kind: str, value: bytes) -> None:
    fields = read(c, der.with_sans(der.tlv(SAN_TAGS[kind], value), der.tlv(SAN_TAGS[kind], b"b")))
    assert fields.sans[kind] is None
    assert fields.all_sans == [(kind, None), (kind, "b")]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\x30",
        b"\x30\x01",
        b"\x31\x00",
        b"\x30\x00\x00",
        b"\x30\x80\x00\x00",
        der.tlv(der.SEQUENCE, b"\x82"),
        der.tlv(der.SEQUENCE, b"\x82\x02a"),
        der.tlv(der.SEQUENCE, der.tlv(0xA2, b"a")),
        der.tlv(der.SEQUENCE, der.tlv(0x89, b"a")),
        der.tlv(der.SEQUENCE, der.tlv(der.IA5, b"a")),
    ],
)
def test_malformed_alternative_names_are_refused(c: CCode, value: bytes) -> None:
    certificate = der.Certificate(extensions=[der.extension(der.SUBJECT_ALT_NAME, value)])
    with pytest.raises(RefusedError, match="subject alternative names"):
        read(c, certificate.der())


TRUE, FALSE = der.tlv(der.BOOLEAN, b"\xff"), der.tlv(der.BOOLEAN, b"\0")


@pytest.mark.parametrize("critical", [b"", TRUE, FALSE])
def test_critical_names_are_read(c: CCode, critical: bytes) -> None:
    names = der.tlv(der.SEQUENCE, der.tlv(0x82, b"a.example"))
    extension = der.extension(der.SUBJECT_ALT_NAME, names, critical)
    fields = read(c, der.Certificate(extensions=[extension]).der())
    assert fields.sans["HOSTNAME"] == "a.example"
    assert fields.extensions == extension


def many_extensions(count: int) -> list[bytes]:
    return [der.extension(f"1.3.{number}", b"") for number in range(count)]


def test_many_extensions_are_read_up_to_the_bound(c: CCode) -> None:
    bound = c.lib.TLSMGM_CERTIFICATE_EXTENSIONS_MAX
    read(c, der.Certificate(extensions=many_extensions(bound)).der())
    with pytest.raises(RefusedError, match="too many extensions"):
        read(c, der.Certificate(extensions=many_extensions(bound + 1)).der())


NAMES_EXTENSION = der.extension(der.SUBJECT_ALT_NAME, b"\x30\x00")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"extensions": [NAMES_EXTENSION, NAMES_EXTENSION]}, "extension twice"),
        ({"extensions": [der.extension("1.2.3", b""), der.extension("1.2.3", b"x")]}, "twice"),
        ({"extensions": [der.extension("1.2.3", b"", der.tlv(der.BOOLEAN, b"\1"))]}, "extension"),
        ({"extensions": [der.extension("1.2.3", b"", der.tlv(der.BOOLEAN))]}, "extension"),
        ({"extensions": [der.extension("1.2.3", b"", TRUE + TRUE)]}, "extension"),
        ({"extensions": [b"\x05\x00"]}, "extension"),
        ({"extensions": [der.extension("1.2.3", b"") + b"\0"]}, "extension"),
        ({"version": der.tlv(0xA0, der.integer(200))}, "version"),
        ({"version": der.tlv(0xA0, der.integer(-1))}, "version"),
        ({"version": der.tlv(0xA0, b"")}, "version"),
        ({"version": der.tlv(0xA0, der.integer(2), b"\0")}, "version"),
        ({"version": b"\x80\x01\x02"}, "serial"),
        ({"algorithm": der.tlv(der.SEQUENCE)}, "signature algorithm"),
        (
            {"algorithm": der.tlv(der.SEQUENCE, der.oid("1.2.3"), b"\5\0\5\0")},
            "signature algorithm",
        ),
        ({"not_before": b"", "not_after": der.tlv(der.UTC_TIME, b"")}, "validity"),
        ({"not_before": der.tlv(der.UTF8, b"240101000000Z")}, "validity"),
        ({"public_key": der.tlv(der.SEQUENCE)}, "public key"),
        ({"public_key": der.tlv(der.SET)}, "public key"),
        ({"public_key": der.PUBLIC_KEY[:-1]}, "public key"),
        ({"unique_ids": b"\x81\x00"}, "unique identifier"),
        ({"unique_ids": b"\x82\x01\x00\x81\x01\x00"}, "extensions"),
        ({"after_body": b"\x05\x00"}, "extensions"),
        ({"outer_algorithm": b""}, "signature"),
        ({"signature": der.tlv(der.BIT_STRING)}, "signature"),
        ({"signature": der.tlv(der.OCTET_STRING, b"\0")}, "signature"),
        ({"after": b"\x05\x00"}, "signature"),
    ],
)
def test_malformed_certificates_are_refused(c: CCode, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        read(c, der.Certificate(**changes).der())


def test_old_certificates_are_read(c: CCode) -> None:
    assert read(c, der.Certificate(version=b"").der()).version == 0
    fields = read(c, der.Certificate(unique_ids=b"\x81\x01\x00\x82\x02\x00\xff").der())
    assert fields.version == 2
    assert fields.all_sans == []


def test_lengths_that_are_not_der_are_refused(c: CCode) -> None:
    whole = der.Certificate().der()
    body = whole[4:] if whole[1] == 0x82 else whole[3:]
    size = len(body)
    read(c, whole)
    for length in (
        b"\x80",
        b"\x83" + size.to_bytes(3, "big"),
        b"\x84" + size.to_bytes(4, "big"),
        b"\x85" + size.to_bytes(5, "big"),
        b"\x84\xff\xff\xff\xff",
        b"\xff",
    ):
        with pytest.raises(RefusedError, match="outer structure"):
            read(c, b"\x30" + length + body + (b"\0\0" if length == b"\x80" else b""))
    with pytest.raises(RefusedError, match="outer structure"):
        read(c, whole + b"\0")
    with pytest.raises(RefusedError, match="outer structure"):
        read(c, b"")


@pytest.fixture(scope="session")
def rich_der() -> bytes:
    return recorded_der("good")


def test_no_truncated_certificate_is_read(c: CCode, rich_der: bytes) -> None:
    for size in range(len(rich_der)):
        with pytest.raises(RefusedError):
            read(c, rich_der[:size])


@pytest.mark.parametrize("bits", [0x01, 0x20, 0x80, 0xFF])
def test_any_byte_may_be_wrong(c: CCode, oracle: OpenSSLOracle, rich_der: bytes, bits: int) -> None:
    for at in range(len(rich_der)):
        bent = bytearray(rich_der)
        bent[at] ^= bits
        with contextlib.suppress(RefusedError):
            ours = read(c, bytes(bent))
            theirs = oracle.certificate_names(bytes(bent))
            assert theirs is None or (ours.subject, ours.issuer) == theirs


@given(data=st.binary(max_size=300))
def test_any_bytes_may_come(c: CCode, data: bytes) -> None:
    with contextlib.suppress(RefusedError):
        read(c, data)
