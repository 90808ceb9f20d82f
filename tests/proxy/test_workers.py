"""``tlsmgm proxy --workers``: real clients, and two threads that share them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from tests.support.listeners import Greeter, greeting, leave
from tests.support.programs import needs, s_client
from tests.support.proxy import (
    TIMEOUT,
    Program,
    Proxy,
    client_domain,
    connect,
    pki,
    server_domain,
    write_script,
)
from tests.support.sanitizers import ENVIRONMENT
from tests.support.sipp import sipp_client, sipp_server

TWO = ("--workers", "2")


@needs("sipp")
def test_sip_calls_over_tls(library: str, both: str, tmp_path: Path) -> None:
    """SIPp to SIPp, which speak TCP here, through two proxies with TLS between them."""
    other = "wolfssl" if library == "openssl" else "openssl"
    plain = ("tcp:127.0.0.1:0",)
    with (
        sipp_server(tmp_path) as port,
        Proxy(both, library, f"tcp:127.0.0.1:{port}", *TWO, "--unclean-end", "fin") as far,
        Proxy(
            both, other, f"tls:127.0.0.1:{far.port}", *TWO, "--server-name", "dom1.test",
            "--unclean-end", "fin", listen=plain,
        ) as near,
    ):  # fmt: skip
        done = sipp_client(near.port, 20, tmp_path)
        assert done.returncode == 0, done.stdout
        line = far.log_line(20)
        assert "TLSv1.3" in line


@needs("curl")
def test_curl(library: str, script: str) -> None:
    with (
        Greeter(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello") as server,
        Proxy(script, library, server.address, *TWO) as proxy,
    ):
        done = subprocess.run(
            ["curl", "-sS", "--cacert", pki("root.pem"), "--max-time", str(int(TIMEOUT)),
             "--resolve", f"dom1.test:{proxy.port}:127.0.0.1",
             f"https://dom1.test:{proxy.port}/"],
            capture_output=True, check=False, env=ENVIRONMENT,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (0, b"hello"), done.stderr


@needs("openssl")
def test_s_client(library: str, script: str) -> None:
    with Greeter() as server, Proxy(script, library, server.address, *TWO) as proxy:
        done = s_client(proxy.port, "-servername", "dom1.test", "-brief", text=b"word\n")
        assert done.returncode == 0
        assert "in=5 out=" in proxy.log_line()


def test_all_of_many_clients(library: str, script: str) -> None:
    """Whichever worker has them."""
    answers: list[bytes] = []

    def visit(port: int) -> None:
        for _ in range(10):
            with connect(port) as client:
                answers.append(greeting(client))
                leave(client)

    with Greeter() as server, Proxy(script, library, server.address, *TWO) as proxy:
        threads = [threading.Thread(target=visit, args=[proxy.port]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT)
        assert answers == [b"hello"] * 40
        proxy.log_line(40)
        proxy.signal(signal.SIGUSR1)
        line = proxy.wait_for("statistics: .*")[0][0]
        assert "connections_ended_ok_total=40" in line


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="there is no /proc here")
@pytest.mark.parametrize("workers", [1, 3, None])
def test_as_many_as_wanted(library: str, script: str, workers: int | None) -> None:
    """By default as many as there are processors for it; each is a thread."""
    more = () if workers is None else ("--workers", str(workers))
    expected = len(os.sched_getaffinity(0)) if workers is None else workers
    with Proxy(script, library, "tcp:127.0.0.1:9", *more) as proxy:
        status = Path(f"/proc/{proxy.process.pid}/status").read_text(encoding="ascii")
        threads = int(re.findall(r"^Threads:\s+(\d+)", status, re.MULTILINE)[0])
        # The main thread, the engine's own, and the one of the access log.
        assert threads - 3 == expected


@pytest.mark.parametrize("number", ["0", "x", "257"])
def test_no_such_number(library: str, script: str, number: str) -> None:
    with Program(
        "proxy", "--config", script, "--library", library, "--upstream", "tcp:127.0.0.1:9",
        "--workers", number,
    ) as program:  # fmt: skip
        assert program.exit_code() == 2
        program.wait_for("--workers")


def test_a_domain_for_both_ends(tmp_path: Path, library: str) -> None:
    """TLS on both sides, and both workers call the same upstream."""
    script = write_script(tmp_path / "c", server_domain("dom1"), client_domain("out"))
    with (
        Greeter() as server,
        Proxy(script, library, server.address, *TWO) as far,
        Proxy(
            script, library, f"tls:127.0.0.1:{far.port}", *TWO, "--server-name", "dom1.test"
        ) as near,
    ):
        for _ in range(6):
            with connect(near.port) as client:
                assert greeting(client) == b"hello"
                leave(client)
        assert "upstream_domain" not in near.log_line(6)
