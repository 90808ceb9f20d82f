"""The real ``opensips-cli`` against a running ``tlsmgm proxy``, over everything that both speak."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.managers import pem
from tests.support.opensips_cli import OpenSIPSCLI
from tests.support.proxy import Proxy, Upstream, client_domain, server_domain, write_script
from tests.support.tables import DomainTable, server_row
from tlsmgm._manager import TLSManager
from tlsmgm.errors import TLSError
from tlsmgm.mi._endpoints import parse_endpoint
from tlsmgm.mi.client import call

LIST = ("tls_list", "tls_mgm:list")
RELOAD = ("tls_reload", "tls_mgm:reload")
TRANSPORTS = ("fifo", "http", "udp", "unix")


@pytest.fixture
def database(tmp_path: Path) -> DomainTable:
    """A table with one domain."""
    return DomainTable(f"sqlite:///{tmp_path / 'tls.db'}", server_row("dom2"))


def written_in_script(tmp_path: Path) -> list[str]:
    """The line that names the database, in OpenSIPS's form."""
    return [f'modparam("tls_mgm", "db_url", "sqlite://{tmp_path}/tls.db")']


class Served:
    """A proxy with a management interface, and the client for it.

    Args:
        transport: which one.
        folder: for everything.
        script: the configuration.
        upstream: address of the upstream.
    """

    def __init__(self, transport: str, folder: Path, script: str, upstream: str) -> None:
        replies = folder / "replies"
        replies.mkdir()
        endpoint = {
            "fifo": f"fifo:{folder}/fifo,reply_dir={replies}",
            "unix": f"unix:{folder}/socket",
            "udp": "udp:127.0.0.1:0",
            "http": "http:127.0.0.1:0",
        }[transport]
        self.proxy = Proxy(script, "openssl", upstream, "--mi", endpoint)
        try:
            found = self.proxy.wait_for(r"management interface on (\w+:\S+?(?::(\d+))?)$")[0]
            self.endpoint = found[1]
            settings = {
                "fifo": {"fifo_file": folder / "fifo", "fifo_reply_dir": replies},
                "unix": {"datagram_unix_socket": folder / "socket"},
                "udp": {"datagram_ip": "127.0.0.1", "datagram_port": found[2]},
                "http": {"url": f"http://127.0.0.1:{found[2]}/mi"},
            }[transport]
            kind = transport if transport in ("fifo", "http") else "datagram"
            settings = {"communication_type": kind, "datagram_timeout": 30, **settings}
            self.cli = OpenSIPSCLI(folder, settings)
        except BaseException:
            self.proxy.__exit__(None, None, None)
            raise

    def names(self, command: str = "tls_list") -> list[str]:
        """Names of the domains, as they are listed."""
        return [domain["name"] for domain in self.cli.mi(command)["Domains"]]


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as found:
        yield found


@pytest.fixture
def served(transport: str, tmp_path: Path, upstream: Upstream) -> Iterator[Served]:
    """A proxy with two domains and no database."""
    path = tmp_path / "opensips.cfg"
    script = write_script(path, server_domain("dom1"), client_domain("cli"))
    found = Served(transport, tmp_path, script, upstream.address)
    with found.proxy:
        yield found


@pytest.fixture
def served_database(
    transport: str, tmp_path: Path, upstream: Upstream, database: DomainTable
) -> Iterator[Served]:
    """A proxy with a domain of its script and one of its database."""
    path = tmp_path / "opensips.cfg"
    script = write_script(path, written_in_script(tmp_path), server_domain("dom1"))
    found = Served(transport, tmp_path, script, upstream.address)
    with found.proxy:
        yield found


@pytest.mark.parametrize("command", LIST)
def test_list(command: str, served: Served, tmp_path: Path) -> None:
    expected: Any = TLSManager.from_config(tmp_path / "opensips.cfg", "none").list_domains()
    assert served.cli.mi(command) == expected
    assert served.names(command) == ["cli", "dom1"]


def test_which(served: Served) -> None:
    assert set(served.cli.mi("which")) >= {*LIST, *RELOAD, "which", "get_statistics"}


def test_statistics(served: Served) -> None:
    for words in (["tlsmgm:"], ["all"], ["statistics=tlsmgm:"], []):
        everything = served.cli.mi("get_statistics", *words)
        assert everything["tlsmgm:connections_open"] == 0
        assert len(everything) > 30
    some = served.cli.mi("get_statistics", "handshakes_open", "tlsmgm:limit_hello_size_total")
    assert some == {"tlsmgm:handshakes_open": 0, "tlsmgm:limit_hello_size_total": 0}
    kinds = served.cli.mi("list_statistics", *some)
    assert set(kinds.values()) == {"incremental", "non-incremental"}
    assert "404" in served.cli.error("get_statistics", "shmem:")


def test_a_command_that_is_not_there(served: Served) -> None:
    assert "no command 'no_such_command'" in served.cli.error("no_such_command")


def test_params_that_are_not_wanted(served: Served) -> None:
    assert "-32602" in served.cli.error("tls_list", "domain=dom1")


@pytest.mark.parametrize("command", RELOAD)
def test_reload_without_a_database(command: str, served: Served) -> None:
    assert "500: DB url not set" in served.cli.error(command)


@pytest.mark.parametrize("command", RELOAD)
def test_reload_of_the_database(
    command: str, served_database: Served, database: DomainTable
) -> None:
    assert sorted(served_database.names()) == ["dom1", "dom2"]
    database.insert(server_row("dom3"))
    assert sorted(served_database.names()) == ["dom1", "dom2"]
    assert served_database.cli.mi(command) == "OK"
    served_database.proxy.wait_for(r"reloaded: 1 added \(dom3\)")
    assert sorted(served_database.names()) == ["dom1", "dom2", "dom3"]
    database.execute("DELETE FROM tls_mgm")
    assert served_database.cli.mi(command) == "OK"
    assert served_database.names() == ["dom1"]


@pytest.mark.parametrize("transport", ["fifo"], indirect=True)
def test_domains_of_the_database_are_listed_without_files(served_database: Served) -> None:
    entries = {entry["name"]: entry for entry in served_database.cli.mi("tls_list")["Domains"]}
    files = {"CERT_FILE", "PKEY_FILE", "CA_FILE", "DH_PARAMS_FILE"}
    assert files <= set(entries["dom1"])
    assert not files & set(entries["dom2"])


@pytest.mark.parametrize("transport", ["fifo"], indirect=True)
@pytest.mark.parametrize("command", RELOAD)
def test_reload_of_a_broken_database(
    command: str, served_database: Served, database: DomainTable
) -> None:
    database.execute("DROP TABLE tls_mgm")
    assert "500: Failed to reload" in served_database.cli.error(command)
    served_database.proxy.wait_for("reload failed, nothing was changed")
    assert sorted(served_database.names()) == ["dom1", "dom2"]


@pytest.mark.parametrize("transport", ["fifo"], indirect=True)
def test_a_row_that_fails_keeps_nobody_from_reloading(
    served_database: Served, database: DomainTable
) -> None:
    database.insert(server_row("dom3", private_key=pem("dom1.key")))
    assert served_database.cli.mi("tls_reload") == "OK"
    served_database.proxy.wait_for(r"WARNING reloaded: .*1 failed \(.*'dom3'")
    assert sorted(served_database.names()) == ["dom1", "dom2"]


@pytest.mark.parametrize("transport", ["fifo"], indirect=True)
def test_tls_reload_does_not_read_the_script(served_database: Served, tmp_path: Path) -> None:
    write_script(tmp_path / "opensips.cfg", written_in_script(tmp_path), server_domain("dom3"))
    assert served_database.cli.mi("tls_reload") == "OK"
    assert sorted(served_database.names()) == ["dom1", "dom2"]


def test_reload_of_everything_and_by_signal(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "opensips.cfg"
    write_script(path, server_domain("dom2"), client_domain("cli"))
    report = served.cli.mi("tlsmgm:reload")
    assert report == {
        "added": ["dom2"],
        "changed": [],
        "removed": ["dom1"],
        "failed": [],
        "kept": [],
        "warnings": [],
    }
    served.proxy.wait_for(r"reloaded: 1 added \(dom2\), 0 changed, 1 removed \(dom1\), 0 failed")
    write_script(path, server_domain("dom2"), server_domain("dom3", match_sip_domain="x"))
    served.proxy.signal(signal.SIGHUP)
    served.proxy.wait_for(r"reloaded: 1 added \(dom3\)")
    assert served.names() == ["dom3", "dom2"]
    write_script(path, server_domain("dom1", certificate="/no/such/file"))
    assert "/no/such/file" in served.cli.error("tlsmgm:reload")
    assert served.names() == ["dom3", "dom2"]


def test_stopping_takes_the_interface_away(served: Served, tmp_path: Path) -> None:
    served.proxy.signal(signal.SIGTERM)
    assert served.proxy.exit_code() == 0
    kinds = {stat.S_IFMT(os.lstat(path).st_mode) for path in tmp_path.iterdir()}
    assert kinds <= {stat.S_IFREG, stat.S_IFDIR}
    with pytest.raises(TLSError):
        call(parse_endpoint(served.endpoint), "which", timeout=1.0)
