"""OCSP stapling: what a server staples, and what a client that requires it makes of it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes

from tests.support import ocsp
from tests.support.pairs import Managers, managers, session_of
from tests.support.pki import Authority, Identity
from tests.support.programs import needs, s_client, s_server, version_flag
from tests.support.sockets import TIMEOUT, Server, do_handshake
from tlsmgm import ConfigError, VerificationError


@pytest.fixture
def meet(library: str, client_library: str, version: str, root: Authority, site: Identity) -> Any:
    """Makes both ends: a server that staples this, and a client that requires something good."""

    def make(staple: bytes | None, site: Identity = site, **server: Any) -> Managers:
        return managers(
            library,
            client_library,
            version,
            server=site.fields() | {"ocsp_response": staple} | server,
            client={"ca_list": root.pem, "require_staple": True},
        )

    return make


def test_a_good_staple(meet: Any, root: Authority, site: Identity) -> None:
    both = meet(ocsp.response(root, site))
    pair = both.connect()
    pair.echo()
    again = both.connect(session=session_of(pair))
    again.echo()
    assert again.client.session_reused


def test_a_certificate_named_by_sha256(
    meet: Any, root: Authority, site: Identity, client_library: str
) -> None:
    """wolfSSL's clients know names by SHA-1 only, which is what responders use; they refuse."""
    both = meet(ocsp.response(root, site, digest=hashes.SHA256()))
    if client_library == "openssl":
        both.connect().echo()
    else:
        error = both.fail().client_error
        assert isinstance(error, VerificationError)
        assert error.reason == "staple_invalid"


def test_a_delegated_responder(meet: Any, root: Authority, site: Identity) -> None:
    staple = ocsp.response(root, site, signer=ocsp.responder(root))
    meet(staple).connect().echo()


def test_below_an_intermediate(meet: Any, middle: Authority, deep_site: Identity) -> None:
    meet(ocsp.response(middle, deep_site), deep_site).connect().echo()


def test_a_server_that_verifies_staples_too(meet: Any, root: Authority, site: Identity) -> None:
    rules = {"verify_cert": True, "require_cert": False, "ca_list": root.pem}
    meet(ocsp.response(root, site), **rules).connect().echo()


def flipped(response: bytes) -> bytes:
    """The same with another signature."""
    return response[:-1] + bytes([response[-1] ^ 1])


# Garbage, a responder's refusal and a response about another certificate are not stapled by our own
# servers; tests/csrc/test_staple.py has what a client makes of them.
BAD: dict[str, tuple[str, Callable[[Authority, Identity], bytes | None]]] = {
    "nothing": ("staple_missing", lambda root, site: None),
    "revoked": ("revoked", lambda root, site: ocsp.response(root, site, "revoked")),
    "unknown": ("staple_invalid", lambda root, site: ocsp.response(root, site, "unknown")),
    "expired": ("staple_invalid", lambda root, site: ocsp.response(root, site, days=(-9, -2))),
    "not yet": ("staple_invalid", lambda root, site: ocsp.response(root, site, days=(2, 9))),
    "without end": ("staple_invalid", lambda root, site: ocsp.response(root, site, ends=False)),
    "of a stranger": (
        "staple_invalid",
        lambda root, site: ocsp.response(root, site, signer=Authority("tests root")),
    ),
    "of a neighbour": (
        "staple_invalid",
        lambda root, site: ocsp.response(root, site, signer=root.issue("neighbour")),
    ),
    "changed": (
        "staple_invalid",
        lambda root, site: flipped(ocsp.response(root, site)),
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_staples_are_refused(
    meet: Any, root: Authority, site: Identity, case: str, client_library: str, version: str
) -> None:
    reason, make = BAD[case]
    if (case, client_library, version) == ("revoked", "wolfssl", "TLSv1.2"):
        reason = "staple_invalid"  # wolfSSL does not say what is wrong with it
    pair = meet(make(root, site)).fail()
    assert isinstance(pair.client_error, VerificationError), pair.client_error
    assert pair.client_error.reason == reason
    assert pair.client.is_peer_verified() == -1


def test_who_does_not_ask_is_not_told(
    library: str, client_library: str, version: str, root: Authority, site: Identity
) -> None:
    staple = ocsp.response(root, site, "revoked")
    both = managers(
        library, client_library, version,
        server=site.fields() | {"ocsp_response": staple}, client={"ca_list": root.pem},
    )  # fmt: skip
    both.connect().echo()


@needs("openssl")
@pytest.mark.parametrize("from_file", [False, True])
def test_s_client_sees_it(
    library: str, version: str, root: Authority, site: Identity, tmp_path: Path, from_file: bool
) -> None:
    staple: Any = ocsp.response(root, site)
    if from_file:
        (tmp_path / "staple").write_bytes(staple)
        staple = tmp_path / "staple"
    fields = site.fields() | {"ocsp_response": staple}
    (tmp_path / "ca").write_bytes(root.pem)
    with Server(managers(library, library, version, server=fields).server) as listening:
        done = s_client(
            listening.port, "-servername", "dom1.test", version_flag(version), "-ign_eof",
            "-status", "-CAfile", str(tmp_path / "ca"),
        )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "OCSP Response Status: successful" in done.stdout
    assert "Cert Status: good" in done.stdout


@needs("openssl")
@pytest.mark.parametrize("status", ["good", "revoked", None])
def test_s_server_staples(
    library: str, version: str, root: Authority, site: Identity, tmp_path: Path, status: str | None
) -> None:
    options = ["-cert", str(tmp_path / "site"), "-key", str(tmp_path / "site")]
    (tmp_path / "site").write_bytes(b"".join(site.fields().values()))
    if status is not None:
        (tmp_path / "staple").write_bytes(ocsp.response(root, site, status))
        options += ["-status_file", str(tmp_path / "staple")]
    fields = {"ca_list": root.pem, "require_staple": True}
    clients = managers(library, library, version, client=fields).client
    with (
        s_server("dom1", [*options, version_flag(version)]) as server,
        socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as sock,
    ):
        client = clients.client_connection("client", server_name="dom1.test")
        if status == "good":
            do_handshake(client, sock)
            assert client.is_peer_verified() == 1
        else:
            with pytest.raises(VerificationError):
                do_handshake(client, sock)


@pytest.mark.parametrize(
    ("server", "client", "why"),
    [
        ({"ocsp_response": "/no/such/file"}, {}, "'ocsp_response'.*No such file"),
        ({"ocsp_response": b"garbage"}, {}, "'ocsp_response'.*DER"),
        ({"require_staple": True}, {}, "'require_staple'.*clients staple nothing"),
        ({}, {"ocsp_response": b"\x30\x00"}, "'ocsp_response'.*clients staple nothing"),
        ({}, {"require_staple": True, "verify_cert": False}, "'require_staple'.*verify_cert"),
    ],
    ids=str,
)
def test_bad_values(library: str, server: dict[str, Any], client: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        managers(library, library, server=server, client=client)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda root: b"\x30\x03abc", "no OCSP response in DER"),
        (lambda root: ocsp.refusal(), "tryLater"),
        (
            lambda root: ocsp.response(root, root.issue("other", names=["dom1.test"])),
            "not about the domain's certificate",
        ),
    ],
)
@pytest.mark.parametrize("from_file", [False, True])
def test_a_useless_staple_is_refused_at_load(
    library: str,
    root: Authority,
    site: Identity,
    tmp_path: Path,
    make: Any,
    why: str,
    from_file: bool,
) -> None:
    staple: Any = make(root)
    if from_file:
        (tmp_path / "staple").write_bytes(staple)
        staple = tmp_path / "staple"
    with pytest.raises(ConfigError, match=why) as caught:
        managers(library, library, server=site.fields() | {"ocsp_response": staple})
    assert caught.value.parameter == "ocsp_response"


def test_the_staple_of_the_second_certificate_is_no_good(
    library: str, root: Authority, site: Identity
) -> None:
    """It is stapled to the first one alone."""
    second = root.issue("second", names=["dom1.test"], kind="rsa").fields()
    both = {f"{name}2": value for name, value in second.items()}
    good = site.fields() | both | {"ocsp_response": ocsp.response(root, site)}
    managers(library, library, server=good)
    other = root.issue("second", names=["dom1.test"], kind="rsa")
    with pytest.raises(ConfigError, match="not about the domain's certificate"):
        managers(library, library, server=good | {"ocsp_response": ocsp.response(root, other)})


@pytest.mark.parametrize(
    ("days", "words"),
    [((-9, -2), "ended to hold on"), ((2, 9), "does not hold before"), ((-1, 7), None)],
)
@pytest.mark.parametrize("from_file", [False, True])
def test_an_expired_staple_is_a_warning(
    library: str,
    root: Authority,
    site: Identity,
    tmp_path: Path,
    days: tuple[int, int],
    words: str | None,
    from_file: bool,
) -> None:
    staple: Any = ocsp.response(root, site, days=days)
    if from_file:
        (tmp_path / "staple").write_bytes(staple)
        staple = tmp_path / "staple"
    server = managers(library, library, server=site.fields() | {"ocsp_response": staple}).server
    told = [text for text in server.warnings if "OCSP" in text]
    assert len(told) == (words is not None)
    assert all(words in text and "'dom1'" in text for text in told if words is not None)
