"""What can be chosen about how connections are forwarded."""

from __future__ import annotations

import enum
from typing import TypeVar

from tlsmgm.errors import ConfigError

__all__ = ["Balance", "ProxyProtocol", "ProxyTLVs", "UncleanEnd", "chosen"]

_Choice = TypeVar("_Choice", bound=enum.StrEnum)


class Balance(enum.StrEnum):
    """Which upstream of several is next; each counts by its weight.

    Attributes:
        ROUND_ROBIN: one after the other.
        LEAST_CONNECTIONS: the one with the fewest connections of those that were accepted since
            domains or routes last changed.
    """

    ROUND_ROBIN = "round_robin"
    LEAST_CONNECTIONS = "least_connections"


class UncleanEnd(enum.StrEnum):
    """How a plain neighbour sees an end that nobody has announced.

    A TLS neighbour always sees that it is none: there is no close_notify.

    Attributes:
        RESET: by a reset, so that it cannot take what it has for everything.
        FIN: as a clean end: for servers that a reset harms, such as those of SIP.
    """

    RESET = "reset"
    FIN = "fin"


class ProxyProtocol(enum.StrEnum):
    """Version of the PROXY protocol header that tells the upstream about the client.

    Attributes:
        V1: a line of text with the addresses.
        V2: binary: addresses, and what :class:`ProxyTLVs` says.
    """

    V1 = "v1"
    V2 = "v2"


class ProxyTLVs(enum.StrEnum):
    """What a PROXY protocol version 2 header says beside the addresses.

    Receivers have room for different sizes; nginx 1.22 reads 107 bytes before a TCP stream.

    Attributes:
        NONE: nothing.
        TLS: version, cipher suite, and the certificate's common name.
        ALL: and the server's name, which clients choose, ALPN, group, our own certificate.
    """

    NONE = "none"
    TLS = "tls"
    ALL = "all"


def chosen(choices: type[_Choice], word: str, parameter: str) -> _Choice:
    """Return the member of an enumeration that a program has chosen by its word.

    Raises:
        ConfigError: there is none; the message says which there are.
    """
    try:
        return choices(word)
    except ValueError:
        words = ", ".join(choices)
        raise ConfigError(
            f"cannot be {word!r}", parameter=parameter, hint=f"one of {words}"
        ) from None
