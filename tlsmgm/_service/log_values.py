"""The values of the access log's names, of a connection that is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tlsmgm._core.connection import Connection
from tlsmgm._core.record import Record
from tlsmgm._core.record_texts import KNOWN_NAMES, Texts
from tlsmgm._domains.variables import VARIABLE_NAMES, reader_of
from tlsmgm.errors import TLSError

__all__ = ["HARMLESS_NAMES", "NAMES", "OWN_NAMES", "values_of"]

#: Names that are not variables of OpenSIPS, in the order of the JSON format.
OWN_NAMES: Final = (
    "time",
    "client",
    "listen",
    "domain",
    "server_name",
    "alpn",
    "group",
    "reused",
    "upstream",
    "upstream_domain",
    "bytes_in",
    "bytes_out",
    "duration",
    "status",
    "reason",
)

#: All names.
NAMES: Final = frozenset({*OWN_NAMES, *VARIABLE_NAMES})

#: Those whose values are always there, and numbers, addresses or words of ours.
HARMLESS_NAMES: Final = frozenset({"time", "listen", "bytes_in", "bytes_out", "duration", "status"})


def _of_connection(read: Callable[[Connection], str | None]) -> Callable[[Record], str | None]:
    """Ask the client's TLS connection; the upstream's where the client speaks plain TCP."""

    def value(record: Record) -> str | None:
        connection = record.connection or record.upstream_connection
        try:
            return None if connection is None else read(connection)
        except TLSError:
            # A certificate that nobody can read must not keep its owner out of the log.
            return None

    return value


_READERS: Final[Mapping[str, Callable[[Record], str | None]]] = {
    name: _of_connection(reader_of(name)) for name in VARIABLE_NAMES if name not in KNOWN_NAMES
}


def values_of(names: tuple[str, ...]) -> Callable[[Record], list[str | None]]:
    """Return what reads the values of many connections, one after the other.

    Args:
        names: see :mod:`tlsmgm._service.access_log`.
    """
    return Texts(names, dict(_READERS)).of
