"""The key log: only when a domain asks for it, and then what Wireshark needs."""

from __future__ import annotations

import gc
import os
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.managers import client_domain, connect, manager_of, server_domain
from tests.support.pairs import managers, session_of
from tests.support.programs import needs, s_client, version_flag
from tests.support.sockets import Server
from tlsmgm import ConfigError

LABELS = {
    "TLSv1.2": {"CLIENT_RANDOM"},
    "TLSv1.3": {
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
        "EXPORTER_SECRET",
    },
}
LINE = re.compile(r"([A-Z_0-9]+) ([0-9a-f]{64}) ((?:[0-9a-f]{64})|(?:[0-9a-f]{96}))")


def entries(path: Path) -> set[tuple[str, ...]]:
    found = [LINE.fullmatch(line) for line in path.read_text().splitlines()]
    assert all(found)
    return {match.groups() for match in found if match}


def test_both_ends_log_the_same(
    library: str, client_library: str, version: str, tmp_path: Path
) -> None:
    here, there = tmp_path / "client", tmp_path / "server"
    both = managers(
        library, client_library, version,
        server={"keylog_file": there}, client={"keylog_file": here},
    )  # fmt: skip
    pair = both.connect()
    pair.echo()
    assert entries(here) == entries(there)
    assert {entry[0] for entry in entries(here)} == LABELS[version]
    assert len({entry[1] for entry in entries(here)}) == 1
    assert stat.S_IMODE(here.stat().st_mode) == 0o600
    both.connect(session=session_of(pair)).echo()
    assert len({entry[1] for entry in entries(here)}) == 2
    assert {entry[0] for entry in entries(there)} == LABELS[version]
    assert entries(here) == entries(there)


@needs("openssl")
def test_s_client_logs_the_same(library: str, version: str, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    server = managers(library, library, version, server={"keylog_file": ours}).server
    with Server(server) as listening:
        s_client(
            listening.port, "-servername", "dom1.test", "-keylogfile", str(theirs), "-ign_eof",
            version_flag(version),
        )  # fmt: skip
    lines = [line for line in theirs.read_text().splitlines() if not line.startswith("#")]
    assert {tuple(line.lower().split()) for line in lines} == {
        tuple(part.lower() for part in entry) for entry in entries(ours)
    }


def test_connections_of_other_domains_are_not_logged(
    library: str, version: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    both = managers(library, library, version, server={"keylog_file": log})
    manager = manager_of(library, server_domain("dom2"), client_domain())
    connect(manager, manager, server_name="dom2.test")
    assert log.read_text() == ""
    both.connect()
    assert log.read_text() != ""


def test_the_environment_alone_logs_nothing(
    library: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    managers(library, library, version).connect()
    assert not log.exists()
    asked = managers(library, library, version, server={"keylog_file": "$SSLKEYLOGFILE"})
    asked.connect()
    assert {entry[0] for entry in entries(log)} == LABELS[version]
    monkeypatch.delenv("SSLKEYLOGFILE")
    before = log.read_text()
    managers(library, library, version, server={"keylog_file": "$SSLKEYLOGFILE"}).connect()
    assert log.read_text() == before


def test_there_is_a_warning(library: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    both = managers(library, library, server={"keylog_file": log})
    [warning] = [text for text in both.server.warnings if str(log) in text]
    assert "can read the connections" in warning
    assert not [text for text in both.client.warnings if "secrets" in text]


def test_a_link_is_not_followed(library: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="'keylog_file'"):
        managers(library, library, server={"keylog_file": tmp_path / "link"})
    assert not (tmp_path / "elsewhere").exists()


def test_a_log_that_cannot_be_written_is_refused(library: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'keylog_file'.*No such file"):
        managers(library, library, server={"keylog_file": tmp_path / "none" / "log"})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_ends_no_connection(library: str, version: str) -> None:
    both = managers(library, library, version, server={"keylog_file": "/dev/full"})
    both.connect().echo()


def test_open_keys_draw_a_warning(library: str, tmp_path: Path) -> None:
    fields: dict[str, Any] = {}
    for name in ("certificate", "private_key"):
        path = tmp_path / name
        path.write_bytes(Path(str(getattr(server_domain(), name))).read_bytes())
        path.chmod(0o600)
        fields[name] = path
    manager = manager_of(library, server_domain("dom1", **fields))
    assert list(manager.warnings) == []
    os.chmod(fields["private_key"], 0o640)
    [warning] = manager.warnings
    assert "'dom1'" in warning
    assert "mode 0640" in warning
    assert "chmod 600" in warning


def descriptors_of(path: Path) -> int:
    """Count what this process has open of a file."""
    wanted, found = path.stat(), 0
    for number in map(int, os.listdir("/dev/fd")):
        try:
            found += os.path.samestat(os.fstat(number), wanted)
        except OSError:
            continue  # that of the listing itself
    return found


def test_domains_share_a_file_until_another_takes_its_place(library: str, tmp_path: Path) -> None:
    path, moved = tmp_path / "keys", tmp_path / "keys.1"
    first = server_domain(keylog_file=path)
    domains = [replace(first, name=f"d{n}", match_sip_domain=(f"d{n}.test",)) for n in range(5)]
    many = manager_of(library, *domains)
    more = manager_of(library, server_domain(keylog_file=path))
    assert descriptors_of(path) == 1
    path.rename(moved)
    later = manager_of(library, server_domain(keylog_file=path), client_domain())
    assert (descriptors_of(moved), descriptors_of(path)) == (1, 1)
    connect(later, later)
    assert entries(path)
    assert moved.read_bytes() == b""
    del many, more
    gc.collect()
    assert (descriptors_of(moved), descriptors_of(path)) == (0, 1)
