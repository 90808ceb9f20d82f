"""Servers in C of our own, for each library: the engine, and a relay that does nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from benchmarks.cohort.loopback import LoopbackServer, Place
from benchmarks.cohort.setting import Absent
from benchmarks.identity import SERVER_NAME
from benchmarks.native.build import BuildError, LibraryMissingError, build, facts
from benchmarks.native.worker import words_of
from tlsmgm import __version__

__all__ = ["NativeServer"]

_TITLES: Final = {"engine": "engine", "plain-relay": "plain C relay"}


class NativeServer(LoopbackServer):
    """One thread and one domain; see ``native/engine`` and ``native/plain_relay``.

    Args:
        native: the program, ``engine`` or ``plain-relay``.
        library: ``openssl`` or ``wolfssl``.
        upstream: port of the plain server.
        cpus: processors that it may run on.
    """

    name = "native server"

    def __init__(
        self, native: str, library: str, upstream: int, *, cpus: Iterable[int] | None = None
    ) -> None:
        self._native = native
        self._library = library
        self.name = f"{_TITLES[native]}, {library}"  # type: ignore[misc]  # one class for all
        super().__init__(upstream, cpus=cpus)

    def find(self) -> tuple[str, str]:
        """It is built here; its library or the compiler may be missing."""
        try:
            self._program = str(build(self._library, self._native))
            version = facts(self._library)["library_version"]
        except (BuildError, LibraryMissingError) as reason:
            raise Absent(f"{self.name}: {reason}") from reason
        return f"{_TITLES[self._native]} of tlsmgm {__version__}", f"{self._library} {version}"

    def command(self, place: Place) -> Sequence[str]:
        """The words of ``native/common/server.h``."""
        setting, identity = place.setting, place.identity
        words: dict[str, str | int | bool] = {
            "port": place.port,
            "upstream": place.upstream,
            "backlog": setting.backlog,
            "version": setting.version.removeprefix("TLSv"),
            "cipher": setting.cipher,
            "group": setting.group,
            "tickets": setting.tickets,
            "server_name": SERVER_NAME,
            "certificate": identity.certificate,
            "key": identity.key,
        }
        if setting.mutual:
            words |= {
                "mutual": True,
                "ca": identity.ca,
                "client_certificate": identity.client_certificate,
                "client_key": identity.client_key,
            }
        return [self._program, *words_of(words)]
