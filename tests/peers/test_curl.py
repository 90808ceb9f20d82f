"""Our server connections against curl."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.managers import NAMES, manager_of, method_of, mutual_domain, pki, server_domain
from tests.support.programs import curl, needs
from tests.support.sockets import Server, http
from tlsmgm import TLSManager, VerificationError

pytestmark = needs("curl")

#: curl's exit codes.
HANDSHAKE_FAILED, RECEIVE_FAILED, PEER_CERTIFICATE_BAD = 35, 56, 60


def servers(library: str, *, mutual: bool = False, **values: str) -> TLSManager:
    make = mutual_domain if mutual else server_domain
    return manager_of(library, *(make(name, **values) for name in NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_get(library: str, version: str, name: str) -> None:
    flags = {"TLSv1.2": ("--tls-max", "1.2"), "TLSv1.3": ("--tlsv1.3",)}[version]
    with Server(servers(library), http) as server:
        done = curl(server.port, f"{name}.test", *flags)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"hello"
    [outcome] = server.outcomes
    assert (outcome.domain, outcome.version, outcome.clean) == (name, version, True)


def test_a_body_of_two_megabytes_there_and_back(library: str, version: str, tmp_path: Path) -> None:
    body = bytes(range(256)) * 8192
    (tmp_path / "body").write_bytes(body)
    with Server(servers(library, method=method_of(version)), http) as server:
        upload = ("--data-binary", f"@{tmp_path / 'body'}", "-H", "Expect:")
        done = curl(server.port, "dom1.test", *upload)
    assert done.returncode == 0, done.stderr
    assert done.stdout == body
    assert server.outcomes[0].version == version


def test_mutual_tls(library: str, version: str) -> None:
    key = ("--cert", pki("good.pem"), "--key", pki("good.key"))
    manager = servers(library, mutual=True, method=method_of(version))
    with Server(manager, http) as server:
        good = curl(server.port, "dom1.test", *key)
        none = curl(server.port, "dom1.test")
    assert good.returncode == 0, good.stderr
    assert none.returncode in (HANDSHAKE_FAILED, RECEIVE_FAILED)
    first, second = server.outcomes
    assert (first.peer, first.clean) == ("good client", True)
    assert isinstance(second.error, VerificationError)


def test_unknown_name(library: str) -> None:
    with Server(servers(library), http) as server:
        done = curl(server.port, "other.test")
        good = curl(server.port, "dom1.test")
    assert done.returncode == HANDSHAKE_FAILED
    assert b"unrecognized name" in done.stderr
    assert good.returncode == 0
    assert server.outcomes[0].error is not None
    assert server.outcomes[0].error.alert == 112


def test_a_certificate_that_curl_does_not_trust(library: str, version: str) -> None:
    domain = server_domain("selfsigned", match_sip_domain="dom1.test", method=method_of(version))
    with Server(manager_of(library, domain), http) as server:
        done = curl(server.port, "dom1.test")
    assert done.returncode == PEER_CERTIFICATE_BAD
    [outcome] = server.outcomes
    # No look at the alert: curl resets the connection behind it, so that it may be lost.
    assert outcome.error is not None
    assert outcome.data == b""
