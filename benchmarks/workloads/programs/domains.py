"""Writes many server domains, as an OpenSIPS script and as a table in SQLite."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.identity import Identity
from benchmarks.workloads.programs.launch import environment

__all__ = ["PER_FILE", "name_of", "sqlite_url", "write_script", "write_sqlite"]

#: Domains in one file of a script: files above 16 MiB are refused.
PER_FILE: Final = 10_000

_INSERT: Final = """
    INSERT INTO tls_mgm (domain, type, match_sip_domain, verify_cert, require_cert, certificate,
                         private_key)
    VALUES (?, 2, ?, 0, 0, ?, ?)
"""


def name_of(number: int) -> str:
    """Return the name of a domain; its server name is this below ``bench.example``.

    Args:
        number: from 0.
    """
    return f"domain{number:07d}"


def write_script(folder: Path, count: int, identity: Identity) -> Path:
    """Write a script that sets certificate, key and verification of each domain.

    Args:
        folder: where to; is made.
        count: of domains.
        identity: the certificate and key of all of them.

    Returns:
        The script; it includes one file for each :data:`PER_FILE` domains.
    """
    folder.mkdir(parents=True)
    script = folder / "opensips.cfg"
    with script.open("w", encoding="ascii") as main:
        main.write('loadmodule "tls_mgm.so"\n')
        for start in range(0, count, PER_FILE):
            part = folder / f"domains{start}.cfg"
            with part.open("w", encoding="utf-8") as out:
                for number in range(start, min(count, start + PER_FILE)):
                    out.writelines(_lines(number, identity))
            main.write(f'include_file "{part.name}"\n')
    return script


def _lines(number: int, identity: Identity) -> Iterator[str]:
    name = name_of(number)
    yield f'modparam("tls_mgm", "server_domain", "{name}")\n'
    for parameter, value in (
        ("match_sip_domain", f"{name}.bench.example"),
        ("certificate", identity.certificate),
        ("private_key", identity.key),
        ("verify_cert", "0"),
        ("require_cert", "0"),
    ):
        yield f'modparam("tls_mgm", "{parameter}", "[{name}]{value}")\n'


def write_sqlite(folder: Path, count: int, identity: Identity) -> Path:
    """Write a table whose rows hold the certificate and key themselves, as the layout has it.

    Args:
        folder: where to; is made.
        count: of domains.
        identity: the certificate and key of all of them.

    Returns:
        The database.
    """
    folder.mkdir(parents=True)
    path = folder / "domains.db"
    subprocess.run(
        [sys.executable, "-m", "tlsmgm", "db", "init", "--url", sqlite_url(path)],
        env=environment(),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    certificate = Path(identity.certificate).read_bytes()
    key = Path(identity.key).read_bytes()
    rows = (
        (name_of(number), f"{name_of(number)}.bench.example", certificate, key)
        for number in range(count)
    )
    connection = sqlite3.connect(path)
    try:
        with connection:
            connection.executemany(_INSERT, rows)
    finally:
        connection.close()
    return path


def sqlite_url(path: Path) -> str:
    """Return the URL of a database.

    Args:
        path: of the file.
    """
    return f"sqlite:///{path.resolve()}"
