"""The access log: one line for each connection, written when it has ended.

A format is text with ``$name`` or ``${name}`` in it; ``$$`` is a dollar sign.  Names are the
``$tls_*`` variables of OpenSIPS (of the client's connection; of the upstream's where clients speak
plain TCP) and these:

================== ==========================================================================
``client``         the client's address
``listen``         the address it connected to
``domain``         name of the server domain that was matched
``server_name``    server name (SNI) that the client sent
``alpn``           protocol agreed on
``group``          key exchange group
``reused``         1 if a session was resumed, else 0
``upstream``       address of the upstream
``upstream_domain`` name of the client domain used for a TLS upstream
``bytes_in``       application bytes from the client
``bytes_out``      application bytes to the client
``duration``       seconds from accept to the end
``status``         one word, see :class:`~tlsmgm._service.status.Status`
``reason``         what went wrong, in words
``time``           when the connection was accepted (UTC)
================== ==========================================================================

A value that is not there is ``-``.  Values come from strangers: characters that cannot be printed,
quotes and backslashes are written as escapes, and a value with blanks or ``=`` stands in double
quotes.  So a line is always one line, and no value can pass for another field.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TextIO

from tlsmgm._domains.variables import VARIABLE_NAMES
from tlsmgm.errors import ConfigError

__all__ = ["DEFAULT_FORMAT", "JSON_FORMAT", "OWN_NAMES", "AccessLog", "escape", "quote"]

DEFAULT_FORMAT: Final = (
    "$time $client $listen $tls_version $tls_cipher_info sni=$server_name domain=$domain"
    " peer=$tls_peer_subject_cn verified=$tls_peer_verified upstream=$upstream"
    " in=$bytes_in out=$bytes_out time=$duration status=$status reason=$reason"
)

#: Format that writes an object with all own names per line.
JSON_FORMAT: Final = "json"

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

_JSON_NAMES = (*OWN_NAMES, "tls_version", "tls_cipher_info", "tls_peer_subject", "tls_peer_serial")
_TOKEN = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})|\$")
_PLAIN = re.compile(r"[^\s\"\\=]+")

#: Gives the value of a name, None if there is none.
Lookup = Callable[[str], str | None]


def escape(text: str) -> str:
    """Make text from strangers safe for a line of a log.

    Args:
        text: anything, lone surrogates too.

    Returns:
        Printable text without quotes: everything else is an escape as in Python or JSON.
    """
    if text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return "".join(_escaped(char) for char in text)


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quote(value: str | None) -> str:
    """Write a value so that it is one field of a line.

    Args:
        value: anything; None is not there.

    Returns:
        ``-`` for None; the value as it is, or escaped and in double quotes.
    """
    if value is None:
        return "-"
    if _PLAIN.fullmatch(value) and value.isprintable() and value != "-":
        return value
    return f'"{escape(value)}"'


class AccessLog:
    """Writes the lines.

    Args:
        template: the format, or ``"json"``.
        path: file to append to; None is standard error.

    Raises:
        ConfigError: the format has an unknown name, or the file cannot be opened.
    """

    def __init__(self, template: str = DEFAULT_FORMAT, path: str | None = None) -> None:
        self._is_json = template == JSON_FORMAT
        self._pieces = [] if self._is_json else self._parse(template)
        self._path = path
        self._stream = self._open()

    def write(self, lookup: Lookup) -> None:
        """Write one line.

        Args:
            lookup: gives the value of each name of the format.
        """
        if self._stream.closed:
            return
        try:
            self._stream.write(self.line(lookup) + "\n")
            self._stream.flush()
        except OSError:
            # A full disk must not stop the traffic.
            return

    def line(self, lookup: Lookup) -> str:
        """Return the line without its end.

        Args:
            lookup: gives the value of each name of the format.
        """
        if self._is_json:
            return json.dumps({name: lookup(name) for name in _JSON_NAMES})
        return "".join(quote(lookup(text)) if is_name else text for is_name, text in self._pieces)

    def reopen(self) -> None:
        """Open the file anew, after somebody has moved it away.

        Raises:
            ConfigError: it cannot be opened; then the old one stays in use.
        """
        if self._path is not None:
            stream = self._open()
            self.close()
            self._stream = stream

    def close(self) -> None:
        """Close the file."""
        if self._path is not None:
            # Lines that a full disk has not taken are lost, as they are when they are written.
            with contextlib.suppress(OSError):
                self._stream.close()

    def _open(self) -> TextIO:
        if self._path is None:
            return sys.stderr
        try:
            return Path(self._path).open("a", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise ConfigError(
                f"cannot write {self._path!r}: {error.strerror}", parameter="--access-log"
            ) from None

    def _parse(self, template: str) -> list[tuple[bool, str]]:
        pieces: list[tuple[bool, str]] = []
        end = 0
        for match in _TOKEN.finditer(template):
            pieces.append((False, template[end : match.start()]))
            name = match[2] or match[3]
            if match[1]:
                pieces.append((False, "$"))
            elif name not in OWN_NAMES and name not in VARIABLE_NAMES:
                raise ConfigError(
                    f"unknown name {match[0]!r}",
                    parameter="--access-log-format",
                    hint=f"besides $tls_*: {', '.join(OWN_NAMES)}",
                )
            else:
                pieces.append((True, name))
            end = match.end()
        pieces.append((False, template[end:]))
        return [piece for piece in pieces if piece[1]]
