"""One state of a manager's world: immutable, replaced as a whole.

A snapshot has everything that a question about domains needs, so that a reload is one assignment
and nobody ever sees half of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tlsmgm._config.model import Configuration
from tlsmgm._core.match_index import MatchIndex
from tlsmgm._core.selector import Selector
from tlsmgm._domains.domain import Domain, DomainKind
from tlsmgm._domains.filters import pack_ip
from tlsmgm._domains.listing import domain_list, summary
from tlsmgm._domains.matching import ANY_ADDRESS_PORT, AVPs, client_lookup, match_entries
from tlsmgm._domains.report import ReloadReport
from tlsmgm._native.contexts import BuiltContext
from tlsmgm._serving.limits import DEFAULT_HELLO_SIZE, check_hello_size
from tlsmgm.errors import PlacedError

__all__ = [
    "DomainKey",
    "Parts",
    "Snapshot",
    "compare",
    "holdings",
    "key_of",
    "let_go",
    "make_snapshot",
    "partly_used",
]

#: Names are unique per kind.
DomainKey = tuple[DomainKind, str]


def key_of(domain: Domain) -> DomainKey:
    """Return what a domain is told apart by."""
    return domain.kind, domain.name


@dataclass(frozen=True, slots=True)
class Parts:
    """Where the domains of a snapshot come from; in order of precedence, lowest first.

    Args:
        config: a configuration file, or None.
        rows: domains of the database.
        own: domains that the program has added.
        failures: why other rows of the database made no domain.
        kept: names of the domains among ``rows`` that failing rows have left as they were.
        source: of the rows; equal for rows of the same table.
        ticket_secrets: of the database, for the domains that have no file of their own.
    """

    config: Configuration | None = None
    rows: tuple[Domain, ...] = ()
    own: tuple[Domain, ...] = ()
    failures: tuple[PlacedError, ...] = ()
    kept: tuple[str, ...] = ()
    source: object = None
    ticket_secrets: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def written(self) -> tuple[Domain, ...]:
        """The domains of the configuration file."""
        return () if self.config is None else self.config.domains

    @property
    def domains(self) -> tuple[Domain, ...]:
        """All domains; of equal filters the later one wins."""
        return (*self.written, *self.rows, *self.own)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state; see :func:`make_snapshot`.

    Attributes:
        parts: where the domains come from.
        domains: all of them, in order of precedence, lowest first.
        built: native contexts; empty without a TLS library.
        servers: server domains, in the order of the index.
        clients: client domains, in the order of the index.
        server_index: finds a number of ``servers``.
        client_index: finds a number of ``clients``.
        by_name: every domain by kind and name.
        server_addresses: the latest server domain of each address filter.
        selector: what native server connections choose their context with; None without library.
        hello_size: bytes of the largest ClientHello that they read.
        generation: counts the states of a manager's domains; 0 has none.
    """

    parts: Parts = field(default_factory=Parts)
    domains: tuple[Domain, ...] = ()
    built: Mapping[DomainKey, BuiltContext] = field(default_factory=dict)
    servers: tuple[Domain, ...] = ()
    clients: tuple[Domain, ...] = ()
    server_index: MatchIndex = field(default_factory=lambda: MatchIndex([]))
    client_index: MatchIndex = field(default_factory=lambda: MatchIndex([]))
    by_name: Mapping[DomainKey, Domain] = field(default_factory=dict)
    server_addresses: Mapping[tuple[bytes | None, int], Domain] = field(default_factory=dict)
    selector: Selector | None = None
    hello_size: int = DEFAULT_HELLO_SIZE
    generation: int = 0

    def with_hello_size(self, size: int) -> Snapshot:
        """Return the same state with another bound of the ClientHello.

        Raises:
            ConfigError: the bound makes no sense.
        """
        check_hello_size(size)
        selector = None
        if self.selector is not None:
            selector = _selector(self.servers, self.built, self.server_index, size, self.generation)
        return replace(self, selector=selector, hello_size=size)

    def with_only(self, domain: Domain, built: BuiltContext) -> Snapshot:
        """Return the same state with another server domain in the place of all that it has.

        Args:
            domain: of kind server.
            built: its context.
        """
        index = MatchIndex(match_entries((domain,)))
        contexts = {key_of(domain): built}
        return replace(
            self,
            servers=(domain,),
            server_index=index,
            selector=_selector((domain,), contexts, index, self.hello_size, self.generation),
        )

    def server_at(self, ip: str, port: int) -> Domain | None:
        """Find the latest server domain for a local address, whatever its names."""
        exact = self.server_addresses.get((pack_ip(ip), port))
        return exact or self.server_addresses.get((None, ANY_ADDRESS_PORT))

    def server(self, ip: str, port: int, server_name: bytes | None) -> Domain | None:
        """Find the domain of an incoming connection."""
        found = self.server_index.find(pack_ip(ip), port, server_name)
        return None if found is None else self.servers[found]

    def client(self, ip: str, port: int, sip_domain: bytes) -> Domain | None:
        """Find the domain of an outgoing connection."""
        found = self.client_index.find(pack_ip(ip), port, sip_domain)
        return None if found is None else self.clients[found]

    def called(
        self, ip: str, port: int, avps: AVPs | None, branch_avps: AVPs | None
    ) -> Domain | None:
        """Find the domain of an outgoing connection of a script, whose AVPs may choose it."""
        config = self.parts.config
        lookup = client_lookup(
            avps,
            branch_avps,
            None if config is None else config.client_tls_domain_avp,
            None if config is None else config.client_sip_domain_avp,
        )
        if lookup.domain_name is not None:
            return self.by_name.get(("client", lookup.domain_name))
        return self.client(ip, port, lookup.sip_domain)

    def listed(self) -> dict[str, list[dict[str, Any]]]:
        """Return the reply to ``tls_list`` (manual 1.8.1)."""
        return domain_list(self.domains, {str(domain.origin) for domain in self.parts.rows})

    def in_one_line(self, table: str | None) -> str:
        """Count the domains, and say where they come from.

        Args:
            table: name of the table of the database, if there is one.
        """
        parts = self.parts
        sources = [] if parts.config is None else [(repr(parts.config.path), len(parts.written))]
        if table is not None:
            sources.append((f"table {table!r}", len(parts.rows)))
        if parts.own:
            sources.append(("program", len(parts.own)))
        return summary(len(self.servers), len(self.clients), sources, self.generation)


def make_snapshot(
    parts: Parts,
    built: Mapping[DomainKey, BuiltContext],
    *,
    has_library: bool,
    hello_size: int = DEFAULT_HELLO_SIZE,
    generation: int = 0,
) -> Snapshot:
    """Make a state of domains and their contexts.

    Args:
        parts: the domains; no two of a kind have one name.
        built: a context for each of them, if there is a TLS library.
        has_library: whether connections can be made.
        hello_size: bytes of the largest ClientHello that is read.
        generation: number of the state.

    Returns:
        The state.
    """
    domains = parts.domains
    servers = tuple(domain for domain in domains if domain.kind == "server")
    clients = tuple(domain for domain in domains if domain.kind == "client")
    server_entries = match_entries(servers)
    server_index = MatchIndex(server_entries)
    selector = None
    if has_library:
        selector = _selector(servers, built, server_index, hello_size, generation)
    return Snapshot(
        parts=parts,
        domains=domains,
        built=built,
        servers=servers,
        clients=clients,
        server_index=server_index,
        client_index=MatchIndex(match_entries(clients)),
        by_name={key_of(domain): domain for domain in domains},
        server_addresses={(ip, port): servers[at] for ip, port, _, at in server_entries},
        selector=selector,
        hello_size=hello_size,
        generation=generation,
    )


def _selector(
    servers: Sequence[Domain],
    built: Mapping[DomainKey, BuiltContext],
    index: MatchIndex,
    hello_size: int,
    generation: int,
) -> Selector:
    contexts = [built[key_of(domain)].context for domain in servers]
    return Selector(index, contexts, hello_size, generation)


def holdings(snapshot: Snapshot) -> list[object]:
    """Return what a state holds for each of its domains, to be let go with :func:`let_go`."""
    return [*snapshot.domains, *snapshot.built.values()]


def let_go(held: list[object]) -> None:
    """Free what nobody else has, one after another.

    The contexts of many domains take long to free.  As parts of a state that goes they would be
    freed in one step, in which no other thread of Python runs, such as that of an event loop.

    Args:
        held: of a state to which nobody refers any more; empty in the end.
    """
    while held:
        held.pop()


def compare(before: Snapshot, after: Snapshot) -> ReloadReport:
    """Say what is different.

    Args:
        before: the older state.
        after: the newer state.

    Returns:
        Names, in order of precedence; and the failures of the newer state.
    """
    old, new = before.by_name, after.by_name
    swapped = _swapped(before, after)
    return ReloadReport(
        added=_names([key for key in new if key not in old]),
        changed=_names(
            [key for key in new if key in old and (key in swapped or _differs(key, before, after))]
        ),
        removed=_names([key for key in old if key not in new]),
        failed=tuple(map(str, after.parts.failures)),
        kept=after.parts.kept,
        warnings=partly_used(after, [key for key in new if _is_new(key, before, after)]),
    )


def _is_new(key: DomainKey, before: Snapshot, after: Snapshot) -> bool:
    return before.built.get(key) is not after.built.get(key)


def _swapped(before: Snapshot, after: Snapshot) -> set[DomainKey]:
    """Domains that have equal filters, and of which another one wins now."""
    shared = [key for key in before.by_name if key in after.by_name]
    if shared == [key for key in after.by_name if key in before.by_name]:
        return set()
    old, new = _winners(before), _winners(after)
    pairs = ((old[entry], new[entry]) for entry in old if entry in new)
    found = {key for pair in pairs if pair[0] != pair[1] for key in pair}
    return found.intersection(shared)


def _winners(snapshot: Snapshot) -> dict[tuple[object, ...], DomainKey]:
    """The domain that wins of each filter."""
    return {
        (domains[0].kind, *entry[:3]): key_of(domains[entry[3]])
        for domains in (snapshot.servers, snapshot.clients)
        for entry in match_entries(domains)
    }


def _names(keys: Sequence[DomainKey]) -> tuple[str, ...]:
    return tuple(name for _, name in keys)


def _differs(key: DomainKey, before: Snapshot, after: Snapshot) -> bool:
    old, new = before.by_name[key], after.by_name[key]
    if old is not new and old != new:
        return True
    return before.built.get(key) is not after.built.get(key)


def partly_used(snapshot: Snapshot, keys: Iterable[DomainKey]) -> tuple[str, ...]:
    """Say what of the domains' files is not used, or not in force; what is the same is said once.

    Args:
        snapshot: the state.
        keys: of the domains that are looked at.

    Returns:
        Sentences that name domain, parameter and file.
    """
    names: dict[tuple[str, str], list[str]] = {}
    for key in keys:
        built = snapshot.built.get(key)
        if built is not None:
            for warning in built.complaints():
                names.setdefault(warning, []).append(key[1])
    return tuple(
        f"{_domains(domains)}: parameter {parameter!r}: {text}"
        for (parameter, text), domains in names.items()
    )


def _domains(names: list[str]) -> str:
    others = len(names) - 1
    if others < 1:
        return f"domain {names[0]!r}"
    return f"domain {names[0]!r} and {others} more"
