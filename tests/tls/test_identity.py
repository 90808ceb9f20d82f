"""Who the peer is: SIP domains (RFC 5922), and names that every client of a domain must have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.pairs import Managers, managers, session_of
from tests.support.pki import Authority, Identity
from tests.support.programs import needs, s_client, version_flag
from tests.support.sockets import Server
from tlsmgm import AlertError, ConfigError, Domain, VerificationError


def refusal(error: Exception | None) -> str:
    assert isinstance(error, VerificationError), error
    return error.reason


@pytest.fixture
def calling(library: str, client_library: str, version: str, root: Authority) -> Any:
    """Makes both ends: a server with these names, and a client that looks for a SIP domain."""

    def make(names: list[str], uris: list[str], **client: Any) -> Managers:
        site = root.issue("site", names=names, uris=uris)
        fields = {"ca_list": root.pem, "identity": "sip"} | client
        return managers(library, client_library, version, server=site.fields(), client=fields)

    return make


@pytest.mark.parametrize(
    ("names", "uris"),
    [([], ["sip:dom1.test"]), (["dom1.test"], []), (["other.test"], ["sip:dom1.test:5061"])],
)
def test_sip_domain_is_found(calling: Any, names: list[str], uris: list[str]) -> None:
    both = calling(names, uris)
    pair = both.connect()
    pair.echo()
    assert pair.client.is_peer_verified() == 1
    again = both.connect(session=session_of(pair))
    again.echo()
    assert again.client.session_reused


@pytest.mark.parametrize(
    ("names", "uris"),
    [
        ([], ["sip:other.test"]),
        (["dom1.test"], ["sip:other.test"]),
        (["*.test"], []),
        ([], ["sip:user@dom1.test"]),
        ([], ["sips:dom1.test"]),
        ([], []),
    ],
)
def test_other_sip_domains_are_refused(calling: Any, names: list[str], uris: list[str]) -> None:
    pair = calling(names, uris).fail()
    assert refusal(pair.client_error) == "name_mismatch"
    assert pair.server_error is not None  # wolfSSL cannot read the alert of some clients


def test_hosts_know_no_sip_uris(calling: Any) -> None:
    pair = calling([], ["sip:dom1.test"], identity="host").fail()
    assert refusal(pair.client_error) == "name_mismatch"


def test_skipping_names_skips_them_for_sip_too(calling: Any) -> None:
    calling(["other.test"], [], danger_skip_hostname_check=True).connect().echo()


def test_without_verification_no_name_counts(calling: Any) -> None:
    calling(["other.test"], [], verify_cert=False).connect().echo()


def test_the_first_fault_is_told(
    library: str, client_library: str, version: str, root: Authority
) -> None:
    """A stranger's certificate with the wrong name is that of a stranger."""
    site = Authority("unknown").issue("site", names=["other.test"])
    fields = {"ca_list": root.pem, "identity": "sip"}
    both = managers(library, client_library, version, server=site.fields(), client=fields)
    assert refusal(both.fail().client_error) == "unknown_ca"


# Clients that must have a name.


@pytest.fixture
def guarded(
    library: str, client_library: str, version: str, root: Authority, site: Identity
) -> Any:
    """Makes both ends: a server that expects these peers, and a client with a certificate."""

    def make(expected: str, user: Identity | None, **server: Any) -> Managers:
        rules = {"ca_list": root.pem, "verify_cert": True, "peer_identity": expected}
        shown = {} if user is None else user.fields()
        return managers(
            library,
            client_library,
            version,
            server=site.fields() | rules | server,
            client=shown | {"ca_list": root.pem},
        )

    return make


def test_an_expected_client_comes_in(guarded: Any, root: Authority) -> None:
    user = root.issue("user", names=["alice.test"])
    both = guarded("bob.test, alice.test", user)
    pair = both.connect()
    pair.echo()
    assert pair.server.is_peer_verified() == 1
    again = both.connect(session=session_of(pair))
    again.echo()
    assert again.server.session_reused
    assert again.server.is_peer_verified() == 1


@pytest.mark.parametrize("names", [["mallory.test"], ["*.test"], []])
def test_any_other_does_not(guarded: Any, root: Authority, names: list[str]) -> None:
    pair = guarded("alice.test", root.issue("alice.test", names=names)).fail()
    assert refusal(pair.server_error) == "name_mismatch"
    assert pair.server.is_peer_verified() == -1
    assert isinstance(pair.client_error, AlertError)


def test_nor_one_without_certificate(guarded: Any) -> None:
    assert refusal(guarded("alice.test", None).fail().server_error) == "missing"


def test_a_sip_proxy_comes_in_by_its_domain(guarded: Any, root: Authority) -> None:
    user = root.issue("proxy", names=["host7.test"], uris=["sip:atlanta.test"])
    guarded("atlanta.test", user, identity="sip").connect().echo()
    pair = guarded("host7.test", user, identity="sip").fail()
    assert refusal(pair.server_error) == "name_mismatch"


def test_a_ticket_does_not_outlive_the_rule(guarded: Any, root: Authority) -> None:
    user = root.issue("user", names=["alice.test"])
    before, after = guarded("alice.test", user), guarded("bob.test", user)
    session = session_of(before.connect())
    pair = Managers(after.server, before.client).fail(session=session)
    assert refusal(pair.server_error) == "name_mismatch"


@pytest.mark.parametrize("expected", ["dom1.test", "other.test"])
def test_servers_may_be_expected_too(
    library: str, client_library: str, version: str, root: Authority, expected: str
) -> None:
    """Whatever name the connection asks for, as with SRV records."""
    site = root.issue("site", names=["dom1.test", "node3.test"])
    both = managers(
        library,
        client_library,
        version,
        server=site.fields(),
        client={"ca_list": root.pem, "peer_identity": expected},
    )
    if expected == "dom1.test":
        both.connect("node3.test").echo()
        both.connect(None).echo()
    else:
        for name in ("node3.test", None):
            assert refusal(both.fail(name).client_error) == "name_mismatch"


@needs("openssl")
def test_s_client_is_let_in_by_name(
    library: str, version: str, root: Authority, site: Identity, tmp_path: Path
) -> None:
    rules = {"ca_list": root.pem, "verify_cert": True, "peer_identity": "alice.test"}
    server = managers(library, library, version, server=site.fields() | rules).server
    (tmp_path / "ca").write_bytes(root.pem)
    with Server(server) as listening:
        for name in ("alice", "mallory"):
            fields = root.issue(name, names=[f"{name}.test"]).fields()
            (tmp_path / name).write_bytes(fields["certificate"] + fields["private_key"])
            options = ("-cert", str(tmp_path / name), "-key", str(tmp_path / name))
            trust = ("-CAfile", str(tmp_path / "ca"), version_flag(version), "-ign_eof")
            s_client(listening.port, "-servername", "dom1.test", *trust, *options)
    first, second = listening.outcomes
    assert first.clean
    assert refusal(second.error) == "name_mismatch"


@pytest.mark.parametrize("identity", ["host", "sip"])
def test_names_of_clients_outside_ascii(
    library: str, client_library: str, version: str, root: Authority, identity: str
) -> None:
    site = root.issue("site", names=["dom1.test"])
    rules = {"ca_list": root.pem, "verify_cert": True, "identity": identity}
    rules["peer_identity"] = "straße.test"
    for name, verdict in (("xn--strae-oqa.test", None), ("strasse.test", "name_mismatch")):
        client = {"ca_list": root.pem, **root.issue(names=[name]).fields()}
        both = managers(
            library, client_library, version, server=site.fields() | rules, client=client
        )
        if verdict is None:
            both.connect().echo()
        else:
            assert refusal(both.fail().server_error) == verdict


def test_identities_are_kept_as_they_are_compared() -> None:
    names = ["Straße.Test.", "A.test", "_sip.b.test.", "[2001:DB8::7]", "192.0.2.7"]
    domain = Domain("d", "client", peer_identity=names)
    assert domain.peer_identity == (
        "xn--strae-oqa.test",
        "a.test",
        "_sip.b.test",
        "2001:db8::7",
        "192.0.2.7",
    )
    assert domain.replace(peer_identity=domain.peer_identity) == domain


def test_a_client_may_be_an_address(
    library: str, client_library: str, version: str, root: Authority
) -> None:
    site = root.issue("site", names=["dom1.test"])
    client = {"ca_list": root.pem, **root.issue(addresses=["2001:db8::7"]).fields()}
    rules = {"ca_list": root.pem, "verify_cert": True, "peer_identity": "[2001:db8::7]"}
    both = managers(library, client_library, version, server=site.fields() | rules, client=client)
    both.connect().echo()


@pytest.mark.parametrize(
    "fields",
    [
        {"peer_identity": "a.test", "verify_cert": False},
        {"peer_identity": "a.test", "require_cert": False},
        {"peer_identity": "*.a.test"},
        {"peer_identity": "a b"},
        {"peer_identity": ["a.test,b.test"]},
        {"peer_identity": "☕.test"},
        {"identity": "SIP"},
        {"identity": None},
    ],
    ids=str,
)
def test_rules_that_cannot_hold_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="identity"):
        Domain("dom1", "server", **fields)
