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

from tlsmgm._engine.ended import Ended
from tlsmgm._service.log_quoting import quote
from tlsmgm._service.log_values import HARMLESS_NAMES, NAMES, OWN_NAMES, values_of
from tlsmgm._service.log_writer import LogWriter
from tlsmgm.errors import ConfigError

__all__ = ["DEFAULT_FORMAT", "JSON_FORMAT", "AccessLog"]

DEFAULT_FORMAT: Final = (
    "$time $client $listen $tls_version $tls_cipher_info sni=$server_name domain=$domain"
    " peer=$tls_peer_subject_cn verified=$tls_peer_verified upstream=$upstream"
    " in=$bytes_in out=$bytes_out time=$duration status=$status reason=$reason"
)

#: Seconds in which the last lines must be written.
CLOSE_TIME: Final = 2.0

#: Format that writes an object with all own names per line.
JSON_FORMAT: Final = "json"

_JSON_NAMES = (*OWN_NAMES, "tls_version", "tls_cipher_info", "tls_peer_subject", "tls_peer_serial")
_TOKEN = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})|\$")

#: Makes a line, without its end.
_Line = Callable[[Ended], str]


class AccessLog:
    """Has the lines written in a thread; nobody waits for a disk that is full or stalls.

    A file that was moved away is opened anew by itself, before the next line.  ``write`` is a
    function for ``on_end`` of :meth:`~tlsmgm.TLSManager.listen`.

    Args:
        template: the format, or ``"json"``.
        path: file to append to; None is standard error.

    Raises:
        ConfigError: the format has an unknown name, or the file cannot be opened.
    """

    def __init__(self, template: str = DEFAULT_FORMAT, path: str | None = None) -> None:
        self._line = _json_maker() if template == JSON_FORMAT else _maker(template)
        self._writer = LogWriter(path)

    @property
    def lost(self) -> int:
        """Lines that were not written, since the file did not take them in time."""
        return self._writer.lost

    def write(self, ended: Ended) -> None:
        """Have one line written; it is counted as lost where too many wait already.

        Args:
            ended: the connection that is over.
        """
        self._writer.write(self._line(ended))

    def line(self, ended: Ended) -> str:
        """Return the line without its end.

        Args:
            ended: the connection that is over.
        """
        return self._line(ended)

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


def _json_maker() -> _Line:
    values = values_of(_JSON_NAMES)
    return lambda ended: json.dumps(dict(zip(_JSON_NAMES, values(ended), strict=True)))


def _maker(template: str) -> _Line:
    """Read the format once, so that a line costs no more than its values."""
    names: list[str] = []
    text = ""  # with %s in place of each value
    end = 0
    for match in _TOKEN.finditer(template):
        text += template[end : match.start()].replace("%", "%%")
        end = match.end()
        if match[1]:
            text += "$"
        else:
            text += "%s"
            names.append(_checked(match[2] or match[3], match[0]))
    text += template[end:].replace("%", "%%")
    values = values_of(tuple(names))
    strange = [number for number, name in enumerate(names) if name not in HARMLESS_NAMES]

    def line(ended: Ended) -> str:
        found = values(ended)
        for number in strange:
            found[number] = quote(found[number])
        return text % tuple(found)

    return line


def _checked(name: str, written: str) -> str:
    if name not in NAMES:
        raise ConfigError(
            f"unknown name {written!r}",
            parameter="--access-log-format",
            hint=f"besides $tls_*: {', '.join(OWN_NAMES)}",
        )
    return name
