"""Domains of a manager: adding, finding, selecting, listing; with and without a library."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path
from typing import Any

import pytest

import tlsmgm
from tests.support.managers import (
    LOCAL,
    assert_echo,
    client_domain,
    connect,
    manager_of,
    method_of,
    pem,
    pki,
    server_domain,
)
from tests.support.memory import resident
from tests.support.scripts import Site, client, server
from tests.support.sockets import TIMEOUT
from tlsmgm import ConfigError, Domain, NoDomainError, TLSManager, UnsupportedError
from tlsmgm._core.context import Context


def test_add_and_serve(library: str, version: str) -> None:
    manager = TLSManager(library)
    manager.add_domain(server_domain(method=method_of(version)))
    manager.add_domain(client_domain())
    assert_echo(*connect(manager, manager))
    manager.add_domain(server_domain("dom2"))
    assert [domain.name for domain in manager.domains] == ["dom1", "client", "dom2"]
    assert manager.library == library


def about_filters(manager: TLSManager) -> list[str]:
    """Warnings; the keys of the recorded cases are open to all, which draws others."""
    return [text for text in manager.warnings if "chmod" not in text]


def test_the_later_of_equal_filters_wins_and_the_earlier_draws_a_warning(library: str) -> None:
    manager = manager_of(library, server_domain(), server_domain("dom2", match_sip_domain="*"))
    assert about_filters(manager) == []
    manager.add_domain(server_domain("dom3", match_sip_domain="dom1.test"))
    found = manager.select_server_domain(*LOCAL, "dom1.test")
    assert found is not None
    assert found.name == "dom3"
    assert "dom1" in " ".join(about_filters(manager))


def test_names_are_unique_per_kind(library: str) -> None:
    manager = manager_of(library, server_domain("x", **own("dom1")))
    manager.add_domain(client_domain("x"))
    before = manager.domains
    for domain in (server_domain("x", **own("dom2")), client_domain("x")):
        with pytest.raises(ConfigError, match="'x'"):
            manager.add_domain(domain)
        with pytest.raises(ConfigError, match="'x'"):
            manager.add_domains([server_domain("dom3"), domain])
    assert manager.domains is before


def own(name: str) -> dict[str, str]:
    return {"certificate": pki(f"{name}.pem"), "private_key": pki(f"{name}.key")}


def test_all_or_none(library: str) -> None:
    manager = manager_of(library, server_domain())
    with pytest.raises(ConfigError, match="absent"):
        manager.add_domains([server_domain("dom2"), server_domain("dom3", certificate="absent")])
    assert [domain.name for domain in manager.domains] == ["dom1"]
    assert manager.select_server_domain(*LOCAL, "dom2.test") is None


def test_without_a_library(tmp_path: Path) -> None:
    """Domains are managed, files are not even opened, and connections are refused."""
    manager = TLSManager("none")
    manager.add_domains([server_domain(certificate="absent.pem"), client_domain()])
    assert manager.library == "none"
    found = manager.select_server_domain(*LOCAL, "dom1.test")
    assert found == manager.domains[0]
    assert manager.find_client_domain("192.0.2.1", 5061) == manager.domains[1]
    assert len(manager.list_domains()["Domains"]) == 2
    assert manager.reload() == tlsmgm.ReloadReport()
    with pytest.raises(UnsupportedError):
        manager.server_connection(LOCAL)
    with pytest.raises(UnsupportedError):
        manager.client_connection("client")


def test_without_a_domain(library: str) -> None:
    """A program may start empty; whoever calls is told that nobody answers."""
    manager = TLSManager(library)
    client = manager_of(library, client_domain()).client_connection("client", "dom1.test")
    server = manager.server_connection(LOCAL)
    client.handshake()
    server.feed(client.drain())
    with pytest.raises(NoDomainError, match=r"'dom1\.test'"):
        server.handshake()
    with pytest.raises(NoDomainError, match=r"'dom1\.test'"):
        manager.server_context(LOCAL, b"dom1.test")
    with pytest.raises(NoDomainError, match="no name"):
        manager.server_context(LOCAL, None)


@pytest.mark.parametrize("local", ["127.0.0.1", ("127.0.0.1",), None, ("127.0.0.1", -1)])
def test_a_local_address_has_two_parts(library: str, local: object) -> None:
    manager = TLSManager(library)
    with pytest.raises(ValueError, match="65535"):
        manager.server_connection(local)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="65535"):
        manager.server_context(local, None)  # type: ignore[arg-type]


def test_a_local_address_may_be_that_of_a_socket_with_ipv6(library: str) -> None:
    """``getsockname()`` of such a socket has four parts: flow and scope stand behind the port."""
    manager = manager_of(library, server_domain(), client_domain())
    local: Any = ("::1", 5061, 0, 0)
    assert manager.server_context(local, b"dom1.test").domain == manager.domains[0]
    client = manager.client_connection("client", "dom1.test")
    server = manager.server_connection(local)
    client.handshake()
    server.feed(client.drain())
    server.handshake()
    assert server.domain == manager.domains[0]


def test_client_connection_needs_a_client_domain(library: str) -> None:
    manager = manager_of(library, server_domain(), client_domain())
    for name in ("dom1", "other", ""):
        with pytest.raises(ConfigError):
            manager.client_connection(name)
    assert manager.client_connection(manager.domains[1], "x.test").domain == manager.domains[1]


def test_find_and_select(library: str) -> None:
    one = server_domain("dom1", match_ip_address="10.0.0.1:5061", match_sip_domain="*.test")
    two = server_domain("dom2", match_ip_address="*")
    three = server_domain("dom3", match_ip_address="[::1]:5061", match_sip_domain="none")
    manager = manager_of(library, one, two, three)
    assert manager.find_server_domain("10.0.0.1", 5061) == one
    assert manager.find_server_domain("10.0.0.1", 5062) == two
    assert manager.find_server_domain("0:0::1", 5061) == three
    assert manager.select_server_domain("10.0.0.1", 5061, "a.test") == one
    assert manager.select_server_domain("10.0.0.1", 5061, "dom2.example") is None
    assert manager.select_server_domain("10.0.0.2", 5061, "DOM2.test") == two
    assert manager.select_server_domain("10.0.0.2", 5061, None) is None
    assert manager.select_server_domain("::1", 5061, None) == three
    assert manager.select_server_domain("::1", 5061, "none") is None


def test_client_domains_by_avp(site: Site) -> None:
    avps = ['modparam("tls_mgm", "client_sip_domain_avp", "sip")']
    avps += ['modparam("tls_mgm", "client_tls_domain_avp", "tls")']
    site.write(avps, client("one"), client("two", match_sip_domain="two.test"))
    manager = site.load()

    def find(**values: str) -> str | None:
        domain = manager.find_client_domain("192.0.2.1", 5061, values)
        return None if domain is None else domain.name

    assert find() == "one"
    assert find(sip="two.test") == "two"
    assert find(sip="two.test", tls="one") == "one"
    assert find(tls="absent") is None
    branch = manager.find_client_domain("192.0.2.1", 5061, {"tls": "one"}, {"tls": "two"})
    assert branch is not None
    assert branch.name == "two"
    assert manager.find_client_domain_by_name("two") == branch
    assert manager.find_client_domain_by_name("dom1") is None


def test_a_thousand_domains(library: str, version: str) -> None:
    """Certificates differ by domain, so the right one proves the right choice."""
    files = {n: (pem(f"{n}.pem"), pem(f"{n}.key")) for n in ("dom1", "dom2", "dom3", "dom4")}
    domains: list[Domain] = []
    for number in range(1000):
        certificate, key = files[f"dom{number % 4 + 1}"]
        filters = f"host{number}.test,*.zone{number}.test"
        values = {"match_sip_domain": filters, "method": method_of(version)}
        domain = server_domain(f"d{number}", certificate=certificate, private_key=key, **values)
        domains.append(domain)
    manager = manager_of(library, *domains, client_domain(danger_skip_hostname_check=True))
    assert about_filters(manager) == []
    for number in range(0, 1000, 7):
        for name in (f"host{number}.test", f"a.b.zone{number}.test"):
            assert manager.select_server_domain(*LOCAL, name) == domains[number]
    for number in (0, 1, 499, 998, 999):
        one, other = connect(manager, manager, server_name=f"HOST{number}.test")
        assert other.domain == domains[number]
        assert one.peer_certificate is not None
        assert one.peer_certificate.subject_cn == f"dom{number % 4 + 1}"
    with pytest.raises(NoDomainError):
        connect(manager, manager, server_name="host1000.test")
    assert manager.reload() == tlsmgm.ReloadReport()


def test_handshakes_in_many_threads_during_reloads(site: Site) -> None:
    scripts = [
        (server("dom1"), server("dom2"), client()),
        (server("dom2"), server("dom1", key="dom3"), client()),
    ]
    site.write(*scripts[0])
    manager = site.load()
    failures: list[BaseException] = []
    begun = threading.Barrier(5)

    def work() -> None:
        clients = manager_of(site.library, client_domain(danger_skip_hostname_check=True))
        begun.wait(TIMEOUT)
        try:
            for number in range(60):
                name = ("dom1", "dom2")[number % 2]
                one, other = connect(manager, clients, server_name=f"{name}.test")
                assert_echo(one, other)
                assert other.domain is not None
                assert other.domain.name == name
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    begun.wait(TIMEOUT)
    for number in range(1, 21):
        site.write(*scripts[number % 2])
        assert manager.reload().changed == ("dom1",)
    for thread in threads:
        thread.join(TIMEOUT * 3)
        assert not thread.is_alive()
    assert failures == []


def test_contexts_of_the_past_are_freed(site: Site) -> None:
    """A living connection keeps its own context, and that only as long as it lives."""
    others = contexts()  # of other tests; held, so that none of ours takes the place of one
    site.write(server("dom1"), server("dom2"), client())
    manager = site.load()
    one, other = connect(manager, manager)
    kept = other.context
    site.write(server("dom1", key="dom3"), server("dom2", key="dom4"), client())
    manager.reload()
    assert_echo(one, other)
    assert names_of_contexts(others) == {"dom1.pem", "dom3.pem", "dom4.pem", None}
    del one, other, kept
    assert names_of_contexts(others) == {"dom3.pem", "dom4.pem", None}
    del manager
    assert names_of_contexts(others) == set()


def contexts() -> list[Context]:
    """Return all contexts that exist."""
    gc.collect()
    return [item for item in gc.get_objects() if isinstance(item, Context)]


def names_of_contexts(others: list[Context]) -> set[str | None]:
    """Return the certificate files of the contexts that exist, leaving others out."""
    known = {id(context) for context in others}
    found = [context.domain for context in contexts() if id(context) not in known]
    return {domain.certificate and os.path.basename(domain.certificate) for domain in found}


def test_memory_reaches_a_plateau(site: Site) -> None:
    """Two hundred reloads cost no more than the first ones."""
    site.write(server("dom1"), client())
    manager = site.load()

    def batch() -> int:
        for number in range(100):
            site.write(server("dom1", key=("dom1", "dom3")[number % 2]), client())
            manager.reload()
            manager.server_connection(LOCAL)
            manager.client_connection("client", "dom1.test").handshake()
        gc.collect()
        return resident()

    batch()
    before = batch()
    # One context is some 100 kB; 100 lost ones would be far above this.
    assert batch() - before < 3 << 20
