"""The traps of design.md, section 4: each is known to catch a library that is used naively."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509.oid import ObjectIdentifier
from OpenSSL import SSL

from tests.support.hello import server_name
from tests.support.libraries import release_of
from tests.support.managers import server_domain
from tests.support.pairs import ConnectionPair, Managers, core_server, manager, managers
from tests.support.peers import PyOpenSSLPeer, pyopenssl_context
from tests.support.pki import (
    CLIENT_AUTH,
    SERVER_AUTH,
    Authority,
    Identity,
    self_signed,
    write_crls,
)
from tlsmgm import AlertError, ConfigError, ProtocolError, VerificationError
from tlsmgm._backends import load
from tlsmgm._core.context import Context

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def strict(library: str, version: str, root: Authority, site: Identity) -> dict[str, Any]:
    """Fields of a server that demands certificates of the root."""
    return site.fields() | {"verify_cert": True, "ca_list": root.pem}


def users(
    library: str, client_library: str, version: str, strict: dict[str, Any], *shown: dict[str, Any]
) -> list[Managers]:
    """One server, and a client's manager for each identity."""
    root = {"ca_list": strict["ca_list"]}
    made = [
        managers(library, client_library, version, server=strict, client=root | fields)
        for fields in shown
    ]
    return [Managers(made[0].server, one.client) for one in made]


# --- intermediates of one peer do not help the next ---------------------------------------------


def test_leaf_without_chain_after_one_with_it(
    library: str, client_library: str, version: str, strict: dict[str, Any], deep_user: Identity
) -> None:
    whole, bare = users(
        library, client_library, version, strict, deep_user.fields(), deep_user.fields(chain=False)
    )
    for _ in range(3):
        kept = whole.connect()
        pair = bare.fail()
        assert isinstance(pair.server_error, VerificationError)
        assert pair.server_error.reason == "unknown_ca"
        kept.echo()


def test_leaf_without_chain_beside_one_with_it(
    library: str, client_library: str, version: str, strict: dict[str, Any], deep_user: Identity
) -> None:
    whole, bare = users(
        library, client_library, version, strict, deep_user.fields(), deep_user.fields(chain=False)
    )
    # Each pair stands still at every step of the other one's handshake.
    good, bad = whole.pair(), bare.pair()
    for _ in range(8):
        for pair in (good, bad):
            for here, there in (
                (pair.client_side, pair.server_side),
                (pair.server_side, pair.client_side),
            ):
                here.advance()
                there.end.feed(here.end.drain())
    assert good.server_side.complete
    good.echo()
    assert isinstance(bad.server_error, VerificationError)
    assert bad.server_error.reason == "unknown_ca"


def test_leaf_without_chain_in_many_threads(
    library: str, version: str, strict: dict[str, Any], deep_user: Identity
) -> None:
    whole, bare = users(
        library, library, version, strict, deep_user.fields(), deep_user.fields(chain=False)
    )
    wrong: list[object] = []

    def work(both: Managers, accepted: bool) -> None:
        for _ in range(20):
            pair = both.pair().pump()
            if (pair.server_error is None) is not accepted:
                wrong.append((accepted, pair.server_error))

    threads = [
        threading.Thread(target=work, args=(both, both is whole)) for both in (whole, bare) * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_client_does_not_remember_intermediates(
    library: str, client_library: str, version: str, root: Authority, deep_site: Identity
) -> None:
    client = {"ca_list": root.pem}
    whole = managers(library, client_library, version, server=deep_site.fields(), client=client)
    bare = managers(library, library, version, server=deep_site.fields(chain=False))
    for _ in range(2):
        whole.connect()
        pair = Managers(bare.server, whole.client).fail()
        assert isinstance(pair.client_error, VerificationError)
        assert pair.client_error.reason == "unknown_ca"


# --- no session but by ticket -------------------------------------------------------------------


def test_session_id_without_ticket_resumes_nowhere(library: str) -> None:
    server = manager(library, server_domain("dom1"), server_domain("dom2"))
    context = pyopenssl_context("TLSv1.2")
    context.set_options(SSL.OP_NO_TICKET)
    context.set_session_cache_mode(SSL.SESS_CACHE_CLIENT)
    first = PyOpenSSLPeer(context, server_name="dom1.test")
    ConnectionPair(first, core_server(server)).handshake().echo()
    session = first.session
    for name in ("dom1.test", "dom2.test"):
        again = PyOpenSSLPeer(context, server_name=name, session=session)
        pair = ConnectionPair(again, core_server(server)).handshake()
        assert not pair.server.session_reused


# --- revocation lists ---------------------------------------------------------------------------


def test_intermediate_is_checked_with_check_all(
    library: str,
    client_library: str,
    version: str,
    strict: dict[str, Any],
    root: Authority,
    middle: Authority,
    deep_user: Identity,
    tmp_path: Path,
) -> None:
    crls = write_crls(tmp_path / "crls", root.crl(middle), middle.crl())
    for check_all in (False, True):
        rules = strict | {"crl_dir": crls, "crl_check_all": check_all}
        [both] = users(library, client_library, version, rules, deep_user.fields())
        if check_all:
            pair = both.fail()
            assert isinstance(pair.server_error, VerificationError)
            assert pair.server_error.reason == "revoked"
        else:
            assert both.connect().server.is_peer_verified() == 1


@pytest.mark.parametrize("check_all", [False, True])
def test_revoked_leaf_below_an_intermediate(
    library: str,
    client_library: str,
    version: str,
    strict: dict[str, Any],
    root: Authority,
    middle: Authority,
    deep_user: Identity,
    tmp_path: Path,
    check_all: bool,
) -> None:
    crls = write_crls(tmp_path / "crls", root.crl(), middle.crl(deep_user))
    rules = strict | {"crl_dir": crls, "crl_check_all": check_all}
    other = middle.issue("other user")
    good, bad = users(library, client_library, version, rules, other.fields(), deep_user.fields())
    assert good.connect().server.is_peer_verified() == 1
    pair = bad.fail()
    assert isinstance(pair.server_error, VerificationError)
    assert pair.server_error.reason == "revoked"


def test_list_of_the_root_is_missing_with_check_all(
    library: str,
    client_library: str,
    version: str,
    strict: dict[str, Any],
    middle: Authority,
    deep_user: Identity,
    tmp_path: Path,
) -> None:
    crls = write_crls(tmp_path / "crls", middle.crl())
    for check_all in (False, True):
        rules = strict | {"crl_dir": crls, "crl_check_all": check_all}
        [both] = users(library, client_library, version, rules, deep_user.fields())
        if check_all:
            pair = both.fail()
            assert isinstance(pair.server_error, VerificationError)
            assert pair.server_error.reason == "crl_missing"
        else:
            both.connect().echo()


def test_root_on_its_own_list_with_check_all(
    library: str,
    client_library: str,
    version: str,
    strict: dict[str, Any],
    root: Authority,
    user: Identity,
    tmp_path: Path,
) -> None:
    crls = write_crls(tmp_path / "crls", root.crl(root))
    rules = strict | {"crl_dir": crls, "crl_check_all": True}
    [both] = users(library, client_library, version, rules, user.fields())
    if library == "openssl" and release_of("openssl") >= (3, 6):
        both.connect().echo()  # docs/security.md: it looks for no list of who signs itself
        return
    pair = both.fail()
    assert isinstance(pair.server_error, VerificationError)
    assert pair.server_error.reason == "revoked"


# --- the reason is recorded, wanted or not ------------------------------------------------------

BAD_SITES: dict[str, Callable[[Authority], Identity]] = {
    "expired": lambda root: root.issue(names=["dom1.test"], days=(-9, -2)),
    "not_yet_valid": lambda root: root.issue(names=["dom1.test"], days=(2, 9)),
    "unknown_ca": lambda root: Authority("elsewhere").issue(names=["dom1.test"]),
    "self_signed": lambda root: self_signed("dom1.test"),
    "purpose": lambda root: root.issue(names=["dom1.test"], usage=[CLIENT_AUTH]),
}


@pytest.mark.parametrize("reason", BAD_SITES)
def test_reason_is_recorded_with_verification_off(
    library: str, client_library: str, version: str, root: Authority, reason: str
) -> None:
    both = managers(
        library,
        client_library,
        version,
        server=BAD_SITES[reason](root).fields(),
        client={"ca_list": root.pem, "verify_cert": False},
    )
    pair = both.connect()
    pair.echo()
    assert pair.client.verify_reason == reason
    assert pair.client.is_peer_verified() == -1
    assert pair.client.variables["tls_peer_verified"] == "0"
    assert pair.client.variables["tls_peer_expired"] == str(int(reason == "expired"))
    assert pair.client.variables["tls_peer_selfsigned"] == str(int(reason == "self_signed"))


@pytest.mark.parametrize("reason", BAD_SITES)
def test_reason_is_told_with_verification_on(
    library: str, client_library: str, version: str, root: Authority, reason: str
) -> None:
    both = managers(
        library,
        client_library,
        version,
        server=BAD_SITES[reason](root).fields(),
        client={"ca_list": root.pem},
    )
    pair = both.fail()
    assert isinstance(pair.client_error, VerificationError)
    assert pair.client_error.reason == reason
    assert pair.client.verify_reason == reason
    assert pair.client.is_peer_verified() == -1
    assert pair.server_error is not None


def test_purpose_of_a_client(
    library: str, client_library: str, version: str, strict: dict[str, Any], root: Authority
) -> None:
    wrong, right = root.issue(usage=[SERVER_AUTH]), root.issue(usage=[SERVER_AUTH, CLIENT_AUTH])
    bad, good = users(library, client_library, version, strict, wrong.fields(), right.fields())
    pair = bad.fail()
    assert isinstance(pair.server_error, VerificationError)
    assert pair.server_error.reason == "purpose"
    assert good.connect().server.is_peer_verified() == 1


# --- cipher lists -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("HIGH:!NOSUCH", "NOSUCH"),
        ("ECDHE-RSA-AES256-GCM-SHA384:FOO-BAR", "FOO-BAR"),
        ("ECDHE+AESGMC", "AESGMC"),
        ("TLS_AES_128_GCM_SHA256:TLS_AES_999_GCM_SHA256", "TLS_AES_999_GCM_SHA256"),
    ],
)
def test_unknown_cipher_word_is_refused_by_name(library: str, text: str, word: str) -> None:
    with pytest.raises(ConfigError, match=word) as caught:
        managers(library, library, server={"cipher_list": text})
    assert caught.value.parameter == "cipher_list"
    assert caught.value.domain == "dom1"


@pytest.mark.parametrize("text", ["NO-SUCH-CIPHER", "ECDHE-RSA-AES256-GCM-SHA384:NO-SUCH-CIPHER"])
def test_unknown_cipher_word_is_refused_by_the_core_too(library: str, text: str) -> None:
    with pytest.raises(ConfigError, match="NO-SUCH-CIPHER") as caught:
        Context(load(library), is_server=False, cipher_list=text)
    assert caught.value.parameter == "cipher_list"


def test_expression_means_the_same_on_both_libraries(library: str, client_library: str) -> None:
    server = {"cipher_list": "HIGH:!aNULL:!AES256:!CHACHA20"}
    pair = managers(library, client_library, "TLSv1.2", server=server).connect()
    assert pair.server.cipher == "ECDHE-ECDSA-AES128-GCM-SHA256"
    pair.echo()


# --- certificates and trust ---------------------------------------------------------------------


def test_unknown_attribute_of_a_name_is_kept(
    library: str, client_library: str, version: str, strict: dict[str, Any], root: Authority
) -> None:
    odd = root.issue("odd", attributes=[(ObjectIdentifier("1.3.6.1.4.1.99999.7"), "here")])
    [both] = users(library, client_library, version, strict, odd.fields())
    peer = both.connect().server.peer_certificate
    assert peer.subject == "/CN=odd/1.3.6.1.4.1.99999.7=here"


def test_intermediate_is_trusted_without_its_root(
    library: str,
    client_library: str,
    version: str,
    strict: dict[str, Any],
    root: Authority,
    middle: Authority,
    deep_user: Identity,
    user: Identity,
) -> None:
    rules = strict | {"ca_list": middle.pem}
    trusted = {"ca_list": root.pem}
    good, bad = users(
        library,
        client_library,
        version,
        rules,
        deep_user.fields() | trusted,
        user.fields() | trusted,
    )
    assert good.connect().server.is_peer_verified() == 1
    pair = bad.fail()
    assert isinstance(pair.server_error, VerificationError)
    assert pair.server_error.reason == "unknown_ca"


HOST_CONFIGS = {
    "TLS 1.3 only": "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n"
    "[c]\nMinProtocol = TLSv1.3\n",
    "no cipher": "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n"
    "[c]\nCipherString = NULL-SHA256\n",
    "broken": "openssl_conf = nowhere\n[[[\n",
}

PROGRAM = """
import sys
from tests.support.pairs import managers
pair = managers(sys.argv[1], sys.argv[1], "TLSv1.2").connect()
pair.echo()
print(pair.server.version)
"""


@pytest.mark.parametrize("name", HOST_CONFIGS)
def test_openssl_cnf_of_the_host_is_not_read(library: str, name: str, tmp_path: Path) -> None:
    config = tmp_path / "openssl.cnf"
    config.write_text(HOST_CONFIGS[name])
    path = os.pathsep.join([str(ROOT), *sys.path])
    environment = os.environ | {"OPENSSL_CONF": str(config), "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, library], env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "TLSv1.2\n"), done.stderr


# --- the library reads the name that we read ----------------------------------------------------

ILLEGAL_PARAMETER, UNRECOGNIZED_NAME = 47, 112
UNASSIGNED = b"\xfa\xfa"
SENT = server_name(b"dom1.test")


def rename(data: bytes) -> bytes:
    return data.replace(b"dom1.test", b"dom2.test")


def hide(data: bytes) -> bytes:
    """Make another extension of the name."""
    return data.replace(SENT, UNASSIGNED + SENT[2:])


@pytest.mark.parametrize(("first", "second"), [(None, rename), (None, hide), (hide, None)])
def test_second_hello_with_another_name_is_refused(
    library: str, client_library: str, first: Any, second: Any
) -> None:
    # The server wants a group of which the client sent no share, so it asks once more.
    both = managers(
        library,
        client_library,
        "TLSv1.3",
        server={"ec_curve": "secp384r1"},
        client={"ec_curve": "x25519:secp384r1"},
    )
    hooks = [first, second]
    changed: list[bool] = []

    def rewrite(data: bytes) -> bytes:
        hook = hooks.pop(0) if hooks else None
        after = hook(data) if hook else data
        changed.append(after != data)
        return after

    pair = both.pair(to_server=rewrite).pump()
    assert changed[:2] == [first is not None, second is not None]
    assert not pair.server_side.complete
    # Refused for the name itself, not for the handshake's hash. wolfSSL looks at the first one
    # only, which is the one that chose the domain; then the hash must tell, perhaps the client.
    if library == "openssl" or second is None:
        assert isinstance(pair.server_error, ProtocolError)
        assert pair.server_error.alert in (ILLEGAL_PARAMETER, UNRECOGNIZED_NAME)
    else:
        assert isinstance(pair.server_error, ProtocolError | AlertError)
    assert pair.client_error is not None


def test_second_hello_with_the_same_name_is_answered(library: str, client_library: str) -> None:
    both = managers(
        library,
        client_library,
        "TLSv1.3",
        server={"ec_curve": "secp384r1"},
        client={"ec_curve": "x25519:secp384r1"},
    )
    pair = both.connect()
    pair.echo()
    assert pair.server.group == "secp384r1"
