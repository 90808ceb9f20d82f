"""What a parameter of a domain may be: one function for each kind of check.

Each takes anything, returns it in the form in which :class:`~tlsmgm.Domain` stores it, and raises
:class:`~tlsmgm.ConfigError` with ``reason`` and ``hint`` where it cannot be used.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable

from tlsmgm._domains.ciphers import cipher_words
from tlsmgm._domains.filters import (
    ascii_name,
    encode_name_filter,
    parse_address,
    plain_ip,
    split_list,
)
from tlsmgm._domains.methods import parse_method
from tlsmgm.errors import ConfigError

__all__ = [
    "PEM_START",
    "AnySource",
    "Source",
    "as_addresses",
    "as_cipher_list",
    "as_client_eku",
    "as_command",
    "as_curve",
    "as_depth",
    "as_der",
    "as_flag",
    "as_identities",
    "as_identity",
    "as_kind",
    "as_method",
    "as_names",
    "as_optional_flag",
    "as_passphrase",
    "as_path",
    "as_protocols",
    "as_rotation",
    "as_rsa_bits",
    "as_source",
    "as_text",
]

#: A file (text: its path) or PEM in memory (bytes).
Source = str | bytes

#: What the constructor takes for a Source; text that begins with ``-----BEGIN`` is PEM too.
AnySource = str | os.PathLike[str] | bytes

#: How PEM begins.
PEM_START = b"-----BEGIN"

#: Seconds between two keys of session tickets, bounds; no ticket lives longer than a week (RFC 8446
#: section 4.6.1).
_ROTATION_MIN, _ROTATION_MAX = 60, 7 * 24 * 3600

#: Bits of an RSA key, bounds: less is refused anyway, and no library reads more.
_RSA_MIN, _RSA_MAX = 2048, 16384  # as in tlsmgm.h

#: Intermediates, a bound.
_DEPTH_MAX = 100  # as in tlsmgm.h


def as_text(value: object) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"must be text, not {type(value).__name__}")
    stripped = value.strip()
    if not stripped:
        raise ConfigError("is empty")
    if PEM_START.decode() in stripped:
        raise ConfigError("holds PEM", hint="certificates and keys have parameters of their own")
    if not stripped.isprintable():
        raise ConfigError("holds characters that cannot be printed")
    return stripped


def _one_of(choices: tuple[str, ...], value: object) -> str:
    if value not in choices:
        raise ConfigError(f"must be {' or '.join(map(repr, choices))}, not {value!r}")
    return str(value)


def as_kind(value: object) -> str:
    return _one_of(("server", "client"), value)


def _entries(value: object) -> tuple[object, ...]:
    if isinstance(value, str):
        return split_list(value)
    if isinstance(value, bytes) or not isinstance(value, Iterable):
        raise ConfigError(f"must be text or a list of texts, not {type(value).__name__}")
    return tuple(value)


def _filters(value: object) -> tuple[str, ...]:
    entries = tuple(as_text(entry) for entry in _entries(value))
    if not entries:
        raise ConfigError("is empty", hint="'*' matches all")
    return entries


def as_addresses(value: object) -> tuple[str, ...]:
    return tuple(str(parse_address(entry) or "*") for entry in _filters(value))


def as_names(value: object) -> tuple[str, ...]:
    entries = _filters(value)
    for entry in entries:
        encode_name_filter(entry)
    return entries


def as_method(value: object) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"must be text, not {type(value).__name__}")
    return parse_method(as_text(value)).text


def as_flag(value: object) -> bool:
    if not isinstance(value, int) or value < 0:
        raise ConfigError(f"must be true or false, not {value!r}")
    return bool(value)


def as_optional_flag(value: object) -> bool | None:
    return None if value is None else as_flag(value)


def as_path(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, (str, os.PathLike)):
        raise ConfigError(f"must be a path, not {type(value).__name__}")
    path = os.fsdecode(value)
    if not path.strip():
        raise ConfigError("is empty")
    if "\0" in path or PEM_START.decode() in path:
        raise ConfigError("is no path: it holds a zero byte or PEM")
    return path


def as_source(value: object) -> Source | None:
    if isinstance(value, str) and value.lstrip().startswith(PEM_START.decode()):
        value = value.encode("utf-8", "surrogateescape")
    if isinstance(value, (bytes, bytearray, memoryview)):
        pem = bytes(value)
        if PEM_START not in pem:
            raise ConfigError(
                "is not PEM: it has no BEGIN line", hint="give the path of a file as text"
            )
        return pem
    if value is not None and not isinstance(value, (str, os.PathLike)):
        raise ConfigError(f"must be a path or PEM, not {type(value).__name__}")
    return as_path(value)


def as_passphrase(value: object) -> bytes | Callable[[], str | bytes] | None:
    if value is None or isinstance(value, bytes) or callable(value):
        return value
    if not isinstance(value, str):
        raise ConfigError(f"must be text or bytes, not {type(value).__name__}")
    return value.encode("utf-8", "surrogateescape")


def as_command(value: object) -> str | None:
    if value is None:
        return None
    text = as_text(value)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"cannot be divided into words: {error}") from None
    if not words:
        raise ConfigError("names no command")
    return text


def as_cipher_list(value: object) -> str | None:
    if value is None:
        return None
    text = as_text(value)
    cipher_words(text)
    return text


def as_curve(value: object) -> str | None:
    if value is None:
        return None
    text = as_text(value)
    if not text.isascii() or any(char.isspace() for char in text):
        raise ConfigError(f"bad curve {text!r}", hint="separate curves by colons")
    return text


def as_depth(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _DEPTH_MAX:
        raise ConfigError(f"must be a number from 0 to {_DEPTH_MAX}")
    return value


def as_rsa_bits(value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or not _RSA_MIN <= value <= _RSA_MAX:
        raise ConfigError(f"must be a number of bits from {_RSA_MIN} to {_RSA_MAX}")
    return value


def as_identity(value: object) -> str:
    return _one_of(("host", "sip"), value)


def as_client_eku(value: object) -> str:
    return _one_of(("client", "client_or_server"), value)


def as_identities(value: object) -> tuple[str, ...]:
    entries = tuple(as_text(entry) for entry in _entries(value))
    return tuple(plain_ip(entry) or _peer_name(entry) for entry in entries)


def _peer_name(entry: str) -> str:
    if any(char in "*?[], " for char in entry):
        raise ConfigError(
            f"{entry!r} is no name of a peer", hint="write whole names, without wildcards"
        )
    return ascii_name(entry).removesuffix(b".").lower().decode("ascii")


def as_der(value: object) -> Source | None:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        return as_path(value)
    der = bytes(value)
    if not der.startswith(b"\x30"):
        raise ConfigError("is not DER: it does not begin with a SEQUENCE")
    return der


def as_rotation(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ConfigError(f"must be a number of seconds, not {type(value).__name__}")
    if value and not _ROTATION_MIN <= value <= _ROTATION_MAX:
        raise ConfigError(f"must be {_ROTATION_MIN} to {_ROTATION_MAX} seconds", hint="0 is never")
    return value


def as_protocols(value: object) -> tuple[str, ...]:
    protocols: list[str] = []
    for entry in _entries(value):
        if not isinstance(entry, (str, bytes)):
            raise ConfigError(f"must hold texts, not {type(entry).__name__}")
        try:
            text = entry.decode("utf-8") if isinstance(entry, bytes) else entry
            size = len(text.encode("utf-8"))
        except UnicodeError:
            raise ConfigError(f"protocol {entry!r} is not UTF-8") from None
        if not 0 < size < 256:
            raise ConfigError(f"protocol {entry!r} has {size} bytes, not 1 to 255 (RFC 7301)")
        if "," in text or "\0" in text:
            raise ConfigError(
                f"protocol {entry!r} has a comma or NUL",
                hint="wolfSSL takes such a name apart; none that is registered has one",
            )
        protocols.append(text)
    if sum(len(text.encode("utf-8")) + 1 for text in protocols) > 0xFFFF - 2:
        raise ConfigError("list of protocols is longer than 65533 bytes (RFC 7301)")
    return tuple(protocols)
