"""The example that takes a TLS domain to a database, against a server that demands certificates."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import PASSWORD, USER, PostgreSQLServer, ServerTLS
from tests.support.pki import Authority, Identity
from tests.support.process import PATHS, TIMEOUT
from tests.support.tables import DomainTable

EXAMPLE = Path(__file__).parents[2] / "examples" / "database_over_tls.py"


@pytest.fixture(scope="module")
def root() -> Authority:
    return Authority("tests root")


@pytest.fixture(scope="module")
def server(root: Authority) -> Iterator[PostgreSQLServer]:
    """A server at ``localhost`` that demands a certificate with the user's name, and a password."""
    fields = root.issue("server", names=["localhost"]).fields()
    tls = ServerTLS(**fields, ca=root.pem, clients="verify-full")
    with PostgreSQLServer(tls) as server:
        yield server


@pytest.fixture(scope="module")
def identity(root: Authority) -> Identity:
    """A client with the user's name."""
    return root.issue(USER)


class Example:
    """The example, and a folder for what it reads."""

    def __init__(self, folder: Path, server: PostgreSQLServer) -> None:
        self.folder = folder
        self.server = server

    def script(self, **fields: bytes) -> str:
        """Write a script with the client domain ``db``."""
        lines = ['modparam("tls_mgm", "client_domain", "db")']
        for name, content in fields.items():
            path = self.folder / f"{name}.pem"
            path.write_bytes(content)
            lines.append(f'modparam("tls_mgm", "{name}", "[db]{path}")')
        script = self.folder / "opensips.cfg"
        script.write_text("\n".join(lines) + "\n")
        return str(script)

    def database(self, **fields: bytes) -> str:
        """Fill a database with the client domain ``db``."""
        url = f"sqlite:///{self.folder / 'tls.db'}"
        DomainTable(url, {"domain": "db", "type": 1} | fields)
        return url

    def run(
        self, config: str, host: str = "localhost", domain: str = "db"
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        options = {"config": config, "domain": domain, "host": host, "user": USER}
        options["port"] = str(self.server.port)
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        return subprocess.run(
            [sys.executable, str(EXAMPLE), *words],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
            cwd="/",
            env=os.environ | {"PYTHONPATH": PATHS[0], "PGPASSWORD": PASSWORD},
        )


@pytest.fixture
def example(tmp_path: Path, server: PostgreSQLServer) -> Example:
    return Example(tmp_path, server)


def good(root: Authority, identity: Identity) -> dict[str, Any]:
    return identity.fields() | {"ca_list": root.pem}


@pytest.mark.parametrize("source", ["script", "database"])
def test_connects(example: Example, source: str, root: Authority, identity: Identity) -> None:
    config = getattr(example, source)(**good(root, identity))
    done = example.run(config)
    assert (done.returncode, done.stderr) == (0, "")
    first, second, third = done.stdout.splitlines()
    assert first.startswith("PostgreSQL ")
    assert second == "TLS: yes, TLSv1.3"
    assert third == f"the server knows us as /CN={USER}"


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Return why it ended; it did so in one line.

    Python itself may have complained before: a file of pg8000's had no chance to write the rest.
    """
    assert (done.returncode, done.stdout) == (1, "")
    *others, line = done.stderr.splitlines()
    assert not others or others[0].startswith("Exception ignored")
    return line


def test_a_server_of_another_authority_is_refused(
    example: Example, root: Authority, identity: Identity
) -> None:
    config = example.script(**good(root, identity) | {"ca_list": Authority("other").pem})
    start = len(example.server.log_text())
    assert "certificate verify failed" in refusal(example.run(config))
    example.server.wait_for_log("unknown ca", start)


def test_a_server_of_another_name_is_refused(
    example: Example, root: Authority, identity: Identity
) -> None:
    config = example.script(**good(root, identity))
    assert "mismatch" in refusal(example.run(config, host="127.0.0.1"))


def test_a_client_without_certificate_is_refused(example: Example, root: Authority) -> None:
    line = refusal(example.run(example.script(ca_list=root.pem)))
    assert "connection requires a valid client certificate" in line


def test_a_client_of_another_authority_is_refused(example: Example, root: Authority) -> None:
    stranger = Authority("other").issue(USER)
    start = len(example.server.log_text())
    # In TLS 1.3 the client is ready before it is refused, and may meet a closed connection first.
    assert refusal(example.run(example.script(ca_list=root.pem, **stranger.fields())))
    example.server.wait_for_log("certificate verify failed", start)


def test_a_client_of_another_name_is_refused(example: Example, root: Authority) -> None:
    other = root.issue("somebody")
    line = refusal(example.run(example.script(ca_list=root.pem, **other.fields())))
    assert "authentication failed" in line


def test_an_unknown_domain_is_named(example: Example, root: Authority) -> None:
    line = refusal(example.run(example.script(ca_list=root.pem), domain="no-such-domain"))
    assert "no-such-domain" in line
