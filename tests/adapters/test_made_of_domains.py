"""Contexts made of a manager's domains, or of one domain."""

from __future__ import annotations

import ssl
from collections.abc import Callable

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
