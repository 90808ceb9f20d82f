"""A running proxy whose domains are rows of a database."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.managers import pem
from tests.support.proxy import Proxy, Upstream, connect
from tests.support.tables import DomainTable, server_row
from tlsmgm._provisioning.transfer import init_database


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as found:
        yield found


def config_of(table: DomainTable, folder: Path, *lines: str) -> str:
    path = folder / "tlsmgm.toml"
    text = ["[database]", f'url = "{table.url}"', *lines]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return str(path)


def certificate_of(proxy: Proxy, upstream: Upstream, name: str = "dom1.test") -> str:
    """Connect through the proxy; return the common name that the certificate shows."""
    with connect(proxy.port, name) as client, upstream.accept() as server:
        client.sendall(b"ping")
        assert server.recv(4) == b"ping"
        subject = client.getpeercert()["subject"]
        return str(dict(item for part in subject for item in part)["commonName"])


def test_the_proxy_follows_the_database(
    database: str, library: str, tmp_path: Path, upstream: Upstream
) -> None:
    table = DomainTable(database, server_row("dom1"))
    init_database(table.settings, notices=True)
    watch = "notify" if database.startswith("postgresql") else "0.1"
    config = config_of(table, tmp_path)
    with Proxy(config, library, upstream.address, "--watch-database", watch) as proxy:
        assert certificate_of(proxy, upstream) == "dom1"
        table.insert(server_row("dom2"))
        proxy.wait_for(r"reloaded: 1 added \(dom2\)")
        assert certificate_of(proxy, upstream, "dom2.test") == "dom2"
        table.update("dom2", method="TLSv1_2-")
        proxy.wait_for(r"reloaded: .*1 changed \(dom2\)")
        table.delete("dom1")
        proxy.wait_for(r"reloaded: .*1 removed \(dom1\)")
        table.update("dom2", certificate=b"-----BEGIN CERTIFICATE-----\nbroken\n")
        proxy.wait_for(r"WARNING reloaded: .*1 failed \(tls_mgm row 2: domain 'dom2': column")
        assert certificate_of(proxy, upstream, "dom2.test") == "dom2"
        proxy.signal(signal.SIGTERM)
        assert proxy.exit_code() == 0


def test_the_configuration_says_how_to_watch(
    tmp_path: Path, library: str, upstream: Upstream
) -> None:
    table = DomainTable(f"sqlite:///{tmp_path / 'x.db'}", server_row("dom1"))
    init_database(table.settings, notices=True)
    with Proxy(config_of(table, tmp_path, "watch = 0.1"), library, upstream.address) as proxy:
        table.insert(server_row("dom2"))
        proxy.wait_for(r"reloaded: 1 added \(dom2\)")


def test_sighup_reads_the_database(tmp_path: Path, library: str, upstream: Upstream) -> None:
    table = DomainTable(f"sqlite:///{tmp_path / 'x.db'}", server_row("dom1"))
    with Proxy(config_of(table, tmp_path), library, upstream.address) as proxy:
        table.update("dom1", certificate=pem("good.pem"), private_key=pem("good.key"))
        proxy.signal(signal.SIGHUP)
        proxy.wait_for(r"reloaded: .*1 changed \(dom1\)")
        Path(tmp_path / "x.db").rename(tmp_path / "gone.db")
        proxy.signal(signal.SIGHUP)
        proxy.wait_for(r"reload failed, nothing was changed: .*there is no such file")
        assert proxy.process.poll() is None


def test_rows_that_fail_at_the_start_are_said(
    tmp_path: Path, library: str, upstream: Upstream
) -> None:
    table = DomainTable(
        f"sqlite:///{tmp_path / 'x.db'}", server_row("dom1"), server_row("dom2", method="TLSv9")
    )
    with Proxy(config_of(table, tmp_path), library, upstream.address) as proxy:
        proxy.wait_for(r"WARNING tls_mgm row 2: domain 'dom2': column 'method': unknown method")
        assert certificate_of(proxy, upstream) == "dom1"
