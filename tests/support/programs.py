"""Programs of others at the other end of a socket: ``openssl``, ``curl``, servers."""

from __future__ import annotations

import contextlib
import itertools
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from tests.support.managers import pki
from tests.support.ports import is_listening
from tests.support.sanitizers import ENVIRONMENT
from tests.support.sockets import TIMEOUT


def needs(program: str) -> pytest.MarkDecorator:
    """Return a mark that skips where a program is not installed."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"there is no {program} here")


def find(program: str) -> str:
    """Return the path of a program that is often outside of the search path; skip without it."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"there is no {program} here")
    return found


def version_flag(version: str) -> str:
    """Return openssl's option for one version alone: ``-tls1_3``."""
    return "-" + version.lower().replace("v", "").replace(".", "_")


def s_client(port: int, *options: str, text: bytes = b"quit\n") -> subprocess.CompletedProcess[str]:
    """Run ``openssl s_client`` to its end.

    Args:
        port: of 127.0.0.1.
        options: further options.
        text: what it sends.
    """
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", pki("root.pem")]
    done = subprocess.run(
        [*command, "-verify_return_error", *options],
        input=text,
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
        env=ENVIRONMENT,
    )
    output = (done.stdout + done.stderr).decode("utf-8", "replace")
    return subprocess.CompletedProcess(done.args, done.returncode, output)


class Watched:
    """A running program, whose output can be waited for.

    Args:
        process: the program.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.lines: list[str] = []
        self._process = process
        self._news = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._collect)
        self._thread.start()

    def _collect(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self.lines.append(line.decode("utf-8", "replace").rstrip())
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait_for(self, pattern: str, number: int = 1) -> re.Match[str]:
        """Wait until so many lines have the pattern; return the last match."""

        def find() -> re.Match[str] | None:
            matches = (found for line in self.lines if (found := re.search(pattern, line)))
            return next(itertools.islice(matches, number - 1, None), None)

        with self._news:
            self._news.wait_for(lambda: find() or self._ended, TIMEOUT)
            found = find()
        assert found, f"no {pattern!r} in:\n" + "\n".join(self.lines)
        return found

    def join(self) -> None:
        """Wait for the end of its output."""
        self._thread.join(TIMEOUT)
        assert not self._thread.is_alive()


class SServer(Watched):
    """A running ``openssl s_server``."""

    def write(self, data: bytes) -> None:
        """Give it data for its client, or one of its commands."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    @property
    def port(self) -> int:
        """The port where it listens."""
        return int(self.wait_for(r"^ACCEPT .*:(\d+)$")[1])


@contextlib.contextmanager
def s_server(certificate: str, options: Sequence[str]) -> Iterator[SServer]:
    """Run ``openssl s_server`` with a certificate of the recorded PKI, on a port it chooses."""
    command = ["openssl", "s_server", "-accept", "127.0.0.1:0"]
    command += ["-cert", pki(f"{certificate}.pem"), "-key", pki(f"{certificate}.key")]
    with subprocess.Popen(
        [*command, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=ENVIRONMENT,
    ) as process:
        server = SServer(process)
        try:
            yield server
        finally:
            process.kill()
            process.wait(TIMEOUT)
            server.join()


@contextlib.contextmanager
def running(port: int, *command: str) -> Iterator[Watched]:
    """Run a server until it listens, and to the end of the block.

    Args:
        port: of 127.0.0.1, where it will listen.
        command: that starts it, in the foreground; SIGTERM ends it, and all that it has started.
    """
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=ENVIRONMENT,
    ) as process:  # fmt: skip
        server = Watched(process)
        try:
            deadline = time.monotonic() + TIMEOUT
            while not is_listening(port):
                assert time.monotonic() < deadline, server.lines
                with contextlib.suppress(subprocess.TimeoutExpired):
                    code = process.wait(0.05)
                    server.join()
                    raise AssertionError(f"it has ended with {code}: {server.lines}")
            yield server
        finally:
            process.terminate()
            process.wait(TIMEOUT)
            server.join()


def curl(port: int, host: str, *options: str) -> subprocess.CompletedProcess[bytes]:
    """Ask our server for ``https://HOST/`` with curl, whatever its environment says."""
    command = ["curl", "-q", "--silent", "--show-error", "--noproxy", "*"]
    command += ["--max-time", str(int(TIMEOUT)), "--resolve", f"{host}:{port}:127.0.0.1"]
    command += ["--cacert", pki("root.pem"), *options, f"https://{host}:{port}/"]
    return subprocess.run(
        command, capture_output=True, timeout=TIMEOUT * 2, check=False, env=ENVIRONMENT
    )
