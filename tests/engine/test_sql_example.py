"""Certificates out of a database: the example, and clients who ask for what is there and is not."""

from __future__ import annotations

import signal
import socket
import sqlite3
import ssl
from pathlib import Path

import pytest

from tests.support.listeners import Greeter, greeting, leave
from tests.support.managers import pem
from tests.support.proxy import ROOT, TIMEOUT, Program, connect

EXAMPLE = ROOT / "examples" / "sql_certificates.py"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "sites.db"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE sites (name TEXT PRIMARY KEY, chain TEXT, private_key TEXT)"
        )
    return path


def add(path: Path, name: str, identity: str) -> None:
    row = (name, pem(f"{identity}.pem").decode(), pem(f"{identity}.key").decode())
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO sites VALUES (?, ?, ?)", row)


def unverified(port: int) -> ssl.SSLSocket:
    """Ask for a name that the wildcard stands for, and take whatever certificate comes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(
        socket.create_connection(("127.0.0.1", port), TIMEOUT), server_hostname="dom3.test"
    )


def test_it(database: Path, library: str, greeter: Greeter) -> None:
    add(database, "dom1.test", "dom1")
    url, address = f"sqlite:///{database}", "tls:127.0.0.1:0"
    with Program(url, library, address, greeter.address, file=EXAMPLE) as program:
        port = int(program.wait_for(r"listening on tls:127\.0\.0\.1:(\d+)")[0][1])
        for _ in range(2):
            with connect(port, "dom1.test") as client:
                assert greeting(client) == b"hello"
                leave(client)
        program.wait_for("dom1.test: the certificate of dom1.test")
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
            connect(port, "dom2.test")
        add(database, "*.test", "dom2")
        with unverified(port) as client:
            assert b"dom2.test" in (client.getpeercert(binary_form=True) or b"")
        program.signal(signal.SIGTERM)
        assert program.exit_code() == 0
