"""The PROXY protocol header, byte by byte."""

from __future__ import annotations

import socket
import ssl
import struct
from pathlib import Path

import pytest

from tests.support.proxy import (
    TIMEOUT,
    Program,
    Proxy,
    Upstream,
    client_domain,
    connect,
    pki,
    read_exactly,
    server_context,
    server_domain,
    write_script,
)
from tests.support.tls_sockets import wrap
from tlsmgm._service.proxy_protocol import MAX_VALUE, TLSFacts, header, local_header, text_header

SIGNATURE = b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"


def test_ipv4() -> None:
    assert header(("192.0.2.1", 1000), ("10.0.0.1", 5061)) == (
        SIGNATURE + b"\x21\x11\x00\x0c" + b"\xc0\x00\x02\x01\x0a\x00\x00\x01\x03\xe8\x13\xc5"
    )


def test_ipv6_with_scope() -> None:
    data = header(("fe80::1%eth0", 1), ("2001:db8::2", 2))
    assert data[12:16] == b"\x21\x21\x00\x24"
    assert data[16:32] == socket.inet_pton(socket.AF_INET6, "fe80::1")
    assert data[32:48] == socket.inet_pton(socket.AF_INET6, "2001:db8::2")
    assert data[48:] == b"\x00\x01\x00\x02"


def test_mapped_ipv4_is_ipv4() -> None:
    mapped = header(("::ffff:192.0.2.1", 1000), ("::ffff:10.0.0.1", 5061))
    assert mapped == header(("192.0.2.1", 1000), ("10.0.0.1", 5061))


def test_mixed_families() -> None:
    data = header(("192.0.2.1", 1), ("2001:db8::2", 2))
    assert data[13] == 0x21
    assert data[16:32] == bytes(10) + b"\xff\xff\xc0\x00\x02\x01"


def test_unix() -> None:
    data = header("/run/a", "/run/b")
    assert data[12:16] == b"\x21\x31\x00\xd8"
    assert data[16:124] == b"/run/a".ljust(108, b"\0")
    assert data[124:] == b"/run/b".ljust(108, b"\0")


@pytest.mark.parametrize(
    ("source", "destination"), [("/" + "x" * 108, "/b"), (("", 0), ("10.0.0.1", 1))]
)
def test_addresses_that_cannot_be_said(
    source: tuple[str, int] | str, destination: tuple[str, int] | str
) -> None:
    assert header(source, destination) == SIGNATURE + b"\x21\x00\x00\x00"


def test_local() -> None:
    assert local_header() == SIGNATURE + b"\x20\x00\x00\x00"


def test_all_values() -> None:
    facts = TLSFacts(
        version="TLSv1.3",
        cipher="C",
        server_name="a.b",
        alpn="sip",
        has_certificate=True,
        verified=True,
        common_name="Zoë",
        signature_algorithm="RSA-SHA256",
        key_algorithm="RSA2048",
        group="x25519",
    )
    data = header(("1.2.3.4", 1), ("1.2.3.4", 2), facts)
    ssl_value = (
        b"\x07\x00\x00\x00\x00"
        b"\x21\x00\x07TLSv1.3\x22\x00\x04Zo\xc3\xab\x23\x00\x01C"
        b"\x24\x00\x0aRSA-SHA256\x25\x00\x07RSA2048\x26\x00\x06x25519"
    )
    expected = b"\x01\x00\x03sip\x02\x00\x03a.b\x20" + struct.pack("!H", len(ssl_value))
    assert data[28:] == expected + ssl_value
    assert int.from_bytes(data[14:16], "big") == len(data) - 16


@pytest.mark.parametrize(
    ("facts", "flags", "verify"),
    [
        (TLSFacts("TLSv1.2", "C"), 1, 1),
        (TLSFacts("TLSv1.2", "C", verified=True), 1, 1),
        (TLSFacts("TLSv1.2", "C", has_certificate=True), 7, 1),
        (TLSFacts("TLSv1.2", "C", has_certificate=True, verified=True), 7, 0),
        (TLSFacts("T", "C", has_certificate=True, verified=True, session_reused=True), 5, 0),
    ],
)
def test_flags(facts: TLSFacts, flags: int, verify: int) -> None:
    value = parse(header(("1.2.3.4", 1), ("1.2.3.4", 2), facts)).values[0x20]
    assert (value[0], int.from_bytes(value[1:5], "big")) == (flags, verify)


def test_a_long_name_is_left_out_and_never_cut() -> None:
    facts = TLSFacts("T", "C", server_name="x" * (MAX_VALUE + 1), common_name="y" * 70_000)
    found = parse(header(("1.2.3.4", 1), ("1.2.3.4", 2), facts))
    assert 0x02 not in found.values
    assert 0x22 not in found.tls


@pytest.mark.parametrize(
    ("source", "destination", "line"),
    [
        (("192.0.2.1", 1000), ("10.0.0.1", 5061), b"TCP4 192.0.2.1 10.0.0.1 1000 5061"),
        (("::ffff:192.0.2.1", 1), ("10.0.0.1", 2), b"TCP4 192.0.2.1 10.0.0.1 1 2"),
        (("fe80::1%eth0", 1), ("2001:db8::2", 2), b"TCP6 fe80::1 2001:db8::2 1 2"),
        (("192.0.2.1", 1), ("2001:db8::2", 2), b"TCP6 ::ffff:c000:201 2001:db8::2 1 2"),
        ("/run/a", "/run/b", b"UNKNOWN"),
        (("", 0), ("10.0.0.1", 1), b"UNKNOWN"),
    ],
)
def test_version_1(
    source: tuple[str, int] | str, destination: tuple[str, int] | str, line: bytes
) -> None:
    assert text_header(source, destination) == b"PROXY " + line + b"\r\n"


# Through the proxy.


class Header:
    """A header, read the way a server does."""

    def __init__(self, family: int, body: bytes) -> None:
        size = {0x11: 12, 0x21: 36}[family]
        half = (size - 4) // 2
        name = {4: socket.AF_INET, 16: socket.AF_INET6}[half]
        ports = struct.unpack("!HH", body[size - 4 : size])
        self.source = (socket.inet_ntop(name, body[:half]), ports[0])
        self.destination = (socket.inet_ntop(name, body[half : 2 * half]), ports[1])
        self.values = tlvs(body[size:])
        self.tls = tlvs(self.values[0x20][5:]) if 0x20 in self.values else {}


def tlvs(data: bytes) -> dict[int, bytes]:
    found = {}
    while data:
        kind, size = struct.unpack("!BH", data[:3])
        assert len(data) >= 3 + size
        found[kind] = data[3 : 3 + size]
        data = data[3 + size :]
    return found


def parse(data: bytes) -> Header:
    assert data.startswith(SIGNATURE + b"\x21")
    family, size = struct.unpack("!BH", data[13:16])
    assert size == len(data) - 16
    return Header(family, data[16:])


def read_header(sock: socket.socket) -> Header:
    start = read_exactly(sock, 16)
    return parse(start + read_exactly(sock, int.from_bytes(start[14:], "big")))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_header_of_a_client_with_certificate(
    library: str, version: ssl.TLSVersion, tmp_path: Path, upstream: Upstream
) -> None:
    domain = server_domain("dom1", verify_cert=1, require_cert=0, ca_list=pki("root.pem"))
    script = write_script(tmp_path / "c", domain)
    with Proxy(
        script, library, upstream.address, "--proxy-protocol", "v2",
        "--proxy-protocol-tlvs", "all",
    ) as proxy:  # fmt: skip
        good = (pki("good.pem"), pki("good.key"))
        with (
            connect(proxy.port, version=version, certificate=good) as client,
            upstream.accept() as server,
        ):
            found = read_header(server)
            assert found.source == client.getsockname()
            assert found.destination == ("127.0.0.1", proxy.port)
            assert found.values[0x02] == b"dom1.test"
            assert 0x01 not in found.values
            assert found.values[0x20][:5] == b"\x07\x00\x00\x00\x00"
            cipher = client.cipher()
            assert cipher
            assert found.tls.pop(0x26)  # differs with the client's library
            assert found.tls == {
                0x21: (client.version() or "").encode(),
                0x22: b"good client",
                0x23: cipher[0].encode(),
                0x24: b"ecdsa-with-SHA256",
                0x25: b"EC256",
            }
            client.sendall(b"data")
            assert read_exactly(server, 4) == b"data"
        with connect(proxy.port, version=version) as client, upstream.accept() as server:
            found = read_header(server)
            assert found.values[0x20][:5] == b"\x01\x00\x00\x00\x01"
            assert 0x22 not in found.tls


@pytest.mark.parametrize("choice", ["none", "tls", None])
def test_less_than_all(library: str, script: str, upstream: Upstream, choice: str | None) -> None:
    """What clients choose freely is left out by default: nginx takes 107 bytes at most."""
    chosen = ["--proxy-protocol-tlvs", choice] if choice else []
    with (
        Proxy(script, library, upstream.address, "--proxy-protocol", "v2", *chosen) as proxy,
        connect(proxy.port, version=ssl.TLSVersion.TLSv1_3) as client,
        upstream.accept() as server,
    ):
        found = read_header(server)
        assert found.source == client.getsockname()
        assert set(found.values) == (set() if choice == "none" else {0x20})
        assert set(found.tls) == (set() if choice == "none" else {0x21, 0x23})


def test_version_1_of_a_tls_client(library: str, script: str, upstream: Upstream) -> None:
    with (
        Proxy(script, library, upstream.address, "--proxy-protocol", "v1") as proxy,
        connect(proxy.port) as client,
        upstream.accept() as server,
    ):
        port = client.getsockname()[1]
        expected = f"PROXY TCP4 127.0.0.1 127.0.0.1 {port} {proxy.port}\r\n".encode()
        assert read_exactly(server, len(expected)) == expected
        client.sendall(b"data")
        assert read_exactly(server, 4) == b"data"


@pytest.mark.parametrize("header", [[], ["--proxy-protocol", "v1"]])
def test_tlvs_need_version_2(script: str, header: list[str]) -> None:
    with Program(
        "proxy", "--config", script, "--library", "openssl", "--upstream", "tcp:127.0.0.1:9",
        *header, "--proxy-protocol-tlvs", "all",
    ) as program:  # fmt: skip
        program.wait_for("--proxy-protocol-tlvs.*only --proxy-protocol v2")
        assert program.exit_code() != 0


def test_header_goes_before_tls(library: str, tmp_path: Path, upstream: Upstream) -> None:
    script = write_script(tmp_path / "c", client_domain("out"))
    with (
        Proxy(
            script, library, f"tls:127.0.0.1:{upstream.port}", "--server-name", "dom2.test",
            "--proxy-protocol", "v2", listen=["tcp:127.0.0.1:0"],
        ) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT) as client,
        upstream.accept() as raw,
    ):  # fmt: skip
        found = read_header(raw)
        assert found.source == client.getsockname()
        assert found.values == {}
        with wrap(server_context("dom2"), raw, server_side=True) as server:
            client.sendall(b"data")
            assert read_exactly(server, 4) == b"data"
