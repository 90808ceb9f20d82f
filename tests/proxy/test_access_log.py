"""The access log, above all with values that strangers chose."""

from __future__ import annotations

import datetime
import json
import re
import shlex
import signal
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from tests.support.proxy import (
    Proxy,
    Upstream,
    connect,
    linked,
    pki,
    read_exactly,
    server_domain,
    wait_until,
    write_script,
)
from tlsmgm._cli import main
from tlsmgm._engine.ended import Ended
from tlsmgm._service.access_log import AccessLog
from tlsmgm._service.log_quoting import quote
from tlsmgm._service.log_values import OWN_NAMES
from tlsmgm.errors import ConfigError

EVIL = 'eve" status=ok\r\n2026-01-01 forged\x1b[31m\u202e'


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "-"),
        ("", '""'),
        ("-", '"-"'),
        ("atlanta.com", "atlanta.com"),
        ("good client", '"good client"'),
        ("a=b", '"a=b"'),
        ("Zoë", "Zoë"),
        ("a\nb", '"a\\x0ab"'),
        ('say "x"', '"say \\"x\\""'),
        ("back\\slash", '"back\\\\slash"'),
        ("\u202e", '"\\u202e"'),
        ("\udcff", '"\\udcff"'),
        ("\U000e0001", '"\\U000e0001"'),
    ],
)
def test_quote(value: str | None, written: str) -> None:
    assert quote(value) == written


@given(st.text())
def test_a_value_is_one_printable_field(value: str) -> None:
    written = quote(value)
    assert written.isprintable()
    plain = re.compile(r'[^\s"\\=]+|"(?:[^"\\]|\\.)*"')
    assert plain.fullmatch(written)


def test_format() -> None:
    """Of a connection of which nothing is known."""
    log = AccessLog("$$1% ${client}x $status $time $tls_peer_subject_cn %s")
    assert log.line(Ended()) == "$1% -x ok 1970-01-01T00:00:00.000Z - %s"


@pytest.mark.parametrize("template", ["$nope", "$tls_x", "${", "$", "$ x"])
def test_bad_format(template: str) -> None:
    with pytest.raises(ConfigError, match="unknown name"):
        AccessLog(template)


def test_help_names_all_names(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["proxy", "--help"])
    text = capsys.readouterr().out
    assert [name for name in OWN_NAMES if f"${name}" not in text] == []


def evil_certificate(folder: Path) -> tuple[str, str]:
    """A certificate of the recorded root whose fields try to write log lines of their own."""
    root_key = serialization.load_pem_private_key(Path(pki("root.key")).read_bytes(), None)
    assert isinstance(root_key, ec.EllipticCurvePrivateKey)
    root = x509.load_pem_x509_certificate(Path(pki("root.pem")).read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, EVIL)]))
        .issuer_name(root.subject)
        .public_key(key.public_key())
        .serial_number(4711)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=20 * 365))
        .sign(root_key, hashes.SHA256())
    )
    paths = folder / "evil.pem", folder / "evil.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(paths[0]), str(paths[1])


def test_injection_by_certificate(library: str, tmp_path: Path, upstream: Upstream) -> None:
    domain = server_domain("dom1", verify_cert=1, require_cert=1, ca_list=pki("root.pem"))
    script = write_script(tmp_path / "c", domain)
    path = tmp_path / "access.log"
    with Proxy(script, library, upstream.address, "--access-log", str(path)) as proxy:
        with connect(proxy.port, certificate=evil_certificate(tmp_path)) as client:
            with upstream.accept():
                pass
            client.recv(10)
            client.unwrap()
        proxy.signal(signal.SIGTERM)
        assert proxy.exit_code() == 0
    (line,) = path.read_text(encoding="utf-8").splitlines()
    assert line.isprintable()
    (peer,) = [field for field in shlex.split(line) if field.startswith("peer=")]
    assert peer.startswith('peer=eve" status=ok\\x0d\\x0a2026-01-01 forged\\x1b')
    statuses = [field for field in shlex.split(line) if field.startswith("status=")]
    assert statuses == ["status=ok"]


def test_json_file_and_rotation(library: str, script: str, upstream: Upstream) -> None:
    path = Path(script).with_name("access.log")
    with Proxy(
        script, library, upstream.address,
        "--access-log", str(path), "--access-log-format", "json",
    ) as proxy:  # fmt: skip
        with connect(proxy.port, alpn=["sip"]) as client, upstream.accept() as server:
            client.sendall(b"12345")
            assert read_exactly(server, 5) == b"12345"
            server.sendall(b"123")
            assert read_exactly(client, 3) == b"123"
            server.close()
            assert client.recv(3) == b""
            client.unwrap()
            address = "{}:{}".format(*client.getsockname())
        wait_until(lambda: bool(path.read_text(encoding="utf-8")))
        path.rename(path.with_suffix(".1"))
        proxy.signal(signal.SIGHUP)
        proxy.wait_for("reloaded: ")
        with connect(proxy.port) as client, upstream.accept():
            pass
        proxy.signal(signal.SIGTERM)
        assert proxy.exit_code() == 0
    row = json.loads(path.with_suffix(".1").read_text(encoding="utf-8"))
    assert row["client"] == address
    assert row["server_name"] == "dom1.test"
    assert row["domain"] == "dom1"
    assert row["upstream"] == upstream.address.removeprefix("tcp:")
    assert (row["bytes_in"], row["bytes_out"]) == ("5", "3")
    assert row["tls_version"] == "TLSv1.3"
    assert row["reused"] == "0"
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1


def test_without_one(library: str, script: str, upstream: Upstream) -> None:
    """Everything is counted all the same, and a reload has nothing to open anew."""
    with Proxy(script, library, upstream.address, "--no-access-log") as proxy:
        with linked(proxy, upstream):
            pass
        proxy.signal(signal.SIGHUP)
        proxy.wait_for("reloaded: ")
        proxy.signal(signal.SIGTERM)
        [counted] = proxy.wait_for("statistics: .*")
        assert proxy.exit_code() == 0
        assert "status=" not in "\n".join(proxy.lines)
    assert "connections_ended_total=1" in counted[0]
    assert "access_log_lost_total" not in counted[0]


def test_no_format_without_one(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["proxy", "--config", script, "--library", "openssl", "--no-access-log"]
    words += ["--listen", "tls:127.0.0.1:0", "--upstream", "tcp:127.0.0.1:9"]
    assert main([*words, "--access-log-format", "json"]) != 0
    assert "is of no use with --no-access-log" in capsys.readouterr().err
