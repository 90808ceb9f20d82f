"""The database servers of the tests: what other tests rely on."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from tests.support.databases import (
    HOST,
    PASSWORD,
    TIMEOUT,
    USER,
    MariaDBServer,
    PostgreSQLServer,
    Server,
    ServerTLS,
    find_program,
)
from tests.support.pki import Authority, Identity
from tests.support.process import PATHS

KINDS = {"postgresql": PostgreSQLServer, "mariadb": MariaDBServer}


@pytest.fixture(params=list(KINDS))
def server(request: pytest.FixtureRequest) -> Server:
    """The shared server of each kind."""
    found: Server = request.getfixturevalue(request.param)
    return found


def run(url: str, *statements: str) -> list[object]:
    """Run statements in a connection of its own; return the first column of the last one's rows."""
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            result = connection.execute(sqlalchemy.text(statement))
        return [row[0] for row in result] if result.returns_rows else []


def test_a_new_database_is_empty_and_keeps_what_is_written(database: str) -> None:
    run(database, "CREATE TABLE t (x INTEGER)", "INSERT INTO t VALUES (7)")
    assert run(database, "SELECT x FROM t") == [7]


def test_each_database_is_another(server: Server) -> None:
    first, second = server.create_database(), server.create_database()
    run(first.url, "CREATE TABLE t (x INTEGER)")
    with pytest.raises(sqlalchemy.exc.DBAPIError):
        run(second.url, "SELECT x FROM t")


def test_urls(server: Server) -> None:
    found = server.database("x")
    place = f"://{USER}:{PASSWORD}@{HOST}:{server.port}/x"
    assert found.url in (f"postgresql+psycopg{place}", f"mysql+pymysql{place}")
    assert found.opensips_url in (f"postgres{place}", f"mysql{place}")


def test_the_password_is_looked_at(server: Server) -> None:
    url = server.create_database().url.replace(PASSWORD, "wrong")
    with pytest.raises(sqlalchemy.exc.OperationalError, match=r"password|denied"):
        run(url, "SELECT 1")


def test_restart_keeps_port_and_data(server: Server) -> None:
    made = server.create_database()
    run(made.url, "CREATE TABLE t (x INTEGER)", "INSERT INTO t VALUES (7)")
    server.restart()
    assert run(made.url, "SELECT x FROM t") == [7]


def test_a_stopped_server_refuses_connections(server: Server) -> None:
    made = server.create_database()
    server.stop()
    try:
        with pytest.raises(sqlalchemy.exc.OperationalError, match="refused"):
            run(made.url, "SELECT 1")
    finally:
        server.start()
    assert run(made.url, "SELECT 1") == [1]


def test_a_paused_server_answers_an_old_connection_only_when_it_goes_on(server: Server) -> None:
    engine = sqlalchemy.create_engine(server.create_database().url)
    answers: list[object] = []
    with engine.connect() as connection:
        thread = threading.Thread(
            target=lambda: answers.append(connection.scalar(sqlalchemy.text("SELECT 1")))
        )
        with server.paused():
            thread.start()
            thread.join(1)
            assert thread.is_alive()
        thread.join(TIMEOUT)
        assert answers == [1]
    engine.dispose()


def test_a_paused_server_lets_new_connections_wait(server: Server) -> None:
    made = server.create_database()
    patience = {"connect_timeout": 2}
    if server.kind == "mariadb":  # PyMySQL's is for TCP alone, not for the server's greeting.
        patience["read_timeout"] = 2
    engine = sqlalchemy.create_engine(made.url, connect_args=patience)
    with server.paused(), pytest.raises(sqlalchemy.exc.OperationalError, match="time"):
        engine.connect()
    engine.dispose()
    assert run(made.url, "SELECT 1") == [1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_leaves_nothing_behind(kind: str) -> None:
    with KINDS[kind]() as made:
        folder, process = made.folder, made._process
        assert process is not None
        made.pause()
    assert process.returncode is not None
    assert not folder.exists()


KILLED = """
from tests.support.databases import *
server = {kind}()
print(server.folder, server._process.pid, flush=True)
server.{state}()
print("ready", flush=True)
input()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a parent's death")
@pytest.mark.parametrize("state", ["pause", "resume"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_server_does_not_outlive_tests_that_are_killed(kind: str, state: str) -> None:
    program = KILLED.format(kind=KINDS[kind].__name__, state=state)
    with subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {PATHS!r}\n{program}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        folder, pid = process.stdout.readline().split()
        try:
            assert process.stdout.readline() == "ready\n"
            descriptor = os.pidfd_open(int(pid))
            process.kill()
            assert wait_for_end(descriptor)
        finally:
            # -f: its children may still be taking files of theirs away.
            subprocess.run(["rm", "-rf", folder], check=True)


def wait_for_end(descriptor: int) -> bool:
    """Wait until a process of somebody else has ended."""
    try:
        return bool(select.select([descriptor], [], [], TIMEOUT)[0])
    finally:
        os.close(descriptor)


def test_a_missing_program_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AssertionError, match="no-such-database is not installed; `make test`"):
        find_program("no-such-database")


def test_a_server_that_does_not_start_shows_its_log() -> None:
    with pytest.raises(AssertionError, match="no_such_setting"):
        PostgreSQLServer(settings={"no_such_setting": "1"})


# --- TLS ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def tls_server(authority: Authority) -> Iterator[PostgreSQLServer]:
    """A server that demands a certificate with the user's name, and no password."""
    fields = authority.issue("server", names=["localhost"], addresses=[HOST]).fields()
    tls = ServerTLS(**fields, ca=authority.pem, clients="cert")
    with PostgreSQLServer(tls) as server:
        yield server


def tls_url(server: PostgreSQLServer, tmp_path: Path, identity: Identity | None) -> str:
    """Return a URL whose client shows an identity."""
    url = server.database("postgres").url + "?sslmode=require&sslrootcert=none"
    if identity is None:
        return url
    paths = {}
    for name, value in identity.fields().items():
        paths[name] = tmp_path / name
        paths[name].touch(0o600)
        paths[name].write_bytes(value)
    return f"{url}&sslcert={paths['certificate']}&sslkey={paths['private_key']}"


def test_a_certificate_of_the_user_is_accepted(
    tls_server: PostgreSQLServer, authority: Authority, tmp_path: Path
) -> None:
    url = tls_url(tls_server, tmp_path, authority.issue(USER))
    query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    assert run(url, query) == [True]


@pytest.mark.parametrize("who", ["another user", "another authority", "nobody", "without TLS"])
def test_who_is_refused_over_tls(
    tls_server: PostgreSQLServer, authority: Authority, tmp_path: Path, who: str
) -> None:
    identity = {
        "another user": authority.issue("somebody"),
        "another authority": Authority("other").issue(USER),
    }.get(who)
    url = tls_url(tls_server, tmp_path, identity)
    if who == "without TLS":
        url = url.replace("require", "disable")
    reason = r"certificate authentication failed|unknown ca|requires a valid client|no pg_hba"
    with pytest.raises(sqlalchemy.exc.OperationalError, match=reason):
        run(url, "SELECT 1")
