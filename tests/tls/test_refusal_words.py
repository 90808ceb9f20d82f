"""What an error says of a peer that was refused: the same on both libraries, and never too much."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import bad_certificates as bad
from tests.support.managers import pki
from tests.support.pairs import managers
from tests.support.pki import Authority
from tlsmgm import VerificationError
from tlsmgm._core.certificate import Certificate
from tlsmgm._core.refusals import Peer, explained

Maker = Callable[[Authority, Path], bad.Case]

_TIME = r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC"

WORDS: list[tuple[Maker, str]] = [
    (bad.another_name, "name_mismatch: 'dom1.test' was expected, and it is for 'dom2.test'"),
    (bad.expired, f"expired: '/CN=leaf' ended at {_TIME}, and it is {_TIME} now"),
    (bad.intermediate_expired, f"expired: '/CN=middle' ended at {_TIME}, and it is {_TIME} now"),
    (bad.not_yet_valid, f"not_yet_valid: '/CN=leaf' begins at {_TIME}, and it is {_TIME} now"),
    (
        bad.unknown_authority,
        "unknown_ca: its chain leads to no CA of domain 'client': '/CN=elsewhere' was looked for, "
        "the issuer of '/CN=leaf'",
    ),
    (
        bad.signed_by_itself,
        "self_signed: '/CN=dom1.test' is signed by itself, and is no CA of domain 'client'",
    ),
    (bad.revoked, "revoked: '/CN=leaf', or a CA above it, has been revoked"),
    (bad.no_revocation_list, "crl_missing: domain 'client' has no CRL .* '/CN=leaf'.*"),
    (bad.revocation_list_expired, f"crl_expired: the CRL .* has expired, and it is {_TIME} now"),
    (bad.purpose, "purpose: '/CN=leaf', or a CA above it, is not for TLS servers"),
    (bad.too_deep, "too_deep: the chain of '/CN=leaf' is longer than domain 'client', .*"),
    (bad.small_key, "weak_key: a key or a signature in the chain of a certificate without .*"),
]


@pytest.mark.parametrize(("maker", "words"), WORDS, ids=[maker.__name__ for maker, _ in WORDS])
def test_of_a_server(
    maker: Maker, words: str, library: str, version: str, root: Authority, tmp_path: Path
) -> None:
    case = maker(root, tmp_path)
    any_key = {"cipher_list": "DEFAULT:@SECLEVEL=0"}
    both = managers(
        "openssl",
        library,
        version,
        server=case.server | any_key,
        client={"ca_list": root.pem} | case.client,
    )
    error = both.fail(case.name).client_error
    assert isinstance(error, VerificationError)
    assert words.startswith(f"{error.reason}:")
    assert re.fullmatch(f"the peer's certificate is refused: {words}", str(error))
    assert error.backend == library


def test_of_a_client(library: str, version: str, root: Authority) -> None:
    rules = {"verify_cert": True, "require_cert": True, "ca_list": root.pem}
    both = managers(library, library, version, server=rules)
    pair = both.pair().pump()
    assert isinstance(pair.server_error, VerificationError)
    assert str(pair.server_error) == (
        "the peer's certificate is refused: missing: the client has sent none, and domain 'dom1' "
        "requires one"
    )
    with pytest.raises(VerificationError, match="domain 'dom1' requires one"):
        pair.server.handshake()  # it says so again


def test_names_that_a_domain_asks_for(library: str, version: str, root: Authority) -> None:
    rules = {
        "verify_cert": True,
        "require_cert": True,
        "ca_list": root.pem,
        "peer_identity": "a.test,b.test",
    }
    shown = root.issue(names=["c.test"], addresses=["192.0.2.7"], uris=["sip:d.test"]).fields()
    pair = managers(library, library, version, server=rules, client=shown).pair().pump()
    assert str(pair.server_error) == (
        "the peer's certificate is refused: name_mismatch: peer_identity of domain 'dom1' asks for "
        "one of 'a.test', 'b.test', and it is for 'c.test', '192.0.2.7', 'sip:d.test'"
    )


def test_the_last_of_a_chain_is_what_leads_nowhere(library: str, root: Authority) -> None:
    middle = Authority("strange intermediate", Authority("strange root"))
    shown = middle.issue("stranger", names=["dom1.test"]).fields()
    both = managers(library, library, server=shown, client={"ca_list": root.pem})
    assert str(both.fail().client_error).endswith(
        "'/CN=strange root' was looked for, the issuer of '/CN=strange intermediate'"
    )


def test_it_is_bounded_and_printable(library: str, root: Authority) -> None:
    names = [f"{'x' * 60}.{'y' * 60}.host{number}.test" for number in range(50)]
    shown = root.issue(names=names).fields()
    both = managers(library, library, server=shown, client={"ca_list": root.pem})
    text = str(both.fail().client_error)
    assert text.endswith("... and 46 more")
    assert len(text) < 700

    evil = Authority("evil\nstatus=ok \x1b[2J\u202e").issue("o\r'\"k", names=["dom1.test"]).fields()
    both = managers(library, library, server=evil, client={"ca_list": root.pem})
    text = str(both.fail().client_error)
    assert "evil" in text
    assert text.isprintable()


# Where there is little to be said.


def _peer(*chain: Certificate, wanted: str | None = None, domain: object = None) -> Peer:
    return Peer(is_client=False, chain=chain, wanted=wanted, domain=domain)


@pytest.mark.parametrize("reason", sorted({words.partition(":")[0] for _, words in WORDS}))
def test_without_a_chain(reason: str) -> None:
    text = explained(reason, _peer(), "the library's words")
    assert text.startswith(f"the peer's certificate is refused: {reason}: ")
    assert "the library's words" not in text


@pytest.mark.parametrize("reason", ["other", "malformed", "ok"])
def test_what_the_library_knows_better(reason: str) -> None:
    told = "the peer's certificate was refused: as the library says"
    words = f"the peer's certificate is refused: {reason}: as the library says"
    assert explained(reason, _peer(), told) == words


def test_a_ca_that_was_not_sent_has_ended() -> None:
    good = Certificate.from_pem(Path(pki("dom1.pem")).read_bytes())[0]
    assert good.not_after is not None
    assert good.not_after > datetime.datetime.now(datetime.UTC)
    text = explained("expired", _peer(good), "")
    assert re.search(rf"a CA above '.*' has ended, and it is {_TIME} now$", text)
