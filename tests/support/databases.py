"""Database servers that live as long as some tests, in a folder that goes away with them.

A server keeps its data in a temporary folder, waits for no disk, listens on a free port of
127.0.0.1 and knows one user. Each test takes a database of its own from it::

    with PostgreSQLServer() as server:
        database = server.create_database()
        sqlalchemy.create_engine(database.url)

Both programs refuse to serve as root, so for root they run as the user of their Debian package.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Literal, Self

import psycopg
import pymysql

from tests.support.process_tree import family_of, signal_all, state_of
from tests.support.sanitizers import ENVIRONMENT

HOST = "127.0.0.1"
USER = "tlsmgm"
PASSWORD = "secret"

#: Seconds that starting, stopping, pausing and each setup program may take.
TIMEOUT = 60.0

_ATTEMPTS = 5
_POLL = 0.02
_PORT_TAKEN = "Address already in use"
_MORE_PROGRAMS = ("/usr/sbin", "/usr/local/sbin")


@dataclass(frozen=True)
class Database:
    """A database on a server.

    Attributes:
        name: its name.
        url: for SQLAlchemy, with the driver.
        opensips_url: as OpenSIPS writes it in ``db_url``.
    """

    name: str
    url: str
    opensips_url: str


@dataclass(frozen=True)
class ServerTLS:
    """TLS of a PostgreSQL server; connections without it are refused then.

    Attributes:
        certificate: PEM, leaf first.
        private_key: PEM.
        ca: PEM of those whose client certificates are accepted.
        clients: ``"password"`` asks for no certificate; ``"verify-ca"`` demands one beside the
            password; ``"verify-full"`` one whose common name is the user, too; ``"cert"`` the same
            without password.
    """

    certificate: bytes
    private_key: bytes
    ca: bytes | None = None
    clients: Literal["password", "verify-ca", "verify-full", "cert"] = "password"


def find_program(name: str, *folders: str) -> str:
    """Return the path of a server's program.

    Args:
        name: its name.
        folders: where to look besides PATH, the newest last.
    """
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *reversed(folders)])
    found = shutil.which(name, path=path)
    if found is None:
        raise AssertionError(f"{name} is not installed; `make test` installs it")
    return found


def _postgresql_folders() -> list[str]:
    found = Path("/usr/lib/postgresql").glob("*/bin")
    return [str(path) for path in sorted(found, key=lambda path: _number(path.parent.name))]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _free_port() -> int:
    """Return a port that is free now; somebody may take it before the server does."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _ended_by_parent(command: Sequence[str], number: signal.Signals) -> list[str]:
    """Have the kernel end a program when we end, even by SIGKILL, where it knows how to.

    Only the thread that starts the program counts: a server belongs into the main thread.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return list(command)
    return [setpriv, "--pdeathsig", number.name.removeprefix("SIG"), "--", *command]


class Server(ABC):
    """A database server, from a fresh folder on; it starts at once.

    Args:
        settings: of the server, by name.
    """

    kind: ClassVar[str]
    account: ClassVar[str]  # of the Debian package
    url_schemes: ClassVar[tuple[str, str]]  # SQLAlchemy's, OpenSIPS's
    end_signal: ClassVar[signal.Signals]  # ends it fast but cleanly
    kill_signal: ClassVar[signal.Signals]  # ends it at once, helpers included

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self.settings = dict(settings or {})
        self.folder = Path(tempfile.mkdtemp(prefix=f"tlsmgm-{self.kind}-"))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        atexit.register(self.close)
        try:
            if self._user is not None:
                shutil.chown(self.folder, self._user, self._group)
            self._initialise()
            self._start_somewhere()
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def _initialise(self) -> None:
        """Make the data folder."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Return the command that serves ``self.data`` on ``self.port``."""

    @property
    @abstractmethod
    def _socket(self) -> str:
        """Path of the socket in the folder."""

    @abstractmethod
    def _connect(self) -> Any:
        """Return a connection with all rights, through the socket."""

    @abstractmethod
    def _prepare(self) -> None:
        """Do what a new server needs once it runs for the first time."""

    @abstractmethod
    def execute(self, statement: str) -> None:
        """Run one statement with all rights."""

    @property
    def _user(self) -> str | None:
        return self.account if os.geteuid() == 0 else None

    @property
    def _group(self) -> int | None:
        return None if self._user is None else pwd.getpwnam(self._user).pw_gid

    def _privileges(self) -> dict[str, Any]:
        """Options of subprocess that make a program run as the right user."""
        common = {"cwd": self.folder, "env": ENVIRONMENT | {"LC_ALL": "C"}}
        if self._user is None:
            return common
        return common | {"user": self._user, "group": self._group, "extra_groups": []}

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
            check=False,
            **self._privileges(),
        )
        assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout}"

    def _write(self, name: str, content: bytes) -> str:
        """Write a file that the server alone can read; return its path."""
        path = self.folder / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content)
        if self._user is not None:
            shutil.chown(path, self._user, self._group)
        return str(path)

    def _start_somewhere(self) -> None:
        """Start for the first time; a port that somebody else takes meanwhile is given up."""
        for _ in range(_ATTEMPTS):
            self.port = _free_port()
            self.log.unlink(missing_ok=True)
            try:
                self.start()
            except AssertionError:
                if _PORT_TAKEN not in self.log_text():
                    raise
            else:
                self._prepare()
                return
        raise AssertionError(f"{self.kind}: no port was free in {_ATTEMPTS} attempts")

    def start(self) -> None:
        """Start a stopped server on the port that it had, and wait until it answers."""
        assert self._process is None, f"{self.kind} runs already"
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                _ended_by_parent(self._command(), self.kill_signal),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A Ctrl-C is for the tests. A session of its own would be too much: a paused
                # process is woken, and so can end, only if its group is orphaned with its parent.
                process_group=0,
                **self._privileges(),
            )
        try:
            self._wait_until(self._answers, "answer")
        except BaseException:
            self.kill()
            raise

    def _answers(self) -> bool:
        assert self._process is not None
        code = self._process.poll()
        assert code is None, f"{self.kind} ended with {code}; its log:\n{self.log_text()}"
        try:
            # Tried alone first, because PyMySQL leaks its socket when nobody listens.
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(self._socket)
            self._connect().close()
        except (OSError, psycopg.OperationalError, pymysql.err.OperationalError):
            return False
        return True

    def stop(self) -> None:
        """End the server cleanly; its connections are closed, its data stays."""
        self._end(self.end_signal)

    def kill(self) -> None:
        """End the server as a crash would."""
        self._end(self.kill_signal)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        signal_all(process.pid, signal.SIGCONT)
        process.send_signal(number)
        try:
            process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{self.kind} did not end:\n{self.log_text()}") from None

    def restart(self) -> None:
        """Stop and start; the data and the port stay."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End the server and remove its folder; it cannot be started again."""
        atexit.unregister(self.close)
        try:
            self.kill()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def pause(self) -> None:
        """Let the server hang: it stays connected, accepts in the kernel, and answers nothing."""
        assert self._process is not None, f"{self.kind} does not run"
        pid = self._process.pid
        os.kill(pid, signal.SIGSTOP)  # first: it must not start further helpers
        self._wait_until(lambda: state_of(pid) == "T", "pause")
        signal_all(pid, signal.SIGSTOP)
        self._wait_until(lambda: all(state_of(each) in "TZ" for each in family_of(pid)), "pause")

    def resume(self) -> None:
        """Let a paused server go on."""
        assert self._process is not None, f"{self.kind} does not run"
        signal_all(self._process.pid, signal.SIGCONT)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Let the server hang for a while."""
        self.pause()
        try:
            yield
        finally:
            self.resume()

    def _wait_until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.kind} does not {what}; its log:\n{self.log_text()}")
            time.sleep(_POLL)

    def log_text(self) -> str:
        """Return what the server has logged."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def wait_for_log(self, text: str, start: int = 0) -> None:
        """Wait until the server has logged something.

        Args:
            text: a part of it.
            start: how many characters of the log are old news.
        """
        self._wait_until(lambda: text in self.log_text()[start:], f"log {text!r}")

    def create_database(self) -> Database:
        """Return a new, empty database."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.database(name)

    def database(self, name: str) -> Database:
        """Return the URLs of a database, whether it exists or not."""
        place = f"{USER}:{PASSWORD}@{HOST}:{self.port}/{name}"
        url, opensips_url = (f"{scheme}://{place}" for scheme in self.url_schemes)
        return Database(name, url, opensips_url)


class PostgreSQLServer(Server):
    """A PostgreSQL server.

    Args:
        tls: demand TLS; None offers none.
        settings: of ``postgresql.conf``.
    """

    kind = "postgresql"
    account = "postgres"
    url_schemes = ("postgresql+psycopg", "postgres")
    end_signal = signal.SIGINT  # "fast": does not wait for clients
    kill_signal = signal.SIGQUIT  # "immediate": takes its helpers along

    def __init__(
        self, tls: ServerTLS | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        self.tls = tls
        super().__init__(settings)

    def _initialise(self) -> None:
        password = self._write("password", PASSWORD.encode())
        self._run(
            find_program("initdb", *_postgresql_folders()),
            "--no-sync",
            "--no-instructions",
            "--locale=C",
            "--encoding=UTF8",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            f"--username={USER}",
            f"--pwfile={password}",
            f"--pgdata={self.data}",
        )
        (self.data / "pg_hba.conf").write_text(f"local all all trust\n{self._rule()}\n")
        if self.tls is not None:
            self._write_tls(self.tls)

    def _rule(self) -> str:
        place = f"all all {HOST}/32"
        if self.tls is None:
            return f"host {place} scram-sha-256"
        if self.tls.clients == "cert":
            return f"hostssl {place} cert"
        option = "" if self.tls.clients == "password" else f" clientcert={self.tls.clients}"
        return f"hostssl {place} scram-sha-256{option}"

    def _write_tls(self, tls: ServerTLS) -> None:
        files = {"ssl_cert_file": tls.certificate, "ssl_key_file": tls.private_key}
        if tls.ca is not None:
            files["ssl_ca_file"] = tls.ca
        self.settings["ssl"] = "on"
        for setting, content in files.items():
            self.settings[setting] = self._write(f"{setting}.pem", content)

    def _command(self) -> list[str]:
        settings = {
            "port": str(self.port),
            "listen_addresses": HOST,
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "autovacuum": "off",
            "shared_buffers": "16MB",
        } | self.settings
        command = [find_program("postgres", *_postgresql_folders()), "-D", str(self.data)]
        return command + [part for item in settings.items() for part in ("-c", "=".join(item))]

    @property
    def _socket(self) -> str:
        return str(self.folder / f".s.PGSQL.{self.port}")

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self.folder),
            port=self.port,
            user=USER,
            dbname="postgres",
            connect_timeout=int(TIMEOUT),
            autocommit=True,
        )

    def _prepare(self) -> None:
        pass

    def execute(self, statement: str) -> None:
        """Run one statement in the database ``postgres``, with all rights."""
        with self._connect() as connection:
            connection.execute(statement.encode())


class MariaDBServer(Server):
    """A MariaDB server.

    Args:
        settings: options of ``mariadbd``, without the dashes before them.
    """

    kind = "mariadb"
    account = "mysql"
    url_schemes = ("mysql+pymysql", "mysql")
    end_signal = signal.SIGTERM
    kill_signal = signal.SIGKILL

    def _initialise(self) -> None:
        self._run(
            find_program("mariadb-install-db", *_MORE_PROGRAMS),
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
            "--innodb-log-file-size=8M",
            f"--datadir={self.data}",
        )

    @property
    def _socket(self) -> str:
        return str(self.folder / "socket")

    def _command(self) -> list[str]:
        settings = {
            "datadir": str(self.data),
            "socket": self._socket,
            "pid-file": str(self.folder / "pid"),
            "port": str(self.port),
            "bind-address": HOST,
            "character-set-server": "utf8mb4",
            "innodb-log-file-size": "8M",
            "innodb-buffer-pool-size": "16M",
            "innodb-flush-log-at-trx-commit": "0",
            "innodb-doublewrite": "0",
            "skip-name-resolve": "1",
        } | self.settings
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [find_program("mariadbd", *_MORE_PROGRAMS), "--no-defaults", *options]

    def _connect(self) -> pymysql.connections.Connection[Any]:
        return pymysql.connect(
            unix_socket=self._socket, user="root", connect_timeout=int(TIMEOUT), autocommit=True
        )

    def _prepare(self) -> None:
        self.execute(f"CREATE USER '{USER}'@'{HOST}' IDENTIFIED BY '{PASSWORD}'")
        self.execute(f"GRANT ALL ON *.* TO '{USER}'@'{HOST}'")

    def execute(self, statement: str) -> None:
        """Run one statement with all rights."""
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute(statement)
