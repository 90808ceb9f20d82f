"""A domain with two certificates: each client is shown the one that it can verify."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.pairs import Managers, managers, session_of
from tests.support.pki import Authority, Identity, key_pem
from tests.support.programs import needs, s_client, version_flag
from tests.support.sockets import Server
from tlsmgm import ConfigError, Domain

ALGORITHMS = {
    "rsa": "rsa_pss_rsae_sha256:rsa_pkcs1_sha256",
    "ec": "ecdsa_secp256r1_sha256",
    "both": "ecdsa_secp256r1_sha256:rsa_pss_rsae_sha256:rsa_pkcs1_sha256",
}


@pytest.fixture(scope="module")
def identities(middle: Authority) -> dict[str, Identity]:
    return {kind: middle.issue(kind, names=["dom1.test"], kind=kind) for kind in ("rsa", "ec")}


def two(identities: dict[str, Identity], first: str, second: str) -> dict[str, Any]:
    other = identities[second].fields()
    return identities[first].fields() | {
        "certificate2": other["certificate"],
        "private_key2": other["private_key"],
    }


@pytest.fixture(params=[("rsa", "ec"), ("ec", "rsa")], ids="+".join)
def server(request: pytest.FixtureRequest, identities: dict[str, Identity]) -> dict[str, Any]:
    """Fields of a server with both, in either order."""
    return two(identities, *request.param)


def test_a_client_that_can_take_both_gets_the_cheaper_one(
    library: str,
    client_library: str,
    version: str,
    server: dict[str, Any],
    root: Authority,
    identities: dict[str, Identity],
) -> None:
    both = managers(library, client_library, version, server=server, client={"ca_list": root.pem})
    for _ in range(2):
        pair = both.connect()
        pair.echo()
        assert pair.client.peer_certificate.der == identities["ec"].der
        assert pair.server.certificate == pair.client.peer_certificate
        assert len(pair.client.peer_chain) == 2  # each has its own chain
    again = both.connect(session=session_of(pair))
    assert again.client.session_reused


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_the_cipher_suite_decides_in_tls12(
    library: str,
    client_library: str,
    kind: str,
    server: dict[str, Any],
    root: Authority,
    identities: dict[str, Identity],
) -> None:
    suite = {"rsa": "ECDHE-RSA-AES128-GCM-SHA256", "ec": "ECDHE-ECDSA-AES128-GCM-SHA256"}[kind]
    client = {"ca_list": root.pem, "cipher_list": suite}
    pair = managers(library, client_library, "TLSv1.2", server=server, client=client).connect()
    pair.echo()
    assert pair.client.peer_certificate.der == identities[kind].der
    assert pair.server.certificate.der == identities[kind].der
    end_point = "tls-server-end-point"
    assert pair.client.channel_binding(end_point) == pair.server.channel_binding(end_point)


@needs("openssl")
@pytest.mark.parametrize("offered", ["rsa", "ec", "both"])
def test_s_client_gets_what_its_signature_algorithms_allow(
    library: str,
    version: str,
    offered: str,
    server: dict[str, Any],
    root: Authority,
    identities: dict[str, Identity],
    tmp_path: Path,
) -> None:
    (tmp_path / "ca").write_bytes(root.pem)
    manager = managers(library, library, version, server=server).server
    with Server(manager) as listening:
        done = s_client(
            listening.port, "-servername", "dom1.test", version_flag(version), "-ign_eof",
            "-CAfile", str(tmp_path / "ca"), "-sigalgs", ALGORITHMS[offered],
        )  # fmt: skip
    assert done.returncode == 0, done.stdout
    shown = "rsa" if offered == "rsa" else "ec"
    assert re.search(f"subject=CN ?= ?{shown}$", done.stdout, re.MULTILINE), done.stdout
    assert "Verify return code: 0 (ok)" in done.stdout
    assert listening.outcomes[0].clean


def test_a_ticket_is_good_whichever_was_shown(
    library: str, version: str, server: dict[str, Any], root: Authority
) -> None:
    """The domain is one, so its tickets are."""
    fields = {"ca_list": root.pem}
    first = managers(library, library, version, server=server, client=fields)
    session = session_of(first.connect())
    pair = Managers(first.server, first.client).connect(session=session)
    assert pair.server.session_reused


def test_one_encrypted_key_is_enough_for_a_passphrase(
    library: str,
    client_library: str,
    version: str,
    identities: dict[str, Identity],
    root: Authority,
) -> None:
    fields = two(identities, "rsa", "ec") | {
        "private_key2": key_pem(identities["ec"].key, b"open sesame"),
        "private_key_passphrase": "open sesame",
    }
    client = {"ca_list": root.pem}
    managers(library, client_library, version, server=fields, client=client).connect().echo()


@pytest.mark.parametrize(
    ("change", "parameter", "why"),
    [
        ({"private_key2": None}, "private_key2", "need each other"),
        ({"certificate2": None}, "private_key2", "need each other"),
        ({"private_key2": "rsa"}, "private_key2", "does not belong"),
        ({"certificate2": b"-----BEGIN garbage"}, "certificate2", "malformed BEGIN line"),
        ({"certificate2": "/no/such/file"}, "certificate2", "No such file"),
        ({"certificate2": "rsa", "private_key2": "rsa"}, "certificate2", "same kind"),
    ],
    ids=str,
)
def test_bad_pairs_are_refused(
    library: str,
    identities: dict[str, Identity],
    change: dict[str, Any],
    parameter: str,
    why: str,
) -> None:
    fields = two(identities, "rsa", "ec")
    for name, value in change.items():
        short = name.removesuffix("2")
        fields[name] = identities["rsa"].fields()[short] if value == "rsa" else value
    with pytest.raises(ConfigError, match=f"'{parameter}'.*{why}"):
        managers(library, library, server=fields)


def test_clients_have_one(library: str, identities: dict[str, Identity]) -> None:
    with pytest.raises(ConfigError, match=r"'certificate2'.*client domain"):
        managers(library, library, client=two(identities, "rsa", "ec"))


def test_no_key_is_shown(identities: dict[str, Identity]) -> None:
    text = repr(Domain("dom1", "server", **two(identities, "rsa", "ec")))
    assert "PRIVATE KEY" not in text
    assert "private_key2=<PEM" in text
