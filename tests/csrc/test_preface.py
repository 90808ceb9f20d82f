"""What an upstream is told about a client, which is a connection of either library."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest

from tests.support import reference_proxy_reader as reference
from tests.support.c_code import CCode
from tests.support.contract import VERSIONS, Connection, Outcome, Rig, settle
from tests.support.der import BMP, COMMON_NAME, UTF8, Certificate, entry, name
from tests.support.pki import Authority

ROOT, RSA_ROOT = Authority("root"), Authority("root of rsa", kind="rsa")
USER = ROOT.issue("Zoë 客")
SITES = {
    (root, kind): authority.issue("site", names=["dom1.test"], kind=kind)
    for root, authority in (("ec", ROOT), ("rsa", RSA_ROOT))
    for kind in ("ec", "rsa", "ed25519")
}

NAME = b"dom1.test"
CIPHERS = {"1.2": "ECDHE-ECDSA-AES128-GCM-SHA256", "1.3": "TLS_AES_128_GCM_SHA256"}

MAPPED = bytes(10) + b"\xff\xff"
SOURCE, DESTINATION = (bytes([192, 0, 2, 1]), 4711), (bytes([198, 51, 100, 2]), 443)
LINE = b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n"
ENDS = SOURCE[0] + DESTINATION[0] + struct.pack("!HH", SOURCE[1], DESTINATION[1])

SSL, CERT_CONN, CERT_SESS = 1, 2, 4


def value(kind: int, data: bytes) -> bytes:
    return struct.pack("!BH", kind, len(data)) + data


def header(*values: bytes, family: int = 0x11, ends: bytes = ENDS) -> bytes:
    body = ends + b"".join(values)
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, family, len(body)) + body


def ssl(flags: int, verify: int, *values: bytes) -> bytes:
    return value(0x20, struct.pack("!BI", flags, verify) + b"".join(values))


class Client:
    """A client as the function is told of it.

    Args:
        rig: the server's library.
        conn: the server's end; None: the client speaks plain TCP.
        server_name: that the client has sent.
        slots: of the library's table, which are to be others.
    """

    def __init__(
        self,
        rig: Rig,
        conn: Connection | None = None,
        server_name: bytes = b"",
        **slots: Callable[..., Any],
    ) -> None:
        self.rig, self.ffi, self.lib = rig, rig.c.ffi, rig.c.lib
        self.table = self.ffi.new("struct tlsmgm_backend *", rig.table)
        self.alive = [self._replace(slot, function) for slot, function in slots.items()]
        self.client = self.ffi.new("struct tlsmgm_preface_client *")
        self.client.server_name, keep = rig.c.bytes_in(server_name)
        self.alive.append(keep)
        if conn is not None:
            self.client.backend, self.client.conn = self.table, conn.handle
        for end, (address, port) in (
            (self.client.source, SOURCE),
            (self.client.destination, DESTINATION),
        ):
            end.kind, end.port = self.lib.TLSMGM_PROXY_END_IP, port
            self.ffi.buffer(end.address)[:] = MAPPED + address

    def _replace(self, slot: str, function: Callable[..., Any]) -> Any:
        called = self.ffi.callback(self.ffi.typeof(getattr(self.table, slot)), function)
        setattr(self.table, slot, called)
        return called

    def write(self, kind: str, values: str = "ALL") -> tuple[Outcome, bytes]:
        room = self.ffi.new("uint8_t[]", self.lib.TLSMGM_PROXY_WRITE_MAX)
        size = self.ffi.new("size_t *", 12345)
        got = self.rig.call(
            lambda error: self.lib.tlsmgm_preface_write(
                getattr(self.lib, f"TLSMGM_PREFACE_{kind}"),
                getattr(self.lib, f"TLSMGM_PREFACE_VALUES_{values}"),
                self.client, room, size, error,
            )
        )  # fmt: skip
        return got, bytes(self.ffi.buffer(room, size[0]))

    def header(self, values: str = "ALL") -> bytes:
        """Return the header of version 2, which a receiver must be able to read."""
        got, data = self.write("PROXY_V2", values)
        assert got.status == "OK", got
        found = reference.read(data)
        assert found
        assert found.size == len(data)
        return data


class Site:
    """A server of one library, and the clients of another that come to it."""

    def __init__(
        self, rig: Rig, peer: Rig, version: str, alpn: bytes = b"\x02h2", **fields: Any
    ) -> None:
        self.rig, self.peer = rig, peer
        common: dict[str, Any] = {"version": version, "cipher_list": CIPHERS[version]}
        common |= {"groups": "P-256", "alpn": alpn}
        rules = {"verify_peer": True, "ca_list": ROOT.pem, "scope": b"server"}
        identity = {**SITES["ec", "ec"].fields(), "ticket_keys": rig.ticket_keys()}
        self.context = rig.server_context(**{**common, **rules, **identity, **fields})
        common |= {"ca_list": ROOT.pem + RSA_ROOT.pem, "scope": b"client"}
        self.clients = {
            False: peer.client_context(**common),
            True: peer.client_context(**common, **USER.fields()),
        }

    def visit(self, shown: bool = True, **fields: Any) -> tuple[Connection, Connection]:
        """Return both ends of a connection; the server's first."""
        server = self.rig.connection(self.context, server_name=NAME)
        client = self.peer.connection(self.clients[shown], server_name=NAME, **fields)
        settle(client, server)
        return server, client


@pytest.fixture
def site(rig: Rig, peer: Rig, version: str) -> Site:
    return Site(rig, peer, version)


# What is told.


def facts(version: str, cn: bytes | None = None, *more: bytes) -> list[bytes]:
    known = [value(0x21, b"TLSv" + version.encode())]
    known += [] if cn is None else [value(0x22, cn)]
    return [*known, value(0x23, CIPHERS[version].encode()), *more]


OWN = [value(0x24, b"ecdsa-with-SHA256"), value(0x25, b"EC256")]
GROUP = b"secp256r1"


def group_of(site: Site, server: Connection) -> list[bytes]:
    """Return the value of the group; a session that TLS 1.2 resumes may have none."""
    group = server.info().group
    return [] if group == site.rig.c.ffi.NULL else [value(0x26, site.rig.c.ffi.string(group))]


@pytest.mark.parametrize("shown", [False, True])
def test_of_a_client_with_tls(site: Site, version: str, shown: bool) -> None:
    server, _ = site.visit(shown)
    client = Client(site.rig, server, NAME)
    flags, verify = (SSL | CERT_CONN | CERT_SESS, 0) if shown else (SSL, 1)
    cn = "Zoë 客".encode() if shown else None
    assert group_of(site, server) == [value(0x26, GROUP)]
    assert client.header("NONE") == header()
    assert client.header("TLS") == header(ssl(flags, verify, *facts(version, cn)))
    assert client.header("ALL") == header(
        value(0x01, b"h2"),
        value(0x02, NAME),
        ssl(flags, verify, *facts(version, cn, *OWN, value(0x26, GROUP))),
    )


def test_a_resumed_session_has_its_certificate(site: Site, version: str) -> None:
    before, client = site.visit()
    got, session = site.peer.session_of(client)
    assert got.status == "OK"
    before.free()
    client.free()
    server, _ = site.visit(session=session)
    assert server.info().session_reused
    flags, known = SSL | CERT_SESS, facts(version, "Zoë 客".encode())
    again = Client(site.rig, server, NAME)
    assert again.header("TLS") == header(ssl(flags, 0, *known))
    assert again.header("ALL") == header(
        value(0x01, b"h2"), value(0x02, NAME), ssl(flags, 0, *known, *OWN, *group_of(site, server))
    )


def test_a_resumed_session_without_certificate(site: Site, version: str) -> None:
    _, client = site.visit(shown=False)
    server, _ = site.visit(shown=False, session=site.peer.session_of(client)[1])
    assert server.info().session_reused
    assert Client(site.rig, server).header("TLS") == header(ssl(SSL, 1, *facts(version)))


def test_without_alpn_and_server_name(rig: Rig, peer: Rig, version: str) -> None:
    server, _ = Site(rig, peer, version, alpn=b"").visit(shown=False)
    whole = Client(rig, server).header("ALL")
    assert whole[len(header()) :][:1] == b"\x20"


@pytest.mark.parametrize("kind", ["ec", "rsa", "ed25519"])
@pytest.mark.parametrize("root", ["ec", "rsa"])
def test_algorithms_of_our_certificate(rig: Rig, peer: Rig, root: str, kind: str) -> None:
    server, _ = Site(rig, peer, "1.3", **SITES[root, kind].fields()).visit()
    whole = Client(rig, server).header("ALL")
    signature = {"ec": b"ecdsa-with-SHA256", "rsa": b"RSA-SHA256"}[root]
    key = {"ec": b"EC256", "rsa": b"RSA2048", "ed25519": b"ED25519"}[kind]
    assert value(0x24, signature) + value(0x25, key) in whole


def test_names_are_readable(rig: Rig, peer: Rig) -> None:
    server, _ = Site(rig, peer, "1.3", alpn=b"\x03a\xe9\x01").visit()
    whole = Client(rig, server, b"\x7f\x80B\xff").header("ALL")
    expected = header(value(0x01, b"a\\xe9\1"), value(0x02, b"\x7f\\x80B\\xff"))
    assert whole[16 : len(expected)] == expected[16:]


def test_the_longest_server_name_is_not_left_out(site: Site) -> None:
    server, _ = site.visit()
    assert value(0x02, b"\\xff" * 255) in Client(site.rig, server, b"\xff" * 255).header("ALL")
    too_long = Client(site.rig, server, b"x" * 1025).header("ALL")
    assert too_long == Client(site.rig, server).header("ALL")


# Kinds, and clients without TLS.


@pytest.mark.parametrize("values", ["NONE", "TLS", "ALL"])
def test_kinds(rig: Rig, values: str) -> None:
    client = Client(rig, server_name=NAME)
    assert client.write("NONE", values) == (Outcome("OK"), b"")
    assert client.write("PROXY_V1", values) == (Outcome("OK"), LINE)
    assert client.header(values) == header()


def test_a_line_says_nothing_of_tls(site: Site) -> None:
    server, _ = site.visit()
    client = Client(site.rig, server, NAME)
    assert client.write("NONE") == (Outcome("OK"), b"")
    assert client.write("PROXY_V1") == (Outcome("OK"), LINE)


def test_a_client_at_a_unix_socket(rig: Rig) -> None:
    client = Client(rig)
    path, _keep = rig.c.bytes_in(b"/run/proxy")
    for end in (client.client.source, client.client.destination):
        end.kind = client.lib.TLSMGM_PROXY_END_UNIX
    client.client.destination.path = path
    assert client.write("PROXY_V1") == (Outcome("OK"), b"PROXY UNKNOWN\r\n")
    ends = bytes(108) + b"/run/proxy".ljust(108, b"\0")
    assert client.header() == header(family=0x31, ends=ends)


# Facts that no good connection has.


def lent(rig: Rig, data: bytes) -> tuple[Callable[..., Any], Any]:
    view, keep = rig.c.bytes_in(data)
    return lambda *_: view, keep


def told_cn(site: Site, server: Connection, certificate: Certificate) -> bytes | None:
    """Return the common name that is told of a client with this certificate."""
    shown, _keep = lent(site.rig, certificate.der())
    whole = Client(site.rig, server, peer_certificate=shown).header("TLS")
    version = value(0x21, {0x0303: b"TLSv1.2", 0x0304: b"TLSv1.3"}[server.info().version])
    at = whole.index(version) + len(version)
    if whole[at : at + 1] != b"\x22":
        return None
    size = int.from_bytes(whole[at + 1 : at + 3], "big")
    return whole[at + 3 : at + 3 + size]


@pytest.mark.parametrize(
    ("subject", "cn"),
    [
        (name(entry(COMMON_NAME, UTF8, b"a b")), b"a b"),
        (name(entry(COMMON_NAME, BMP, "Zoë".encode("utf-16-be"))), "Zoë".encode()),
        (name(entry(COMMON_NAME, UTF8, b"one"), entry(COMMON_NAME, UTF8, b"two")), b"one"),
        (name(entry(COMMON_NAME, UTF8, b"x" * 1024)), b"x" * 1024),
        (name(entry(COMMON_NAME, UTF8, b"x" * 1025)), None),
        (name(entry(COMMON_NAME, UTF8, b"good\0evil")), None),
        (name(entry(COMMON_NAME, UTF8, b"")), None),
        (name(entry("2.5.4.10", UTF8, b"org")), None),
    ],
    ids=["text", "BMP", "two", "longest", "too long", "NUL", "empty", "none"],
)
def test_the_common_name(site: Site, subject: bytes, cn: bytes | None) -> None:
    server, _ = site.visit()
    assert told_cn(site, server, Certificate(subject=subject)) == cn


@pytest.mark.parametrize("takes_errors", [True, False])
def test_a_client_certificate_that_cannot_be_read(site: Site, takes_errors: bool) -> None:
    server, _ = site.visit()
    site.rig.takes_errors = takes_errors
    shown, _keep = lent(site.rig, USER.der[:-1])
    client = Client(site.rig, server, NAME, peer_certificate=shown)
    for values in ("TLS", "ALL"):
        got, data = client.write("PROXY_V2", values)
        assert (got.status, data) == ("PROTOCOL", b"")
        assert got.text == ("malformed certificate: outer structure" if takes_errors else "")
    assert client.header("NONE") == header()
    assert client.write("PROXY_V1") == (Outcome("OK"), LINE)


def test_our_certificate_that_cannot_be_read(site: Site) -> None:
    server, _ = site.visit()
    own, _keep = lent(site.rig, b"garbage")
    client = Client(site.rig, server, NAME, own_certificate=own)
    got, data = client.write("PROXY_V2", "ALL")
    assert (got.status, data) == ("PROTOCOL", b"")
    assert client.header("TLS") == Client(site.rig, server).header("TLS")


def test_a_client_certificate_that_the_library_could_not_keep(site: Site) -> None:
    server, _ = site.visit()
    shown, _keep = lent(site.rig, b"")
    got, data = Client(site.rig, server, peer_certificate=shown).write("PROXY_V2", "TLS")
    assert (got.status, data) == ("NO_MEMORY", b"")


def test_nothing_is_said_of_what_is_not_known(site: Site) -> None:
    server, _ = site.visit(shown=False)
    nothing, _keep = lent(site.rig, b"")
    blank = site.rig.c.ffi.new("struct tlsmgm_conn_info *")

    def conn_info(_conn: Any, info: Any) -> None:
        info[0] = blank[0]

    client = Client(site.rig, server, conn_info=conn_info, own_certificate=nothing)
    for values in ("TLS", "ALL"):
        assert client.header(values) == header(ssl(SSL, 1))


def test_a_certificate_that_was_not_verified(site: Site, version: str) -> None:
    server, _ = site.visit()
    real = site.rig.table.conn_info

    def conn_info(conn: Any, info: Any) -> None:
        real(conn, info)
        info.verify_reason = site.rig.c.lib.TLSMGM_VERIFY_EXPIRED

    whole = Client(site.rig, server, conn_info=conn_info).header("TLS")
    flags = SSL | CERT_CONN | CERT_SESS
    assert whole == header(ssl(flags, 1, *facts(version, "Zoë 客".encode())))


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0x0301, "TLSv1"),
        (0x0302, "TLSv1.1"),
        (0x0303, "TLSv1.2"),
        (0x0304, "TLSv1.3"),
        (0x0300, None),
        (0x0305, None),
        (0, None),
    ],
)
def test_names_of_versions(c: CCode, number: int, expected: str | None) -> None:
    found = c.lib.tlsmgm_version_name(number)
    assert (None if found == c.ffi.NULL else c.ffi.string(found).decode()) == expected


def test_every_version_that_we_speak_has_a_name(c: CCode) -> None:
    for word, number in VERSIONS.items():
        assert c.ffi.string(c.lib.tlsmgm_version_name(number)).decode() == f"TLSv{word}"
