"""``VERIFY_X509_STRICT``: the same verdicts with both libraries, and in the words of ``ssl``."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.pairs import Pair
from tests.adapters.strict_chains import CHAINS, HOST, Chain
from tlsmgm import adapters

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def trusting(context: ssl.SSLContext, chain: Chain, *, strictly: bool = True) -> ssl.SSLContext:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=chain.root)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if strictly:
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def showing(context: ssl.SSLContext, chain: Chain, folder: Path) -> ssl.SSLContext:
    context.load_cert_chain(*chain.write(folder))
    return context


def client_of(library: str | None) -> ssl.SSLContext:
    """Python's own for None."""
    if library is None:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return adapters.SSLContext(ssl.PROTOCOL_TLS_CLIENT, library=library)


def verdict(client: ssl.SSLContext, server: ssl.SSLContext) -> tuple[int, str]:
    """Code and words of the client's refusal; 0 where it has none."""
    failed: Any = Pair(client, server, HOST).shake()
    if not failed:
        return 0, "ok"
    assert isinstance(failed[0], ssl.SSLCertVerificationError), failed
    return failed[0].verify_code, failed[0].verify_message


@pytest.mark.parametrize("what", CHAINS)
def test_the_verdict_is_that_of_ssl(library: str, tmp_path: Path, what: str) -> None:
    chain = CHAINS[what]
    answering = showing(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), chain, tmp_path)
    expected = verdict(trusting(client_of(None), chain), answering)
    assert (expected[0] == 0) == what.startswith("good")
    assert verdict(trusting(client_of(library), chain), answering) == expected
    lax = trusting(client_of(library), chain, strictly=False)
    assert verdict(lax, answering) == (0, "ok")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "what", ["good", "nothing of the key above", "nothing of the own key", "a root of version 1"]
)
def test_versions_and_libraries_crossed(
    library: str, client_library: str, tmp_path: Path, version: ssl.TLSVersion, what: str
) -> None:
    chain = CHAINS[what]
    server = adapters.SSLContext(ssl.PROTOCOL_TLS_SERVER, library=library)
    server.maximum_version = version
    pair = Pair(trusting(client_of(client_library), chain), showing(server, chain, tmp_path), HOST)
    failed: Any = pair.shake()
    if what == "good":
        assert failed == []
        return
    assert f"certificate {chain.depth} of the path" in str(failed[0])
    assert failed[0].reason == "CERTIFICATE_VERIFY_FAILED"
    assert failed[0].verify_reason == "other"
    with pytest.raises(ssl.SSLError) as told:
        pair.server.do_handshake()
    assert told.value.reason in {
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "TLSV1_ALERT_UNKNOWN_CA",
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_clients_are_judged_as_well(
    library: str, client_library: str, root: Any, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    for what, code in (("good", 0), ("nothing of the key above", 85)):
        chain = CHAINS[what]
        server = adapters.SSLContext(ssl.PROTOCOL_TLS_SERVER, library=library)
        showing(server, CHAINS["good"], tmp_path)
        trusting(server, chain)
        server.maximum_version = version
        client = client_of(client_library)
        trusting(client, CHAINS["good"], strictly=False)
        failed: Any = Pair(showing(client, chain, tmp_path), server, HOST).shake()
        codes = [error.verify_code for error in failed if hasattr(error, "verify_code")]
        assert codes[:1] == ([code] if code else [])


def test_who_is_trusted_for_itself_needs_no_more(library: str, tmp_path: Path) -> None:
    """RFC 6818 section 2, and a chain of one certificate."""
    chain = CHAINS["nothing of the key above"]
    shown, key = chain.write(tmp_path)
    end = "-----END CERTIFICATE-----\n"
    leaf = shown.read_text().partition(end)[0] + end
    shown.write_text(leaf)
    answering = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    answering.load_cert_chain(shown, key)
    for calling in (client_of(None), client_of(library)):
        calling.check_hostname = False
        calling.load_verify_locations(cadata=leaf)
        calling.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
        assert verdict(calling, answering) == (0, "ok")


def test_a_session_ends_with_the_flag(library: str, tmp_path: Path) -> None:
    chain = CHAINS["nothing of the key above"]
    server = adapters.SSLContext(ssl.PROTOCOL_TLS_SERVER, library=library)
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    showing(server, chain, tmp_path)
    client = trusting(client_of(library), chain, strictly=False)
    session = Pair(client, server, HOST).connected().client.session
    assert Pair(client, server, HOST, session).connected().client.session_reused
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    failed: Any = Pair(client, server, HOST, session).shake()
    assert failed[0].verify_code == 85
