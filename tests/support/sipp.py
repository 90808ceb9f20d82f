"""SIPp at either end: a server that answers calls, and a client that makes them."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.ports import free_ports, is_listening
from tests.support.sanitizers import ENVIRONMENT
from tests.support.sockets import TIMEOUT

#: It demands as many descriptors as it might need for sockets.
_COMMON = ("-i", "127.0.0.1", "-nostdin", "-max_socket", "100")


@contextlib.contextmanager
def sipp_server(folder: Path) -> Iterator[int]:
    """Run SIPp's server that answers calls; give its port."""
    (port,) = free_ports(1)
    server = subprocess.Popen(
        ["sipp", "-sn", "uas", "-t", "tn", "-p", str(port), *_COMMON],
        cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + TIMEOUT
        while not is_listening(port):
            assert time.monotonic() < deadline
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise AssertionError(f"sipp has ended with {server.wait(0.05)}")
        yield port
        assert server.poll() is None, "sipp has ended"
    finally:
        server.kill()
        server.wait(TIMEOUT)


def sipp_client(port: int, calls: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """Make calls over TCP, each on a connection of its own.

    Args:
        port: of 127.0.0.1.
        calls: how many.
        folder: for its files.
    """
    return _run(port, calls, folder, "-sn", "uac")


_OPTIONS = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="options">
  <send>
    <![CDATA[
      OPTIONS sip:[remote_ip]:[remote_port] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
      To: <sip:[remote_ip]:[remote_port]>
      Call-ID: [call_id]
      CSeq: 1 OPTIONS
      Max-Forwards: 70
      Content-Length: 0
    ]]>
  </send>
  <recv response="200"/>
</scenario>
"""


def sipp_options(port: int, calls: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """Ask by OPTIONS, and want 200 for an answer; the arguments are those of ``sipp_client()``."""
    scenario = folder / "options.xml"
    scenario.write_text(_OPTIONS, encoding="utf-8")
    return _run(port, calls, folder, "-sf", str(scenario))


def _run(port: int, calls: int, folder: Path, *scenario: str) -> subprocess.CompletedProcess[str]:
    command = ["sipp", *scenario, "-t", "tn", "-m", str(calls), "-r", "50", *_COMMON]
    return subprocess.run(
        [*command, f"127.0.0.1:{port}"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TIMEOUT,
        check=False,
        env=ENVIRONMENT,
    )
