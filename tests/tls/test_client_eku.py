"""What clients' certificates must be for, and those of public CAs, which are for servers only."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from tests.support.libraries import needs_library
from tests.support.pairs import ConnectionPair, managers, session_of
from tests.support.pki import CLIENT_AUTH, SERVER_AUTH, Authority, Identity, write_crls
from tlsmgm import ConfigError, Domain, VerificationError
from tlsmgm._manager import TLSManager

CODE_SIGNING = ExtendedKeyUsageOID.CODE_SIGNING

Purposes = tuple[ObjectIdentifier, ...]

CLIENT, SERVER, CODE = (CLIENT_AUTH,), (SERVER_AUTH,), (CODE_SIGNING,)
BOTH = CLIENT + SERVER


class Meeting:
    """Lets a client with a certificate meet a server domain that verifies."""

    def __init__(self, library: str, client_library: str, version: str, root: Authority) -> None:
        self._where = library, client_library, version
        self._root = root
        self._site = root.issue("site", names=["dom1.test"])

    def pair(self, user: Identity, eku: str | None, **rules: Any) -> ConnectionPair:
        fields = {"verify_cert": True, "ca_list": self._root.pem, **self._site.fields(), **rules}
        if eku is not None:
            fields["client_eku"] = eku
        client = {"ca_list": self._root.pem, **user.fields()}
        both = managers(*self._where, server=fields, client=client)
        return both.pair().pump()

    def reason(self, user: Identity, eku: str | None, **rules: Any) -> str:
        """Return why the server refuses, or ok."""
        pair = self.pair(user, eku, **rules)
        error = pair.server_error
        if error is None:
            pair.echo()
            assert pair.server.peer_verified
            return "ok"
        assert isinstance(error, VerificationError), error
        return error.reason


@pytest.fixture
def meeting(library: str, client_library: str, version: str, root: Authority) -> Meeting:
    return Meeting(library, client_library, version, root)


@pytest.mark.parametrize("eku", [None, "client"])
def test_by_default_clients_must_be_clients(meeting: Meeting, root: Authority, eku: str) -> None:
    expected = {(): "ok", CLIENT: "ok", BOTH: "ok", SERVER: "purpose", CODE: "purpose"}
    for usage, verdict in expected.items():
        assert meeting.reason(root.issue(usage=usage), eku) == verdict, usage


def test_those_of_servers_are_admitted(meeting: Meeting, root: Authority) -> None:
    expected = {(): "ok", CLIENT: "ok", BOTH: "ok", SERVER: "ok", CODE: "purpose"}
    for usage, verdict in expected.items():
        assert meeting.reason(root.issue(usage=usage), "client_or_server") == verdict, usage


@pytest.mark.parametrize(
    ("above", "leaf"),
    [(SERVER, SERVER), (SERVER, BOTH), (SERVER, ()), (BOTH, SERVER), (CLIENT, CLIENT)],
)
def test_the_whole_chain_is_for_one_of_them(
    meeting: Meeting, root: Authority, above: Purposes, leaf: Purposes
) -> None:
    middle = Authority("for some", root, purposes=above)
    assert meeting.reason(middle.issue(usage=leaf), "client_or_server") == "ok"


@needs_library("openssl")
@pytest.mark.parametrize(
    ("above", "leaf"),
    [(CLIENT, SERVER), (SERVER, CLIENT), (CODE, SERVER), (CODE, CLIENT), (CODE, ()), (CODE, CODE)],
)
def test_a_chain_for_neither_is_refused(
    client_library: str, version: str, root: Authority, above: Purposes, leaf: Purposes
) -> None:
    """OpenSSL looks at every certificate of a chain, and we must not make it look away."""
    meeting = Meeting("openssl", client_library, version, root)
    middle = Authority("for some", root, purposes=above)
    assert meeting.reason(middle.issue(usage=leaf), "client_or_server") == "purpose"


def test_a_key_that_only_deciphers_is_no_clients(meeting: Meeting, root: Authority) -> None:
    """A server's might do so (RFC 5246 section 7.4.2), but a client signs."""
    unused = "content_commitment data_encipherment key_agreement key_cert_sign crl_sign"
    flags = dict.fromkeys(f"{unused} encipher_only decipher_only".split(), False)
    deciphers = x509.KeyUsage(digital_signature=False, key_encipherment=True, **flags)
    signs = x509.KeyUsage(digital_signature=True, key_encipherment=False, **flags)
    for usage, verdict in ((deciphers, "purpose"), (signs, "ok")):
        user = root.issue(usage=SERVER, kind="rsa", key_usage=usage)
        assert meeting.reason(user, "client_or_server") == verdict


def test_all_other_rules_stay(meeting: Meeting, root: Authority, tmp_path: Any) -> None:
    known, stranger = root.issue(usage=SERVER), Authority("elsewhere").issue(usage=SERVER)
    assert meeting.reason(stranger, "client_or_server") == "unknown_ca"
    old = root.issue(usage=SERVER, days=(-10, -1))
    assert meeting.reason(old, "client_or_server") == "expired"
    crls = write_crls(tmp_path / "crls", root.crl(known))
    assert meeting.reason(known, "client_or_server", crl_dir=crls) == "revoked"
    other = root.issue(usage=SERVER, names=["b.test"])
    rules = {"peer_identity": "a.test"}
    assert meeting.reason(other, "client_or_server", **rules) == "name_mismatch"


def test_names_are_asked_for_as_well(meeting: Meeting, root: Authority) -> None:
    user = root.issue(usage=SERVER, names=["a.test"])
    assert meeting.reason(user, "client_or_server", peer_identity="a.test") == "ok"


def test_servers_must_be_servers_whatever_a_client_domain_says(
    library: str, client_library: str, version: str, root: Authority
) -> None:
    site = root.issue("site", names=["dom1.test"], usage=CLIENT)
    client = {"ca_list": root.pem, "client_eku": "client_or_server"}
    pair = managers(library, client_library, version, server=site.fields(), client=client).fail()
    assert isinstance(pair.client_error, VerificationError)
    assert pair.client_error.reason == "purpose"


def test_a_stricter_rule_ends_sessions(
    library: str, client_library: str, version: str, root: Authority
) -> None:
    site = root.issue("site", names=["dom1.test"])
    user = root.issue(usage=SERVER)
    rules = {"verify_cert": True, "ca_list": root.pem, "client_eku": "client_or_server"}
    client = {"ca_list": root.pem, **user.fields()}
    both = managers(library, client_library, version, server=site.fields() | rules, client=client)
    session = session_of(both.connect())
    assert both.connect(session=session).server.session_reused
    strict = TLSManager(library)
    strict.add_domain(both.server.domains[0].replace(client_eku="client"))
    snapshot = both.server._changes.snapshot.built["server", "dom1"]
    assert strict._changes.snapshot.built["server", "dom1"].scope != snapshot.scope


@pytest.mark.parametrize("value", ["server", "", None, 1, True])
def test_there_are_two_values(value: Any) -> None:
    with pytest.raises(ConfigError, match="must be 'client' or 'client_or_server'"):
        Domain("d", "server", client_eku=value)
