"""Peers as clients of ``tlsmgm proxy``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.external.targets import free_port
from tests.interop.material import Material, body_of
from tests.interop.peers import Peer
from tests.interop.processes import Said, run_client
from tests.interop.results import Cell
from tests.support.proxy import Proxy, server_domain, write_script

__all__ = ["ClientTrials", "Target", "target"]

#: Seconds that a client has for its handshake here. It is less than the default, so that clients
#: which say nothing when they refuse us do not keep everybody waiting.
HANDSHAKE_TIMEOUT = 4

_LOG_TIME = 8.0  # seconds from the end of a client until its line is there


@dataclass(frozen=True)
class Line:
    """A line of the access log."""

    suite: str
    version: str
    group: str
    reused: bool
    status: str
    reason: str

    @property
    def verdict(self) -> str:
        """Status and reason."""
        return self.status if self.reason == "-" else f"{self.status}: {self.reason}"


class Target:
    """A running proxy.

    Args:
        library: its TLS library.
        plain_port: where it asks for no certificate.
        mutual_port: where it demands one.
        log: its access log.
    """

    def __init__(self, library: str, plain_port: int, mutual_port: int, log: Path) -> None:
        self.library = library
        self.plain_port = plain_port
        self.mutual_port = mutual_port
        self._log = log
        self._read = 0

    def lines(self, count: int) -> list[Line]:
        """Wait for new lines of the log, and return those that have come."""
        deadline = time.monotonic() + _LOG_TIME
        while True:
            text = self._log.read_text(encoding="utf-8") if self._log.exists() else ""
            found = text.splitlines()[self._read :]
            if len(found) >= count or time.monotonic() > deadline:
                self._read += len(found)
                return [_line(json.loads(item)) for item in found]
            time.sleep(0.05)


def _line(fields: dict[str, str | None]) -> Line:
    def text(name: str) -> str:
        return str(fields.get(name) or "-")

    return Line(
        text("tls_cipher_info").split()[0],
        text("tls_version"),
        text("group"),
        text("reused") == "1",
        text("status"),
        text("reason"),
    )


@contextmanager
def target(library: str, material: Material, upstream: int, folder: Path) -> Iterator[Target]:
    """Run the proxy with two domains, each at an address of its own."""
    ports = free_port(), free_port()
    certificate, key = map(str, material.server)
    shown: dict[str, str | int] = {"certificate": certificate, "private_key": key}
    demands: dict[str, str | int] = {
        "verify_cert": 1,
        "require_cert": 1,
        "ca_list": str(material.root),
    }
    addresses = [f"127.0.0.1:{port}" for port in ports]
    script = write_script(
        folder / f"{library}.cfg",
        server_domain("plain", match_ip_address=addresses[0], **shown),
        server_domain("mutual", match_ip_address=addresses[1], **shown, **demands),
    )
    log = folder / f"{library}.log"
    log.unlink(missing_ok=True)  # of the peer before
    options = ["--access-log", str(log), "--access-log-format", "json"]
    options += ["--handshake-timeout", str(HANDSHAKE_TIMEOUT)]
    where = f"tcp:127.0.0.1:{upstream}"
    listen = [f"tls:{address}" for address in addresses]
    with Proxy(script, library, where, *options, listen=listen):
        yield Target(library, *ports, log)


class ClientTrials:
    """Has a peer connect to the proxy, again and again.

    Args:
        peer: the client.
        proxy: whom it talks to.
        material: certificates and requests.
        version: of TLS.
    """

    def __init__(self, peer: Peer, proxy: Target, material: Material, version: str) -> None:
        self._peer = peer
        self._proxy = proxy
        self._material = material
        self._version = version

    def run(self) -> Iterator[Cell]:
        """Try everything."""
        for question, value in self._answers():
            yield Cell(
                self._peer.name, "client", self._proxy.library, self._version, question, value
            )

    def _answers(self) -> Iterator[tuple[str, str]]:
        yield from self._large()
        yield from self._small()
        yield from self._stranger()
        yield from self._no_certificate()
        yield from self._certificate()

    def _run(
        self,
        *,
        port: int | None = None,
        ca: Path | None = None,
        is_large: bool = False,
        times: int = 1,
        shows: bool = False,
    ) -> tuple[Said, list[Line]]:
        assert self._peer.client is not None
        certificate, key = self._material.client if shows else (None, None)
        said = run_client(
            self._peer.client,
            {
                "PORT": port or self._proxy.plain_port,
                "VERSION": self._version,
                "CA": ca or self._material.root,
                "CERT": certificate,
                "KEY": key,
                "REQUEST": self._material.large if is_large else self._material.small,
                "UNTIL": "end" if is_large else "trailer",
                "TIMES": times,
            },
            self._peer.patience,
        )
        return said, self._proxy.lines(times)

    def _is_whole(self, said: Said, *, is_large: bool = False) -> bool:
        sent = self._material.large if is_large else self._material.small
        return body_of(sent.read_bytes()) in said.answer  # botan writes more there

    def _large(self) -> Iterator[tuple[str, str]]:
        said, lines = self._run(is_large=True)
        line = lines[0] if lines else Line("-", "-", "-", False, "no line", "-")
        yield "suite", line.suite if line.version.endswith(self._version) else line.version
        yield "group", line.group
        if self._is_whole(said, is_large=True):
            yield "1 MB each way", "intact"
        else:
            yield "1 MB each way", f"{len(said.answer)} bytes came; {said.words}"
        how = said.words if said.is_over else "hangs"
        yield "end, ours first", f"{line.verdict}; it says {how}"

    def _small(self) -> Iterator[tuple[str, str]]:
        can_resume = self._version in self._peer.resumes
        said, lines = self._run(times=2 if can_resume else 1)
        if not self._is_whole(said):
            yield "end, its first", f"no answer: {said.words}"
            return
        yield "end, its first", " then ".join(sorted({line.verdict for line in lines}))
        yield "resumed", _yes(lines[-1].reused) if can_resume else "cannot"

    def _stranger(self) -> Iterator[tuple[str, str]]:
        if not self._peer.verifies:
            yield "distrusts us", "cannot"
            return
        said, lines = self._run(ca=self._material.stranger)
        yield "distrusts us", lines[0].verdict if lines else "no line"
        yield "its words then", "goes on" if self._is_whole(said) else said.words or "none"

    def _no_certificate(self) -> Iterator[tuple[str, str]]:
        said, lines = self._run(port=self._proxy.mutual_port)
        yield "no certificate", lines[0].verdict if lines else "no line"
        yield "its words without", "goes on" if self._is_whole(said) else said.words or "none"

    def _certificate(self) -> Iterator[tuple[str, str]]:
        if not self._peer.shows_certificate:
            yield "certificate", "cannot"
            return
        said, lines = self._run(port=self._proxy.mutual_port, shows=True)
        verdict = lines[0].verdict if lines else "no line"
        yield "certificate", "works" if self._is_whole(said) else f"{verdict}; {said.words}"


def _yes(truth: bool) -> str:
    return "yes" if truth else "no"
