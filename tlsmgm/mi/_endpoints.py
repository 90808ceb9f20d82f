"""Where a management interface is found, as the command line writes it.

========================================= =====================================================
``fifo:PATH[,reply_dir=DIRECTORY]``        a FIFO, and where its clients make theirs (``/tmp``)
``http:HOST:PORT[/PATH]``                  HTTP POST to the path (``/mi``)
``udp:HOST:PORT``                          a datagram for each request and reply
``unix:PATH``                              a datagram socket in the file system
========================================= =====================================================

IPv6 addresses stand in brackets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tlsmgm._domains.addresses import host_and_port, join_host_port, read_ip
from tlsmgm.errors import ConfigError

__all__ = [
    "Endpoint",
    "FIFOEndpoint",
    "HTTPEndpoint",
    "UDPEndpoint",
    "UnixEndpoint",
    "is_loopback",
    "parse_endpoint",
]

DEFAULT_REPLY_DIR: Final = "/tmp"
DEFAULT_HTTP_PATH: Final = "/mi"

_FORMS: Final = (
    "write fifo:PATH, fifo:PATH,reply_dir=DIRECTORY, http:HOST:PORT, udp:HOST:PORT or unix:PATH"
)
_HTTP_PATH = re.compile(r"/[\w.~/-]*", re.ASCII)
_REPLY_DIR = ",reply_dir="


@dataclass(frozen=True, slots=True)
class FIFOEndpoint:
    """A FIFO.

    Args:
        path: of the FIFO that requests are written to.
        reply_dir: directory of the FIFOs that replies are written to.
    """

    path: str
    reply_dir: str = DEFAULT_REPLY_DIR

    def __str__(self) -> str:
        """The form that the command line takes."""
        tail = "" if self.reply_dir == DEFAULT_REPLY_DIR else _REPLY_DIR + self.reply_dir
        return f"fifo:{self.path}{tail}"


@dataclass(frozen=True, slots=True)
class HTTPEndpoint:
    """An HTTP server.

    Args:
        host: name or address, without brackets.
        port: TCP port; 0 lets the system choose.
        path: of the URL.
    """

    host: str
    port: int
    path: str = DEFAULT_HTTP_PATH

    def __str__(self) -> str:
        """The form that the command line takes."""
        tail = "" if self.path == DEFAULT_HTTP_PATH else self.path
        return f"http:{join_host_port(self.host, self.port)}{tail}"


@dataclass(frozen=True, slots=True)
class UDPEndpoint:
    """A UDP socket.

    Args:
        host: name or address, without brackets.
        port: UDP port; 0 lets the system choose.
    """

    host: str
    port: int

    def __str__(self) -> str:
        """The form that the command line takes."""
        return f"udp:{join_host_port(self.host, self.port)}"


@dataclass(frozen=True, slots=True)
class UnixEndpoint:
    """A unix datagram socket.

    Args:
        path: in the file system.
    """

    path: str

    def __str__(self) -> str:
        """The form that the command line takes."""
        return f"unix:{self.path}"


Endpoint = FIFOEndpoint | HTTPEndpoint | UDPEndpoint | UnixEndpoint


def parse_endpoint(text: str) -> Endpoint:
    """Read an endpoint.

    Args:
        text: one of the forms above.

    Returns:
        The endpoint.

    Raises:
        ConfigError: it is nothing of the kind; the message says what is expected.
    """
    kind, _, rest = text.strip().partition(":")
    match kind.lower():
        case "fifo":
            path, comma, reply_dir = rest.partition(_REPLY_DIR)
            return FIFOEndpoint(
                _path(path, text), _path(reply_dir, text) if comma else DEFAULT_REPLY_DIR
            )
        case "unix":
            return UnixEndpoint(_path(rest, text))
        case "udp":
            return UDPEndpoint(*_host_and_port(rest, text))
        case "http":
            address, slash, path = rest.partition("/")
            if not _HTTP_PATH.fullmatch("/" + path):
                raise _bad(text)
            return HTTPEndpoint(
                *_host_and_port(address, text), slash + path if path else DEFAULT_HTTP_PATH
            )
    raise _bad(text)


def is_loopback(host: str) -> bool:
    """Say whether an address is reached from this machine only.

    Args:
        host: an IP address without brackets; of a name, only ``localhost`` is known to be.

    Returns:
        False if others may reach it.
    """
    if host.lower().removesuffix(".") == "localhost":
        return True
    try:
        return read_ip(host).is_loopback
    except ValueError:
        return False


def _path(path: str, text: str) -> str:
    if not path or "\0" in path:
        raise _bad(text)
    return path


def _host_and_port(address: str, text: str) -> tuple[str, int]:
    try:
        return host_and_port(address)
    except ConfigError:
        raise _bad(text) from None


def _bad(text: str) -> ConfigError:
    return ConfigError(f"bad management endpoint {text!r}", hint=_FORMS)
