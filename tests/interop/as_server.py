"""Peers as servers of our client domains."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import tlsmgm
from tests.external.targets import free_port
from tests.interop.material import Material, body_of
from tests.interop.our_client import Outcome, call
from tests.interop.peers import Peer
from tests.interop.processes import ServerError, server
from tests.interop.results import Cell

__all__ = ["ServerTrials"]


class ServerTrials:
    """Connects to a peer, again and again.

    Args:
        peer: the server.
        library: ours.
        material: certificates and requests.
        version: of TLS.
        upstream: port of a plain server, for peers that are proxies themselves.
    """

    def __init__(
        self, peer: Peer, library: str, material: Material, version: str, upstream: int
    ) -> None:
        self._peer = peer
        self._library = library
        self._material = material
        self._version = version
        self._upstream = upstream

    def run(self) -> Iterator[Cell]:
        """Try everything."""
        try:
            for question, value in self._answers():
                yield self._cell(question, value)
        except ServerError as error:
            yield self._cell("1 MB each way", str(error))

    def _cell(self, question: str, value: str) -> Cell:
        return Cell(self._peer.name, "server", self._library, self._version, question, value)

    def _answers(self) -> Iterator[tuple[str, str]]:
        yield from self._without_ca()
        if not self._peer.asks_certificate:
            for question in ("no certificate", "certificate", "distrusts us"):
                yield question, "does not ask"
            return
        yield from self._with_ca()
        yield from self._with_stranger()

    def _manager(self, *, ca: Path | None = None, shows: bool = False) -> tlsmgm.TLSManager:
        manager = tlsmgm.TLSManager(library=self._library)
        certificate, key = map(str, self._material.client) if shows else (None, None)
        manager.add_domain(
            tlsmgm.Domain(
                "out",
                "client",
                ca_list=str(ca or self._material.root),
                certificate=certificate,
                private_key=key,
            )
        )
        return manager

    def _call(self, manager: tlsmgm.TLSManager, port: int, request: bytes) -> Outcome:
        return call(manager, port, request, self._peer.patience)

    def _told(self, port: int, ca: Path | None) -> dict[str, str | Path | int | None]:
        certificate, key = self._material.server
        return {
            "VERSION": self._version,
            "CERT": certificate,
            "KEY": key,
            "CA": ca,
            "UPSTREAM": self._upstream,
        }

    def _is_whole(self, outcome: Outcome, request: Path) -> bool:
        return outcome.answer.endswith(body_of(request.read_bytes()))

    def _without_ca(self) -> Iterator[tuple[str, str]]:
        assert self._peer.server is not None
        port = free_port()
        manager = self._manager()
        large, small = self._material.large, self._material.small
        with server(self._peer.server, port, self._told(port, None)):
            found = self._call(manager, port, large.read_bytes())
            yield "suite", found.cipher if found.version.endswith(self._version) else found.version
            yield "group", found.group
            is_whole = self._is_whole(found, large)
            yield "1 MB each way", "intact" if is_whole else f"{len(found.answer)} bytes"
            yield "end", found.error or found.end
            again = [self._call(manager, port, small.read_bytes()) for _ in range(2)]
            whole = all(self._is_whole(item, small) for item in again)
            resumed = "yes" if any(item.resumed for item in again) else "no"
            yield "resumed", resumed if whole else again[-1].error or "no answer"
            stranger = self._manager(ca=self._material.stranger)
            yield "we distrust it", _refusal(self._call(stranger, port, small.read_bytes()))

    def _with_ca(self) -> Iterator[tuple[str, str]]:
        assert self._peer.server is not None
        port = free_port()
        small = self._material.small
        with server(self._peer.server, port, self._told(port, self._material.root)):
            yield "no certificate", _refusal(self._call(self._manager(), port, small.read_bytes()))
            found = self._call(self._manager(shows=True), port, small.read_bytes())
            yield "certificate", "works" if self._is_whole(found, small) else _refusal(found)

    def _with_stranger(self) -> Iterator[tuple[str, str]]:
        assert self._peer.server is not None
        port = free_port()
        small = self._material.small
        with server(self._peer.server, port, self._told(port, self._material.stranger)):
            found = self._call(self._manager(shows=True), port, small.read_bytes())
            yield "distrusts us", _refusal(found)


def _refusal(outcome: Outcome) -> str:
    if outcome.answer:
        return "goes on"
    when = "after the handshake, " if outcome.is_established else ""
    return when + (outcome.error or f"end: {outcome.end}")
