"""The two kinds of filter that a TLS domain has: addresses and names.

Address filters are ``ip:port`` or ``*``; name filters are host names, shell patterns, ``*`` or, on
server domains, ``none``.  This module reads and checks single filters; how they are looked up is
told in :mod:`tlsmgm._domains.matching`.
"""

from __future__ import annotations

import functools
import ipaddress
from dataclasses import dataclass

from tlsmgm._domains import globs
from tlsmgm.errors import ConfigError

__all__ = [
    "ANY",
    "MAPPED_PREFIX",
    "MAX_NAME_FILTER",
    "NO_SERVER_NAME",
    "Address",
    "ascii_name",
    "encode_name_filter",
    "is_ip",
    "lenient_list",
    "pack_ip",
    "parse_address",
    "plain_ip",
    "split_list",
]

#: Matches every address, or every name (also the name that is not there).
ANY = "*"

#: Name filter of server domains: the client sent no server name (manual 1.9.35).
NO_SERVER_NAME = "none"

#: Bytes that a name filter may have, as in ``csrc/match``; a DNS name has at most 253.
MAX_NAME_FILTER = 255

#: What else divides labels (RFC 3490 section 3.1, UTS 46 section 2.3).
_DOTS = dict.fromkeys((0x3002, 0xFF0E, 0xFF61), ".")

#: How an IPv4 address begins that is mapped into IPv6 (RFC 4291 section 2.5.5.2).
MAPPED_PREFIX = bytes(10) + b"\xff\xff"


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address with a port.

    Args:
        packed: 16 bytes; IPv4 stands there as IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2).
        port: 1 to 65535.
    """

    packed: bytes
    port: int

    @property
    def ip(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        """The address alone, IPv4 where it is one."""
        if self.packed.startswith(MAPPED_PREFIX):
            return ipaddress.IPv4Address(self.packed[12:])
        return ipaddress.IPv6Address(self.packed)

    @property
    def list_text(self) -> str:
        """The form that ``tls_list`` prints: IPv6 in eight groups, upper case, no brackets."""
        if isinstance(self.ip, ipaddress.IPv4Address):
            return f"{self.ip}:{self.port}"
        groups = (self.packed[at : at + 2] for at in range(0, 16, 2))
        text = ":".join(f"{int.from_bytes(group, 'big'):X}" for group in groups)
        return f"{text}:{self.port}"

    def __str__(self) -> str:
        """The form that people write: ``10.0.0.1:5061`` or ``[::1]:5061``."""
        if isinstance(self.ip, ipaddress.IPv4Address):
            return f"{self.ip}:{self.port}"
        return f"[{self.ip}]:{self.port}"


@functools.lru_cache(maxsize=4096)  # every connection asks, and mostly for the same few
def pack_ip(ip: str) -> bytes:
    """Turn an IP address into the 16 bytes that addresses are compared by.

    Args:
        ip: any spelling of an IPv4 or IPv6 address; brackets and a scope (``%eth0``) may be there.

    Returns:
        16 bytes, IPv4 as IPv4-mapped IPv6.

    Raises:
        ConfigError: this is no IP address.
    """
    address = _read_ip(ip)
    if isinstance(address, ipaddress.IPv4Address):
        return MAPPED_PREFIX + address.packed
    return address.packed


def _read_ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    plain = text.removeprefix("[").removesuffix("]").partition("%")[0]
    try:
        return ipaddress.ip_address(plain)
    except ValueError:
        raise ConfigError(f"{text!r} is not an IP address") from None


@functools.lru_cache(maxsize=4096)  # a failure of pack_ip() is not cached, and costs far more
def is_ip(text: str) -> bool:
    """Say whether a text is an IP address.

    Args:
        text: any spelling that :func:`pack_ip` takes.
    """
    try:
        pack_ip(text)
    except ConfigError:
        return False
    return True


def parse_address(text: str) -> Address | None:
    """Read an address filter.

    Args:
        text: ``10.0.0.1:5061``, ``[::1]:5061``, ``::1:5061`` or ``*``.

    Returns:
        The address, or None for ``*``, which is every address.

    Raises:
        ConfigError: the text is nothing of the kind; the message names it.

    See the manual, 1.9.34.
    """
    written = text.strip()
    if written == ANY:
        return None
    ip, colon, port_text = written.rpartition(":")
    if not colon or not ip or "%" in ip or ip.startswith("[") != ip.endswith("]"):
        raise _bad_address(text)
    if not (port_text.isascii() and port_text.isdigit() and 0 < int(port_text[:6]) < 65536):
        raise _bad_address(text)
    try:
        return Address(pack_ip(ip), int(port_text[:6]))
    except ConfigError:
        raise _bad_address(text) from None


def _bad_address(text: str) -> ConfigError:
    return ConfigError(
        f"bad address {text!r}", hint="an address is IP:port, as in 10.0.0.10:5061 or [::1]:5061"
    )


def split_list(text: str) -> tuple[str, ...]:
    """Split a comma list and trim its entries.

    Args:
        text: entries separated by commas.

    Returns:
        The entries, none of them empty.

    Raises:
        ConfigError: the list or one of its entries is empty.
    """
    entries = tuple(entry.strip() for entry in text.split(","))
    if not all(entries):
        raise ConfigError("is empty" if len(entries) == 1 else f"empty entry in the list {text!r}")
    return entries


def lenient_list(field: str, text: str) -> tuple[tuple[str, ...], str | None]:
    """Split a list of filters as OpenSIPS does, which takes some that say more than they mean.

    Args:
        field: ``"match_ip_address"`` or ``"match_sip_domain"``.
        text: entries separated by commas.

    Returns:
        The entries, and a sentence about what was dropped, or None.  Empty entries, such as behind
        a comma at the end, match nothing there.  An address that begins with ``*`` is every
        address, whatever stands behind.

    Raises:
        ConfigError: nothing is left.
    """
    entries = tuple(entry for part in text.split(",") if (entry := part.strip()))
    if not entries:
        raise ConfigError("is empty")
    if field == "match_ip_address" and text.strip().startswith(ANY):
        told = f"{text.strip()!r} is every address, as OpenSIPS reads it"
        return (ANY,), None if text.strip() == ANY else told
    if len(entries) < text.count(",") + 1:
        return entries, f"empty entries in the list {text!r} are passed over"
    return entries, None


@functools.lru_cache(maxsize=4096)  # as for is_ip()
def plain_ip(text: str) -> str | None:
    """Bring an IP address into the form in which certificates are asked for it.

    Args:
        text: any spelling that :func:`pack_ip` takes.

    Returns:
        The address without brackets and scope, IPv4-mapped IPv6 as it is; None if this is no
        address.
    """
    try:
        return str(_read_ip(text))
    except ConfigError:
        return None


def ascii_name(name: str) -> bytes:
    """Turn a host name into the bytes that travel in a ClientHello.

    Args:
        name: a host name; labels outside ASCII become A-labels by IDNA 2008 (RFC 5891), after the
            mapping of UTS 46, non-transitional: upper case becomes lower case, and ``ß`` stays.

    Returns:
        The bytes; ASCII is kept as it is written, upper case, underscores and wildcards too.

    Raises:
        ConfigError: a label has no ASCII form; the message says why.
    """
    if name.isascii():
        return name.encode("ascii")
    return _ascii_form(name)


@functools.lru_cache(maxsize=4096)  # every connection asks, and mostly for the same few
def _ascii_form(name: str) -> bytes:
    import idna  # Its tables are large, and few names need them.

    labels = name.translate(_DOTS).split(".")
    try:
        return b".".join(
            label.encode("ascii") if label.isascii() else idna.encode(label, uts46=True)
            for label in labels
        )
    except UnicodeError as error:
        raise ConfigError(
            f"{name!r} has no ASCII form (IDNA 2008): {error}",
            hint="if the name is registered nevertheless, write it as xn--...",
        ) from None


def encode_name_filter(text: str) -> bytes:
    """Check a name filter and turn it into bytes.

    Args:
        text: a host name or a shell pattern: ``*`` any text, ``?`` one character, ``[a-z]`` and
            ``[!a-z]`` one character of (not of) a set, and a backslash takes the next character
            as it is.

    Returns:
        The filter's bytes as written, with labels outside ASCII as A-labels.

    Raises:
        ConfigError: the filter is empty, too long, or says something that cannot be matched.

    See the manual, 1.9.35.
    """
    if not text:
        raise ConfigError("empty name filter")
    if " " in text or not text.isprintable():  # no other blank can be printed
        raise ConfigError(
            f"name filter {text!r} holds a blank or a control character",
            hint="names are separated by commas",
        )
    if not text.isascii() and any(
        not label.isascii() and not globs.is_plain(label.encode("utf-8", "replace"))
        for label in text.translate(_DOTS).split(".")
    ):
        raise ConfigError(f"name filter {text!r} has wildcards in a label outside ASCII")
    if "[[:" in text or "[![:" in text or "[^[:" in text:
        raise ConfigError(f"name filter {text!r} uses a character class", hint="write [a-z], [0-9]")
    encoded = ascii_name(text)
    if len(encoded) > MAX_NAME_FILTER:
        raise ConfigError(f"name filter of {len(encoded)} bytes; at most {MAX_NAME_FILTER}")
    if (len(encoded) - len(encoded.rstrip(b"\\"))) % 2:
        raise ConfigError(f"name filter {text!r} ends in a lone backslash")
    return encoded
