"""Which domain answers: the rules, and the index entries made of them.

A connection has two keys: an address and a name.

1. *The address* is the listening socket (server) or the destination (client).  If any domain of
   the kind has a filter for exactly this ``IP:port``, only the filters of that address count;
   otherwise the filters of ``*`` do.  There is no second try.
2. *The name* is the server name of the ClientHello (server) or the SIP domain (client).  Among the
   filters of the address the most specific one wins:

   * a plain name, without regard to case;
   * then shell patterns, more literal characters first.  What counts as literal is everything but
     ``*``, ``?`` and bracket expressions; a character behind a backslash is one literal;
   * then ``*``.

   A connection without server name has ``none`` and then ``*``, and nothing else.  An IP address
   is no server name (RFC 6066 section 3), but some clients send one: unless a filter is exactly
   this address, ``none`` answers it, and where nobody has ``none``, what the address fits.
   Between equals the domain that was defined later wins.

On client domains ``none`` is a name like any other.  A server name that is literally "none" is a
name too, and does not fit the filter ``none``.

See the manual, 1.9.15, 1.9.16, 1.9.34 and 1.9.35.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tlsmgm._domains import globs
from tlsmgm._domains.domain import Domain, DomainKind, Origin
from tlsmgm._domains.filters import (
    ANY,
    NO_SERVER_NAME,
    Address,
    ascii_name,
    encode_name_filter,
    pack_ip,
    parse_address,
)
from tlsmgm.errors import ConfigError

__all__ = [
    "ANY_ADDRESS_PORT",
    "Address",
    "ClientLookup",
    "MatchEntry",
    "Shadowed",
    "client_lookup",
    "find_shadowed",
    "match_entries",
    "pack_ip",
    "parse_address",
]

#: Port of an entry for every address.
ANY_ADDRESS_PORT = 0

#: Packed IP or None for any; port; filter or None for "no server name was sent"; domain index.
MatchEntry = tuple[bytes | None, int, bytes | None, int]

AVPs = Mapping[str, str | bytes | None]


def match_entries(domains: Sequence[Domain]) -> list[MatchEntry]:
    """List what an index has to hold so that it finds these domains.

    Args:
        domains: domains of one kind, lowest precedence first.

    Returns:
        One entry per address filter and name filter, in such an order that later entries win
        between equals.  The number in each is the domain's index in ``domains``.
    """
    entries: list[MatchEntry] = []
    for index, domain in enumerate(domains):
        names = [_name_key(domain.kind, written) for written in domain.match_sip_domain]
        for written in domain.match_ip_address:
            address = parse_address(written)
            ip, port = (address.packed, address.port) if address else (None, ANY_ADDRESS_PORT)
            entries.extend((ip, port, name, index) for name in names)
    return entries


def _name_key(kind: DomainKind, written: str) -> bytes | None:
    if kind == "server" and written.lower() == NO_SERVER_NAME:
        return None
    return encode_name_filter(written)


@dataclass(frozen=True, slots=True)
class ClientLookup:
    """What an outgoing connection looks its domain up by.

    Args:
        domain_name: name of the one client domain to take, or None to match.
        sip_domain: the name to match; ``*`` when the AVP is not set.
    """

    domain_name: str | None
    sip_domain: bytes


def client_lookup(
    avps: AVPs | None,
    branch_avps: AVPs | None,
    tls_avp_name: str | None,
    sip_avp_name: str | None,
) -> ClientLookup:
    """Read the AVPs that choose the domain of an outgoing connection.

    Args:
        avps: plain AVPs; None as a value is an AVP that is not set.
        branch_avps: branch AVPs, which go before plain ones of the same name.
        tls_avp_name: the parameter ``client_tls_domain_avp``, or None.
        sip_avp_name: the parameter ``client_sip_domain_avp``, or None.

    Returns:
        The domain's name if the TLS AVP is set, which then decides alone; and the SIP domain. An
        unset SIP AVP is the text ``*``, which the filter ``*`` accepts, and patterns like ``?``.

    See the manual, 1.9.15 and 1.9.16.
    """
    name = _avp(avps, branch_avps, tls_avp_name)
    if isinstance(name, bytes):
        name = name.decode("utf-8", "surrogateescape")
    sip_domain = _avp(avps, branch_avps, sip_avp_name)
    return ClientLookup(name, ANY.encode() if sip_domain is None else _name_bytes(sip_domain))


def _avp(avps: AVPs | None, branch_avps: AVPs | None, name: str | None) -> str | bytes | None:
    if name is None:
        return None
    for values in (branch_avps, avps):
        value = values.get(name) if values else None
        if value is not None:
            return value
    return None


def _name_bytes(name: str | bytes) -> bytes:
    if isinstance(name, bytes):
        return name
    try:
        return ascii_name(name)
    except ConfigError:  # No filter can say this name either, but "*" takes it.
        return name.encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Shadowed:
    """A name filter that can never win at an address.

    Args:
        kind: of both domains.
        address: the address filter of both.
        name_filter: the filter that never wins.
        domain: name of its domain.
        origin: where that domain was defined.
        by_filter: the filter that wins instead.
        by_domain: name of the domain that wins instead.
        by_origin: where that domain was defined.
    """

    kind: DomainKind
    address: str
    name_filter: str
    domain: str
    origin: Origin | None
    by_filter: str
    by_domain: str
    by_origin: Origin | None

    @property
    def message(self) -> str:
        """A sentence for logs."""
        place = f"{self.origin}: " if self.origin else ""
        other = f" ({self.by_origin})" if self.by_origin else ""
        return (
            f"{place}{self.kind} domain {self.domain!r}: filter {self.name_filter!r} at address "
            f"{self.address!r} never matches: {self.by_filter!r} of domain {self.by_domain!r}"
            f"{other} goes before it"
        )


@dataclass(frozen=True, slots=True)
class _Filter:
    domain: Domain
    order: int
    written: str
    encoded: bytes


def find_shadowed(domains: Sequence[Domain]) -> list[Shadowed]:
    """Find the filters that can never win, for a warning.

    Args:
        domains: domains of any kind, lowest precedence first within a kind.

    Returns:
        One entry per filter that another domain of the same kind hides at the same address: by
        the same filter defined later, or by a pattern that goes before it and fits every name it
        fits.  Filters of one and the same domain are not compared.
    """
    found: list[Shadowed] = []
    for (kind, address), filters in _by_address(domains).items():
        index = _ShadowIndex(filters)
        for item in filters:
            winner = index.winner(item)
            if winner is not None:
                found.append(_shadowed(kind, address, item, winner))
    return found


def _by_address(domains: Sequence[Domain]) -> dict[tuple[DomainKind, str], list[_Filter]]:
    groups: dict[tuple[DomainKind, str], list[_Filter]] = {}
    for order, domain in enumerate(domains):
        filters = [
            _Filter(domain, order, written, encode_name_filter(written).lower())
            for written in dict.fromkeys(domain.match_sip_domain)
        ]
        for address in dict.fromkeys(domain.match_ip_address):
            groups.setdefault((domain.kind, address), []).extend(filters)
    return groups


def _shadowed(kind: DomainKind, address: str, item: _Filter, winner: _Filter) -> Shadowed:
    return Shadowed(
        kind=kind,
        address=address,
        name_filter=item.written,
        domain=item.domain.name,
        origin=item.domain.origin,
        by_filter=winner.written,
        by_domain=winner.domain.name,
        by_origin=winner.domain.origin,
    )


class _ShadowIndex:
    """The filters of one address, so that a filter's winner is found without comparing all.

    A pattern that fits all names of another one ends in an ending of the other one's ending: so
    patterns are kept by the literal text behind their last wildcard.
    """

    def __init__(self, filters: Sequence[_Filter]) -> None:
        self._last = {item.encoded: item for item in filters}
        self._by_ending: dict[bytes, list[_Filter]] = {}
        for item in self._last.values():
            if _is_pattern(item):
                self._by_ending.setdefault(globs.ending(item.encoded), []).append(item)

    def winner(self, item: _Filter) -> _Filter | None:
        """Return the filter of another domain that always goes before this one, if any."""
        same = self._last[item.encoded]
        if same.order != item.order:
            return same
        if not _is_pattern(item):
            return None
        for other in self._candidates(item):
            goes_before = other.order != item.order and _rank(other) > _rank(item)
            if goes_before and globs.covers(other.encoded, item.encoded):
                return other
        return None

    def _candidates(self, item: _Filter) -> Iterator[_Filter]:
        ending = globs.ending(item.encoded)
        for start in range(len(ending) + 1):
            yield from self._by_ending.get(ending[start:], ())


def _is_pattern(item: _Filter) -> bool:
    return item.encoded != ANY.encode() and not globs.is_plain(item.encoded)


def _rank(item: _Filter) -> tuple[int, int]:
    return globs.literals(item.encoded), item.order
