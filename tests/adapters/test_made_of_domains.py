"""Contexts made of a manager's domains, or of one domain."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import pytest

import tlsmgm
from tests.adapters.pairs import Pair
from tests.support.managers import LOCAL, client_domain, server_domain
from tlsmgm import TLSManager, adapters


def test_several_domains_by_sni_and_no_fallback(manager: TLSManager) -> None:
    serving, fetching = adapters.ssl_context(manager), adapters.ssl_context(manager, "client")
    for name in ("dom1.test", "dom2.test"):
        certificate = Pair(fetching, serving, name).connected().client.getpeercert()
        assert certificate is not None
        assert ("DNS", name) in certificate["subjectAltName"]
    pair = Pair(fetching, serving, "dom3.test")
    failed = pair.shake()
    assert isinstance(failed[0], tlsmgm.NoDomainError)
    with pytest.raises(ssl.SSLError) as caught:
        pair.client.do_handshake()
    assert caught.value.reason == "TLSV1_UNRECOGNIZED_NAME"


def test_a_change_of_the_manager_holds_for_the_next_connection(manager: TLSManager) -> None:
    serving, fetching = adapters.ssl_context(manager), adapters.ssl_context(manager, "client")
    Pair(fetching, serving, "dom2.test").connected()
    manager.remove_domain("dom2", "server")
    assert Pair(fetching, serving, "dom2.test").shake() != []


def test_of_one_domain_each(library: str) -> None:
    serving = adapters.ssl_context(server_domain(), library=library)
    fetching = adapters.ssl_context(client_domain(), library=library)
    assert serving.library == fetching.library == library
    assert fetching.check_hostname
    assert fetching.verify_mode == ssl.CERT_REQUIRED
    Pair(fetching, serving).connected()
    assert isinstance(Pair(fetching, serving, "dom2.test").shake()[0], ssl.SSLError)


def test_address_filters_count(library: str) -> None:
    manager = TLSManager(library)
    manager.add_domain(server_domain(match_ip_address=f"{LOCAL[0]}:{LOCAL[1]}"))
    manager.add_domain(client_domain())
    fetching = adapters.ssl_context(manager, "client")
    Pair(fetching, adapters.ssl_context(manager, local=LOCAL)).connected()
    assert Pair(fetching, adapters.ssl_context(manager)).shake() != []


def test_what_domains_say_nobody_else_does(manager: TLSManager) -> None:
    fetching = adapters.ssl_context(manager, "client")
    fetching.verify_mode = ssl.CERT_REQUIRED  # as it is
    fetching.check_hostname = True
    changes: list[Callable[[], object]] = [
        lambda: setattr(fetching, "check_hostname", False),
        lambda: setattr(fetching, "options", 0),
        lambda: fetching.load_default_certs(),
        lambda: fetching.set_ciphers("DEFAULT"),
    ]
    for change in changes:
        with pytest.raises(ssl.SSLError) as caught:
            change()
        assert isinstance(caught.value, tlsmgm.UnsupportedError)
    with pytest.raises(ssl.SSLError) as refused:
        adapters.ssl_context(manager, "nobody")
    assert isinstance(refused.value, tlsmgm.ConfigError)
    with pytest.raises(ssl.SSLError):
        adapters.ssl_context(TLSManager("none"))


def test_calls_are_refused_as_calls(manager: TLSManager) -> None:
    serving = adapters.ssl_context(manager)
    with pytest.raises(ssl.SSLError, match=r"load_cert_chain\(\) cannot be called on a context"):
        serving.load_cert_chain("site.pem")
    with pytest.raises(ssl.SSLError, match="verify_mode cannot be changed in a context"):
        serving.verify_mode = ssl.CERT_REQUIRED


def test_the_library_is_the_managers(manager: TLSManager) -> None:
    for said in (None, "auto", "AUTO", manager.library, manager.library.upper()):
        assert adapters.ssl_context(manager, library=said).library == manager.library
    other = {"openssl": "wolfssl", "wolfssl": "openssl"}[manager.library]
    with pytest.raises(tlsmgm.ConfigError, match=f"library is {manager.library}, not {other}"):
        adapters.ssl_context(manager, library=other)
    assert adapters.ssl_context(server_domain(), library=other).library == other


@pytest.mark.parametrize("name", ["gnutls", "none", ""])
def test_libraries_that_there_are_not(manager: TLSManager, name: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: adapters.SSLContext(ssl.PROTOCOL_TLS_SERVER, library=name),
        lambda: adapters.ssl_context(manager, library=name),
        lambda: adapters.ssl_context(server_domain(), library=name),
    ]
    for call in calls:
        with pytest.raises(tlsmgm.ConfigError) as caught:
            call()
        assert caught.value.parameter == "library"
        assert caught.value.hint is not None
        assert "openssl, wolfssl" in caught.value.hint
        assert "none" not in caught.value.hint


@pytest.mark.parametrize("source", [None, "dom1", ssl])
def test_a_source_of_another_kind(source: Any) -> None:
    with pytest.raises(TypeError, match="source has to be a TLSManager or a Domain, not"):
        adapters.ssl_context(source)


@pytest.mark.parametrize(
    ("local", "kind"),
    [
        ("127.0.0.1:5", TypeError),
        (("127.0.0.1",), TypeError),
        (("127.0.0.1", "5"), TypeError),
        (("127.0.0.1", True), TypeError),
        (("site.example", 5), tlsmgm.ConfigError),
        (("127.0.0.1", 65536), tlsmgm.ConfigError),
    ],
)
def test_addresses_that_are_none(manager: TLSManager, local: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="local"):
        adapters.ssl_context(manager, local=local)
