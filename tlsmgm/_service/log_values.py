"""The values of the access log's names, of a connection that is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from tlsmgm._domains.addresses import join_host_port
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.variables import INTEGER_NAMES, VARIABLE_NAMES, reader_of
from tlsmgm._engine.ended import Ended
from tlsmgm._native.connection import Connection
from tlsmgm.errors import TLSError

__all__ = ["HARMLESS_NAMES", "OWN_NAMES", "VALUES", "Reader"]

#: Reads a value; None: there is none.
Reader = Callable[[Ended], "str | None"]


def _of_connection(read: Callable[[Connection], str | None]) -> Reader:
    """Ask the client's TLS connection; the upstream's where the client speaks plain TCP."""

    def value(ended: Ended) -> str | None:
        connection = ended.connection or ended.upstream_connection
        try:
            return None if connection is None else read(connection)
        except TLSError:
            # A certificate that nobody can read must not keep its owner out of the log.
            return None

    return value


def _time(ended: Ended) -> str:
    milliseconds = int(ended.timestamp * 1000)
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03}Z"


@lru_cache(maxsize=4)
def _second(stamp: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stamp))


def _address(address: tuple[str, int] | None) -> str | None:
    return None if address is None else join_host_port(*address)


def _name(domain: Domain | None) -> str | None:
    return None if domain is None else domain.name


def _upstream_domain(ended: Ended) -> str | None:
    connection = ended.upstream_connection
    return None if connection is None else _name(connection.domain)


_OWN: Final[Mapping[str, Reader]] = {
    "time": _time,
    "client": lambda ended: _address(ended.client),
    "listen": lambda ended: _address(ended.local),
    "domain": lambda ended: _name(ended.domain),
    "server_name": lambda ended: ended.server_name,
    "alpn": _of_connection(lambda tls: tls.alpn),
    "group": _of_connection(lambda tls: tls.group),
    "reused": _of_connection(lambda tls: str(int(tls.session_reused))),
    "upstream": lambda ended: ended.upstream,
    "upstream_domain": _upstream_domain,
    "bytes_in": lambda ended: str(ended.bytes_in),
    "bytes_out": lambda ended: str(ended.bytes_out),
    "duration": lambda ended: f"{ended.duration:.3f}",
    "status": lambda ended: ended.status,
    "reason": lambda ended: ended.reason,
}

#: Names that are not variables of OpenSIPS, in the order of the JSON format.
OWN_NAMES: Final = tuple(_OWN)

#: What reads a value, by name; see :mod:`tlsmgm._service.access_log`.
VALUES: Final[Mapping[str, Reader]] = {
    **_OWN,
    **{name: _of_connection(reader_of(name)) for name in VARIABLE_NAMES},
}

#: Those whose values are numbers, addresses and words of ours: nothing in them is a stranger's.
HARMLESS_NAMES: Final = INTEGER_NAMES | {
    "time",
    "client",
    "listen",
    "reused",
    "bytes_in",
    "bytes_out",
    "duration",
    "status",
    "tls_version",
}
