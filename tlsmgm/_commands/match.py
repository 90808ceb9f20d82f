"""Say which TLS domain answers for an address and a name.

Nothing but the configuration and its database is read: no certificate file, no TLS library.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from tlsmgm._commands.arguments import add_json
from tlsmgm._commands.configuration import add_config, read_all
from tlsmgm._commands.output import print_facts, print_json
from tlsmgm._config.model import Configuration
from tlsmgm._domains.domain import Domain, DomainKind
from tlsmgm._domains.filters import ANY, Address, ascii_name, parse_address
from tlsmgm._domains.matching import MatchEntry, client_lookup, match_entries
from tlsmgm.errors import ConfigError

__all__ = ["Answer", "configure", "match_client", "match_server", "run"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found.

    Args:
        kind: of the domain that was looked for.
        address: the address looked up.
        name: the name looked up; None: none was sent, or the AVP is not set.
        domain: the domain that answers, or None.
        address_filter: the filter that won.
        name_filter: the filter that won.
        reason: why no domain answers.
    """

    kind: DomainKind
    address: str
    name: str | None
    domain: Domain | None = None
    address_filter: str | None = None
    name_filter: str | None = None
    reason: str | None = None

    def to_json(self) -> dict[str, object]:
        """Return the answer in JSON's types."""
        domain = self.domain
        return {
            "kind": self.kind,
            "address": self.address,
            "server_name" if self.kind == "server" else "sip_domain": self.name,
            "domain": domain.name if domain else None,
            "origin": str(domain.origin) if domain and domain.origin else None,
            "address_filter": self.address_filter,
            "name_filter": self.name_filter,
            "reason": self.reason,
        }


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_config(parser)
    side = parser.add_mutually_exclusive_group(required=True)
    side.add_argument("--listen", metavar="IP:PORT", help="incoming: the listening address")
    side.add_argument("--dest", metavar="IP:PORT", help="outgoing: the destination")
    name = parser.add_mutually_exclusive_group()
    name.add_argument("--sni", metavar="NAME", help="incoming: the server name in the ClientHello")
    name.add_argument("--no-sni", action="store_true", help="incoming: no server name is sent")
    parser.add_argument("--sip-domain", metavar="D", help="outgoing: SIP domain AVP")
    parser.add_argument("--tls-domain", metavar="NAME", help="outgoing: TLS domain AVP")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print the answer."""
    outgoing_only = options.sip_domain is not None or options.tls_domain is not None
    incoming_only = options.sni is not None or options.no_sni
    if options.listen is not None and (outgoing_only or not incoming_only):
        raise ConfigError("--listen goes with --sni NAME or --no-sni, and with nothing else")
    if options.dest is not None and incoming_only:
        raise ConfigError("--dest goes with --sip-domain or --tls-domain")
    config, _ = read_all(options.config)
    if options.listen is not None:
        answer = match_server(config, _address(options.listen, "--listen"), options.sni)
    else:
        destination = _address(options.dest, "--dest")
        answer = match_client(config, destination, options.sip_domain, options.tls_domain)
    _print(answer, options.json)
    return 0 if answer.domain else 1


def match_server(config: Configuration, address: Address, server_name: str | None) -> Answer:
    """Find the domain of an incoming connection.

    Args:
        config: the configuration.
        address: the listening address.
        server_name: in the ClientHello, or None if none is sent.

    Returns:
        The domain, or why there is none.

    Raises:
        ConfigError: the server name cannot be sent in a ClientHello.
    """
    key = None if server_name is None else ascii_name(server_name)
    return _match(config, "server", address, key, server_name)


def match_client(
    config: Configuration, address: Address, sip_domain: str | None, tls_domain: str | None
) -> Answer:
    """Find the domain of an outgoing connection.

    Args:
        config: the configuration.
        address: the destination.
        sip_domain: value of the AVP with the SIP domain, or None if it is not set.
        tls_domain: value of the AVP with a domain's name, or None if it is not set.

    Returns:
        The domain, or why there is none.

    Raises:
        ConfigError: the script names no such AVP.
    """
    avps: dict[str, str | bytes | None] = {}
    for parameter, value in (
        ("client_sip_domain_avp", sip_domain),
        ("client_tls_domain_avp", tls_domain),
    ):
        avp = getattr(config, parameter)
        if value is not None and avp is None:
            raise ConfigError(
                "is not set, so this value is never looked at",
                origin=config.path,
                parameter=parameter,
            )
        if value is not None:
            avps[avp] = value
    lookup = client_lookup(avps, None, config.client_tls_domain_avp, config.client_sip_domain_avp)
    if lookup.domain_name is None:
        return _match(config, "client", address, lookup.sip_domain, sip_domain)
    return _by_name(config, address, lookup.domain_name, sip_domain)


def _by_name(
    config: Configuration, address: Address, wanted: str, sip_domain: str | None
) -> Answer:
    for domain in config.domains:
        if domain.kind == "client" and domain.name == wanted:
            return Answer("client", str(address), sip_domain, domain)
    reason = f"there is no client domain called {wanted!r}"
    return Answer("client", str(address), sip_domain, reason=reason)


def _match(
    config: Configuration, kind: DomainKind, address: Address, key: bytes | None, name: str | None
) -> Answer:
    domains = [domain for domain in config.domains if domain.kind == kind]
    number = _find(match_entries(domains), address, key)
    if number is None:
        reason = _why_none(domains, kind, address, name)
        return Answer(kind, str(address), name, reason=reason)
    domain = domains[number]
    address_filter, name_filter = _winning_filters(domain, address, key)
    return Answer(kind, str(address), name, domain, address_filter, name_filter)


def _find(entries: list[MatchEntry], address: Address, key: bytes | None) -> int | None:
    from tlsmgm._core.match_index import MatchIndex

    return MatchIndex(entries).find(address.packed, address.port, key)


def _winning_filters(domain: Domain, address: Address, key: bytes | None) -> tuple[str, str]:
    """Look the domain's own filters up, each under its place in the list."""
    entries = [
        (ip, port, name, place) for place, (ip, port, name, _) in enumerate(match_entries([domain]))
    ]
    place = _find(entries, address, key) or 0
    names = domain.match_sip_domain
    return domain.match_ip_address[place // len(names)], names[place % len(names)]


def _why_none(
    domains: Sequence[Domain], kind: DomainKind, address: Address, name: str | None
) -> str:
    if not domains:
        return f"the configuration defines no {kind} domain"
    exact = [domain for domain in domains if str(address) in domain.match_ip_address]
    looked_at = exact or [domain for domain in domains if ANY in domain.match_ip_address]
    if not looked_at:
        return f"no {kind} domain has the address {str(address)!r} or {ANY!r}"
    names = ", ".join(repr(domain.name) for domain in looked_at)
    whom = f"address {str(address)!r} belongs to {names}" if exact else f"{names} have address '*'"
    what = "a connection without name" if name is None else f"the name {name!r}"
    return f"{whom}, of which none takes {what}"


def _address(text: str, parameter: str) -> Address:
    address = parse_address(text)
    if address is None:
        raise ConfigError("'*' is no address to look up", parameter=parameter)
    return address


def _print(answer: Answer, as_json: bool) -> None:
    if as_json:
        print_json(answer.to_json())
        return
    domain = answer.domain
    if domain is None:
        print(f"no domain: {answer.reason}")
        return
    print(domain.name)
    print_facts(
        [
            ("kind", domain.kind),
            ("defined", str(domain.origin) if domain.origin else None),
            ("address", _pair(answer.address, answer.address_filter)),
            ("name", _pair(answer.name or "(none)", answer.name_filter)),
        ],
        indent="  ",
    )


def _pair(value: str, by_filter: str | None) -> str:
    return value if by_filter is None else f"{value}  by filter {by_filter}"
