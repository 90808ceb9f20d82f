"""The ``$tls_*`` variables of a connection (tls_mgm manual 1.10), and texts made of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from tlsmgm.errors import ConfigError

if TYPE_CHECKING:
    from tlsmgm._core.certificate import Certificate
    from tlsmgm._core.connection import Connection

__all__ = ["INTEGER_NAMES", "VARIABLE_NAMES", "Reader", "Variables", "expand", "reader_of"]

#: What stands for an absent value in a text, as OpenSIPS writes it.
NULL_TEXT = "<null>"

#: Reads a variable of a connection.
Reader = Callable[["Connection"], "str | None"]

_ATTRIBUTES = ("cn", "locality", "country", "state", "organization", "unit")
_ALT_NAMES = ("email", "hostname", "uri", "ip")


def _flag(value: bool) -> str:
    return "1" if value else "0"


def _peer_failed(reason: str) -> Reader:
    return lambda conn: _flag(conn.verify_reason == reason)


def _connection_readers() -> dict[str, Reader]:
    return {
        "tls_version": lambda conn: conn.version,
        "tls_description": lambda conn: conn.cipher_description,
        "tls_cipher_info": lambda conn: conn.cipher,
        "tls_cipher_bits": lambda conn: None if conn.cipher is None else str(conn.cipher_bits),
        "tls_peer_verified": lambda conn: _flag(conn.peer_verified),
        "tls_peer_revoked": _peer_failed("revoked"),
        "tls_peer_expired": _peer_failed("expired"),
        "tls_peer_selfsigned": _peer_failed("self_signed"),
    }


def _certificate_readers() -> dict[str, Callable[[Certificate], str | None]]:
    """Readers of one certificate, by what follows ``tls_peer_`` or ``tls_my_``."""
    readers: dict[str, Callable[[Certificate], str | None]] = {
        "version": lambda certificate: str(certificate.version),
        "serial": lambda certificate: certificate.serial_text,
        "subject": lambda certificate: certificate.subject,
        "issuer": lambda certificate: certificate.issuer,
        # In the program, though not in the manual.
        "subject_serial": lambda certificate: certificate.subject_attribute("serial"),
    }
    for name in _ATTRIBUTES:
        readers[f"subject_{name}"] = lambda certificate, name=name: (  # type: ignore[misc]
            certificate.subject_attribute(name)
        )
        readers[f"issuer_{name}"] = lambda certificate, name=name: (  # type: ignore[misc]
            certificate.issuer_attribute(name)
        )
    for kind in _ALT_NAMES:
        readers[f"san_{kind}"] = lambda certificate, kind=kind: (  # type: ignore[misc]
            certificate.alt_name(kind)
        )
    return readers


def _of_peer(read: Callable[[Certificate], str | None]) -> Reader:
    def reader(conn: Connection) -> str | None:
        certificate = conn.peer_certificate
        return None if certificate is None else read(certificate)

    return reader


def _of_ours(read: Callable[[Certificate], str | None]) -> Reader:
    def reader(conn: Connection) -> str | None:
        certificate = conn.certificate
        return None if certificate is None else read(certificate)

    return reader


def _all_readers() -> dict[str, Reader]:
    readers = _connection_readers()
    for name, read in _certificate_readers().items():
        readers[f"tls_peer_{name}"] = _of_peer(read)
        readers[f"tls_my_{name}"] = _of_ours(read)
    readers["tls_peer_notBefore"] = _of_peer(lambda certificate: certificate.not_before_text)
    readers["tls_peer_notAfter"] = _of_peer(lambda certificate: certificate.not_after_text)
    return readers


_READERS = _all_readers()

#: Every variable's name, without the dollar sign.
VARIABLE_NAMES = tuple(_READERS)

#: Variables that are numbers, too ("String and Integer type" in the manual).
INTEGER_NAMES = frozenset(
    {
        "tls_cipher_bits",
        "tls_peer_serial",
        "tls_my_serial",
        "tls_peer_verified",
        "tls_peer_revoked",
        "tls_peer_expired",
        "tls_peer_selfsigned",
    }
)


def reader_of(name: str) -> Reader:
    """Return what reads one variable, for those who read it of many connections.

    Args:
        name: without the dollar sign.

    Raises:
        KeyError: there is no such variable.
    """
    return _READERS[name]


class Variables(Mapping[str, "str | None"]):
    """The variables of a connection, read when asked for; an absent value is None.

    Args:
        conn: the connection.

    Source: tls_mgm manual 1.10.
    """

    __slots__ = ("_conn",)

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def __getitem__(self, name: str) -> str | None:
        return _READERS[name](self._conn)

    def integer(self, name: str) -> int | None:
        """The value of a variable that is a number.

        Args:
            name: one of :data:`INTEGER_NAMES`.

        Returns:
            The number, exact whatever its size; None for an absent value.

        Raises:
            KeyError: there is no such variable.
            ConfigError: it is text only.
        """
        value = self[name]
        if name not in INTEGER_NAMES:
            numbers = ", ".join(sorted(INTEGER_NAMES))
            raise ConfigError(f"${name} is text only", hint=f"numbers are {numbers}")
        return None if value is None else int(value)

    def __iter__(self) -> Iterator[str]:
        return iter(_READERS)

    def __len__(self) -> int:
        return len(_READERS)


_VARIABLE = re.compile(r"\$(?:(\$)|\((\w+)\)|(\w+))")


def expand(text: str, values: Mapping[str, str | None]) -> str:
    """Put values into a text: ``$name``, ``$(name)``, and ``$$`` for a dollar sign.

    Args:
        text: such as ``"cn=$tls_peer_subject_cn"``.
        values: by name; None becomes ``<null>``.

    Returns:
        The text with all variables replaced.

    Raises:
        ConfigError: a name is not among the values.
    """

    def value(match: re.Match[str]) -> str:
        if match[1]:
            return "$"
        name = match[2] or match[3]
        try:
            found = values[name]
        except KeyError:
            raise ConfigError(f"there is no variable ${name}") from None
        return NULL_TEXT if found is None else found

    return _VARIABLE.sub(value, text)
