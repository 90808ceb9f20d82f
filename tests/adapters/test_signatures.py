"""Signature algorithms: what is chosen by the calls of Python 3.15, and what is told afterwards."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.pairs import Pair
from tests.support.pki import Authority
from tlsmgm import ConfigError, UnsupportedError, adapters

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]

ECDSA, ED25519 = "ecdsa_secp256r1_sha256", "ed25519"
PSS, PSS_512, PKCS1 = "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha512", "rsa_pkcs1_sha256"


class Ends:
    """Makes contexts of two libraries whose certificates are by one authority."""

    def __init__(self, root: Authority, folder: Path, libraries: tuple[str, str]) -> None:
        self._root, self._folder, self._libraries = root, folder, libraries

    def server(self, *kinds: str) -> adapters.SSLContext:
        return self._context(ssl.PROTOCOL_TLS_SERVER, self._libraries[0], kinds)

    def client(self, *kinds: str) -> adapters.SSLContext:
        context = self._context(ssl.PROTOCOL_TLS_CLIENT, self._libraries[1], kinds)
        context.load_verify_locations(cadata=self._root.pem.decode())
        return context

    def verifying(self, *kinds: str) -> adapters.SSLContext:
        context = self.server(*kinds)
        context.load_verify_locations(cadata=self._root.pem.decode())
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _context(self, protocol: int, library: str, kinds: tuple[str, ...]) -> adapters.SSLContext:
        context = adapters.SSLContext(protocol, library=library)
        for kind in kinds:
            fields = self._root.issue(kind, names=["dom1.test"], kind=kind).fields()
            (self._folder / "chain.pem").write_bytes(fields["certificate"])
            (self._folder / "key.pem").write_bytes(fields["private_key"])
            context.load_cert_chain(self._folder / "chain.pem", self._folder / "key.pem")
        return context


@pytest.fixture
def ends(library: str, client_library: str, root: Authority, tmp_path: Path) -> Ends:
    return Ends(root, tmp_path, (library, client_library))


def sigalgs(end: Any) -> tuple[str | None, str | None]:
    """What a server and a client have signed by, as one end tells it."""
    return end._sslobj.server_sigalg(), end._sslobj.client_sigalg()


def failure(client: ssl.SSLContext, server: ssl.SSLContext) -> list[ssl.SSLError]:
    return Pair(client, server).shake()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_says_what_it_takes(ends: Ends, version: ssl.TLSVersion) -> None:
    server, client = ends.server("rsa"), ends.client()
    server.maximum_version = version
    client.set_server_sigalgs(f"{PSS_512}:{ECDSA}")
    pair = Pair(client, server).connected()
    assert sigalgs(pair.client) == sigalgs(pair.server) == (PSS_512, None)
    client.set_server_sigalgs(f"{ECDSA}:{ED25519}")
    assert failure(client, server)
    assert Pair(client, ends.server("ec")).connected().client.cipher()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_server_says_how_it_signs(ends: Ends, version: ssl.TLSVersion) -> None:
    server, client = ends.server("rsa"), ends.client()
    client.maximum_version = version
    server.set_server_sigalgs("RSA-PSS+SHA512:RSA+SHA384")
    pair = Pair(client, server).connected()
    assert sigalgs(pair.client) == sigalgs(pair.server) == (PSS_512, None)
    server.set_server_sigalgs(ECDSA)
    assert failure(client, server)


@pytest.mark.parametrize("version", VERSIONS)
def test_one_list_for_servers_and_clients(ends: Ends, version: ssl.TLSVersion) -> None:
    server, client = ends.verifying("ec"), ends.client("rsa")
    server.maximum_version = version
    server.set_server_sigalgs(f"{ECDSA}:{PSS}:{PKCS1}")
    pair = Pair(client, server).connected()
    expected = PSS
    if client.library == "wolfssl" and version == ssl.TLSVersion.TLSv1_2:
        expected = PKCS1  # with a suite for ECDSA it does not look at the padding
    assert sigalgs(pair.server) == (ECDSA, expected)
    assert sigalgs(pair.client) == (ECDSA, None if client.library == "wolfssl" else expected)
    server.set_client_sigalgs(f"{ECDSA}:{PSS}:{PKCS1}")
    assert sigalgs(Pair(client, server).connected().server) == (ECDSA, expected)


def test_a_resumed_handshake_is_not_signed(ends: Ends) -> None:
    server, client = ends.server("ec"), ends.client()
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    first = Pair(client, server).connected()
    again = Pair(client, server, session=first.client.session).connected()
    assert again.client.session_reused
    assert sigalgs(again.client) == sigalgs(again.server) == (None, None)
    assert sigalgs(Pair(client, server).client) == (None, None)


def test_clients_apart_from_servers(ends: Ends) -> None:
    """OpenSSL keeps two lists; wolfSSL says that it cannot."""
    server, client = ends.verifying("rsa"), ends.client("ec")
    server.set_client_sigalgs(ECDSA)
    if server.library == "wolfssl":
        with pytest.raises(UnsupportedError, match="lists must be the same") as caught:
            Pair(client, server).shake_server()
        assert isinstance(caught.value, ssl.SSLError)
        return
    assert sigalgs(Pair(client, server).connected().server) == (PSS, ECDSA)
    server.set_client_sigalgs(PSS)
    assert failure(client, server)


def test_how_a_client_signs(ends: Ends) -> None:
    server, client = ends.verifying("ec"), ends.client("rsa")
    client.set_client_sigalgs(PSS_512)
    if client.library == "wolfssl":
        with pytest.raises(UnsupportedError, match="by what the server takes"):
            Pair(client, server).client.do_handshake()
        return
    assert sigalgs(Pair(client, server).connected().server)[1] == PSS_512


def test_of_a_client_without_certificate_nothing_is_asked(ends: Ends) -> None:
    server, client = ends.server("ec"), ends.client()
    client.set_client_sigalgs(PSS_512)
    server.set_client_sigalgs(PSS_512)
    Pair(client, server).connected()


def test_what_wolfssl_would_widen_is_refused(root: Authority, tmp_path: Path) -> None:
    ends = Ends(root, tmp_path, ("wolfssl", "openssl"))
    server = ends.verifying("ec")
    server.set_server_sigalgs(ECDSA)
    with pytest.raises(UnsupportedError, match="RSA and ECDSA"):
        Pair(ends.client("ec"), server).shake_server()
    server.minimum_version = ssl.TLSVersion.TLSv1_3
    assert sigalgs(Pair(ends.client("ec"), server).connected().server) == (ECDSA, ECDSA)
    assert failure(ends.client("rsa"), server)
    two = ends.server("ec", "rsa")
    two.set_server_sigalgs(PSS)
    with pytest.raises(UnsupportedError, match="two certificates"):
        Pair(ends.client(), two).shake_server()
    two.set_server_sigalgs(f"{PSS}:{ECDSA}")
    Pair(ends.client(), two).connected()


@pytest.mark.parametrize("call", ["set_server_sigalgs", "set_client_sigalgs"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", '"nonsense"'),
        (f"{ECDSA}:nonsense:{PSS}", '"nonsense"'),
        ("", "empty"),
        (f"{ECDSA}:", "empty"),
        ("x" * 200, "200 bytes"),
        (":".join([ECDSA] * 65), "more than 64"),
        ("?nonsense:?nothing", "of the list"),
    ],
)
def test_what_is_refused(library: str, call: str, text: str, said: str) -> None:
    context = adapters.SSLContext(ssl.PROTOCOL_TLS_CLIENT, library=library)
    with pytest.raises(ssl.SSLError, match=said) as caught:
        getattr(context, call)(text)
    assert isinstance(caught.value, ConfigError)
    assert caught.value.parameter == "signature_algorithms"
    with pytest.raises(TypeError):
        getattr(context, call)(None)


def test_what_may_be_unknown(ends: Ends) -> None:
    server, client = ends.server("rsa"), ends.client()
    client.set_server_sigalgs(f"?nonsense:{PSS}:{PSS}:?nothing")
    assert sigalgs(Pair(client, server).connected().client)[0] == PSS


def test_a_context_of_domains_has_the_librarys(manager: Any) -> None:
    for call in ("set_server_sigalgs", "set_client_sigalgs"):
        with pytest.raises(UnsupportedError, match=call):
            getattr(adapters.ssl_context(manager), call)(ECDSA)
