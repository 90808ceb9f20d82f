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
``status``         one word, see docs/python.md
``reason``         what went wrong, in words
``time``           when the connection was accepted (UTC)
================== ==========================================================================

A value that is not there is ``-``.  Values come from strangers: characters that cannot be printed,
quotes and backslashes are written as escapes, and a value with blanks or ``=`` stands in double
quotes.  So a line is always one line, and no value can pass for another field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final

from tlsmgm._domains.variables import VARIABLE_NAMES
from tlsmgm._service.log_writer import LogWriter
from tlsmgm.errors import ConfigError

__all__ = ["DEFAULT_FORMAT", "JSON_FORMAT", "OWN_NAMES", "AccessLog", "escape", "quote"]

DEFAULT_FORMAT: Final = (
    "$time $client $listen $tls_version $tls_cipher_info sni=$server_name domain=$domain"
    " peer=$tls_peer_subject_cn verified=$tls_peer_verified upstream=$upstream"
    " in=$bytes_in out=$bytes_out time=$duration status=$status reason=$reason"
)

#: Seconds in which the last lines must be written.
CLOSE_TIME: Final = 2.0

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
    """Has the lines written, beside the event loop; nobody waits for a disk that is full or stalls.

    A file that was moved away is opened anew by itself, before the next line.

    Args:
        template: the format, or ``"json"``.
        path: file to append to; None is standard error.

    Raises:
        ConfigError: the format has an unknown name, or the file cannot be opened.
    """

    def __init__(self, template: str = DEFAULT_FORMAT, path: str | None = None) -> None:
        self._is_json = template == JSON_FORMAT
        self._pieces = [] if self._is_json else self._parse(template)
        self._writer = LogWriter(path)

    @property
    def lost(self) -> int:
        """Lines that were not written, since the file did not take them in time."""
        return self._writer.lost

    def write(self, lookup: Lookup) -> None:
        """Have one line written; it is counted as lost where too many wait already.

        Args:
            lookup: gives the value of each name of the format.
        """
        self._writer.write(self.line(lookup))

    def line(self, lookup: Lookup) -> str:
        """Return the line without its end.

        Args:
            lookup: gives the value of each name of the format.
        """
        if self._is_json:
            return json.dumps({name: lookup(name) for name in _JSON_NAMES})
        return "".join(quote(lookup(text)) if is_name else text for is_name, text in self._pieces)

    def reopen(self) -> None:
        """Have the file opened anew, after somebody has moved it away.

        If that fails, the old one stays in use, and the log says so.
        """
        self._writer.reopen()

    def close(self, seconds: float = CLOSE_TIME) -> None:
        """Write what waits and close the file; what was not written is told in the log.

        Args:
            seconds: how long that may take.
        """
        self._writer.close(seconds)

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
