"""Hundreds of reloads while thousands of handshakes go on."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.support.managers import client_domain, connect, manager_of, method_of, pem
from tests.support.memory import assert_it_settles
from tests.support.tables import DomainTable, client_row, server_row
from tlsmgm import ReloadReport, TLSManager

#: Reloads and handshakes of one batch; there are three or more.
RELOADS = 100
HANDSHAKES = 400

#: Bytes that a batch may add; one context that is lost at each reload would be three times as much.
SLACK = 4 << 20


class Traffic:
    """Threads that shake hands with one manager until they are told to stop.

    Args:
        manager: has the server domains ``dom1`` and ``dom2``.
        clients: has the client domain.
        threads: how many there are.
    """

    def __init__(self, manager: TLSManager, clients: TLSManager, threads: int = 2) -> None:
        self._manager = manager
        self._clients = clients
        self._stopping = threading.Event()
        self.errors: list[Exception] = []
        self.done = [0] * threads
        self._threads = [threading.Thread(target=self._work, args=(at,)) for at in range(threads)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _work(self, at: int) -> None:
        names = ("dom1.test", "dom2.test", "file.test")
        while not self._stopping.is_set():
            name = names[self.done[at] % len(names)]
            try:
                connect(self._manager, self._clients, server_name=name)
            except Exception as error:
                self.errors.append(error)
                return
            self.done[at] += 1


def test_handshakes_never_fail_during_reloads(tmp_path: Path, library: str, version: str) -> None:
    table = DomainTable(
        f"sqlite:///{tmp_path / 'x.db'}", server_row("dom1"), server_row("dom2"), client_row()
    )
    config = tmp_path / "tlsmgm.toml"
    write_config(config, library, table)
    manager = TLSManager.from_toml(config)
    clients = manager_of(
        library, client_domain(method=method_of(version), danger_skip_hostname_check=True)
    )
    traffic = Traffic(manager, clients)
    traffic.start()
    try:
        assert_it_settles(lambda: batch(manager, table, config, traffic), SLACK)
    finally:
        traffic.stop()
    assert traffic.errors == []
    assert sum(traffic.done) >= 3 * HANDSHAKES


def batch(manager: TLSManager, table: DomainTable, config: Path, traffic: Traffic) -> None:
    """Reload while there is traffic."""
    wanted = sum(traffic.done) + HANDSHAKES
    number = 0
    while number < RELOADS or (sum(traffic.done) < wanted and not traffic.errors):
        number += 1
        key = ("dom1", "dom3")[number % 2]
        table.update("dom1", certificate=pem(f"{key}.pem"), private_key=pem(f"{key}.key"))
        if number % 4:
            assert manager.reload_database() == ReloadReport(changed=("dom1",))
        else:
            write_config(config, manager.library, table)
            assert manager.reload() == ReloadReport(changed=("file", "dom1"))


def write_config(path: Path, library: str, table: DomainTable) -> None:
    """Write a configuration with a domain that is another one than what stood there."""
    key = "dom5" if path.exists() and '"dom4.pem"' in path.read_text("utf-8") else "dom4"
    for end in ("pem", "key"):
        (path.parent / f"{key}.{end}").write_bytes(pem(f"{key}.{end}"))
    path.write_text(
        f'library = "{library}"\n'
        f'[database]\nurl = "{table.url}"\n'
        f'[server.file]\nmatch_sip_domain = "file.test"\nverify_cert = false\n'
        f'certificate = "{key}.pem"\nprivate_key = "{key}.key"\n',
        encoding="utf-8",
    )
