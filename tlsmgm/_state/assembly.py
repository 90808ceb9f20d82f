"""From all sources of domains to one snapshot.

Domains of a configuration file and of the program must all load, or nothing changes.  A row of the
database that cannot be loaded is reported and passed over, and the others load; a domain that a
row of this name had made before stays as it was, until the row is mended or deleted.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence

from tlsmgm._backends import Backend
from tlsmgm._config.model import Configuration
from tlsmgm._domains.domain import Domain, Origin
from tlsmgm._domains.words import did_you_mean
from tlsmgm._material.reading import Reader
from tlsmgm._native.contexts import BuiltContext, build_context
from tlsmgm._provisioning.loaded import RowFailure, Rows
from tlsmgm._state.snapshot import DomainKey, Parts, Snapshot, key_of, make_snapshot
from tlsmgm.errors import ConfigError, PlacedError, UnsupportedError

__all__ = ["TO_SERVE_NONE", "assemble", "check_successor", "extend", "remove", "replace"]

#: What to do instead of taking the last domain away.
TO_SERVE_NONE = "to serve none, stop the program"


def check_successor(
    old: Configuration, new: Configuration, *, library: str | None, has_rows: bool
) -> None:
    """Refuse what cannot be meant, such as a file that was just being written.

    Args:
        old: the configuration that is in use.
        new: what the same file says now.
        library: the TLS library in use, if the file has chosen it.
        has_rows: whether domains of the database are in use.

    Raises:
        ConfigError: the new one cannot take the old one's place.
    """
    if old.domains and not new.domains:
        raise ConfigError("defines no TLS domain any more", origin=new.path, hint=TO_SERVE_NONE)
    if old.database is not None and new.database is None and has_rows:
        raise ConfigError("names no database any more", origin=new.path, hint="restart the program")
    if library is not None and new.resolve_library() not in (library, "auto"):
        raise ConfigError(
            f"cannot change from {library!r} while running",
            origin=new.path,
            parameter="tls_library",
            hint="restart the program",
        )


def assemble(
    config: Configuration | None,
    rows: Rows,
    own: Sequence[Domain],
    *,
    backend: Backend | None,
    before: Snapshot,
    reader: Reader,
    preserve_written: bool = False,
) -> Snapshot:
    """Make the snapshot that these domains come to.

    Args:
        config: has the domains of a configuration file; or None.
        rows: of the database.
        own: domains that the program has added.
        backend: the TLS library, or None.
        before: the state to take unchanged contexts from.
        reader: of this load.
        preserve_written: keep the contexts of ``config`` and ``own`` without looking at their
            files; for them nothing may have changed since ``before``.

    Returns:
        A state in which every domain is complete.

    Raises:
        ConfigError: a domain of ``config`` or ``own`` cannot be used, or two have one name.
    """
    written = (*(config.domains if config else ()), *own)
    _check_unique(written)
    builder = _Builder(backend, before, rows.source, rows.ticket_secrets, reader)
    if backend is not None:
        builder.expect(() if preserve_written else written, rows)
    for domain in written:
        if preserve_written:
            builder.preserve(domain)
        else:
            builder.build_written(domain, config)
    taken = {key_of(domain): domain for domain in written}
    loaded, failures = _load_rows(rows, builder, taken)
    kept = tuple(builder.kept)
    parts = Parts(config, loaded, tuple(own), failures, kept, rows.source, rows.ticket_secrets)
    return _successor(before, parts, builder.built, backend)


def extend(
    before: Snapshot, domains: tuple[Domain, ...], backend: Backend | None, reader: Reader
) -> Snapshot:
    """Add domains of the program; the others stay as they are, without a look at their files.

    Args:
        before: the state to start from.
        domains: the new ones.
        backend: the TLS library, or None.
        reader: of this load.

    Returns:
        A state with all of them.

    Raises:
        ConfigError: one of them cannot be used, or its name is taken.
    """
    return _with_own(before, (*before.parts.own, *domains), domains, backend, reader)


def replace(before: Snapshot, domain: Domain, backend: Backend | None, reader: Reader) -> Snapshot:
    """Put a domain in the place of the program's own one of its kind and name.

    Args:
        before: the state to start from; the other domains stay as they are, without a look at
            their files.
        domain: the new one. Unless it and its files are what they were, it has a new context, with
            the old key ring as long as the rules about the peer are the same.
        backend: the TLS library, or None.
        reader: of this load.

    Returns:
        A state with the new one.

    Raises:
        ConfigError: it cannot be used, or the program has added none of this kind and name.
    """
    at = _own_place(before.parts, key_of(domain))
    own = before.parts.own
    return _with_own(before, (*own[:at], domain, *own[at + 1 :]), (domain,), backend, reader)


def remove(before: Snapshot, key: DomainKey, backend: Backend | None, reader: Reader) -> Snapshot:
    """Take one of the program's own domains away; the others stay as they are.

    Args:
        before: the state to start from.
        key: kind and name.
        backend: the TLS library, or None.
        reader: of this load.

    Returns:
        A state without it.

    Raises:
        ConfigError: the program has added none of this kind and name.
    """
    at = _own_place(before.parts, key)
    own = before.parts.own
    return _with_own(before, (*own[:at], *own[at + 1 :]), (), backend, reader)


def _own_place(parts: Parts, key: DomainKey) -> int:
    """Where a domain of the program stands among its own."""
    kind, name = key
    for at, domain in enumerate(parts.own):
        if key_of(domain) == key:
            return at
    for domain in (*parts.written, *parts.rows):
        if key_of(domain) == key:
            raise ConfigError(
                f"the {kind} domain of this name was not added by the program",
                origin=domain.origin,
                domain=name,
                hint="change it where it is written, and reload",
            )
    names = [domain.name for domain in parts.own if domain.kind == kind]
    raise ConfigError(
        f"the program has added no {kind} domain of this name",
        domain=name,
        hint=did_you_mean(name, names) or "add_domain() adds one",
    )


def _with_own(
    before: Snapshot,
    own: tuple[Domain, ...],
    new: tuple[Domain, ...],
    backend: Backend | None,
    reader: Reader,
) -> Snapshot:
    """The same state with other domains of the program, of which those that are new get built."""
    parts = dataclasses.replace(before.parts, own=own)
    _check_unique(parts.domains)
    builder = _Builder(backend, before, parts.source, parts.ticket_secrets, reader)
    reader.expect(new)
    for domain in new:
        builder.build(domain)
    found = {**before.built, **builder.built}
    keys = map(key_of, parts.domains) if backend is not None else ()
    return _successor(before, parts, {key: found[key] for key in keys}, backend)


def _successor(
    before: Snapshot,
    parts: Parts,
    built: Mapping[DomainKey, BuiltContext],
    backend: Backend | None,
) -> Snapshot:
    return make_snapshot(
        parts,
        built,
        has_library=backend is not None,
        hello_size=before.hello_size,
        generation=before.generation + 1,
    )


class _Builder:
    """Builds contexts, or takes them from an older state."""

    def __init__(
        self,
        backend: Backend | None,
        before: Snapshot,
        source: object,
        ticket_secrets: tuple[bytes, ...],
        reader: Reader,
    ) -> None:
        self.built: dict[DomainKey, BuiltContext] = {}
        self.kept: list[str] = []  # names of domains that failing rows have left as they were
        self.before = before
        self._backend = backend
        self._reader = reader
        self._ticket_secrets = ticket_secrets
        # What comes from another table is none of this one's rows.
        self._earlier = before.parts.rows if before.parts.source == source else ()

    def expect(self, written: Iterable[Domain], rows: Rows) -> None:
        """Tell the reader who is to come, those for whom an older domain will stand included."""
        self._reader.expect(written)
        for item in rows.items:
            domain = self.earlier(item) if isinstance(item, RowFailure) else item
            if domain is not None:
                self._reader.expect([domain])

    def earlier(self, failure: RowFailure) -> Domain | None:
        """The domain that a failing row had made: by its name, or by its place if it has none."""
        if failure.key is not None:
            return self._rows.get(failure.key)
        found = self._rows_by_place.get(str(failure.origin))
        if found is not None and failure.name not in (None, found.name):
            return None  # the place has a new tenant
        return found

    def keep(self, domain: Domain) -> None:
        """Let a domain stay; its files are read anew, such as lists of revoked certificates."""
        try:
            self.build(domain)
        except (ConfigError, UnsupportedError):
            self.preserve(domain)
        self.kept.append(domain.name)

    @functools.cached_property
    def _rows(self) -> dict[DomainKey, Domain]:
        return {key_of(domain): domain for domain in self._earlier}

    @functools.cached_property
    def _rows_by_place(self) -> dict[str, Domain]:
        return {str(domain.origin): domain for domain in self._earlier}

    def preserve(self, domain: Domain) -> None:
        """Take what the older state has."""
        if self._backend is not None:
            self.built[key_of(domain)] = self.before.built[key_of(domain)]

    def build(self, domain: Domain) -> None:
        """Build a context, unless nothing has changed."""
        if self._backend is not None:
            key = key_of(domain)
            self.built[key] = build_context(
                domain,
                self._backend,
                reader=self._reader,
                previous=self.before.built.get(key),
                ticket_secrets=self._ticket_secrets,
            )
            self._reader.release(domain)

    def build_written(self, domain: Domain, config: Configuration | None) -> None:
        """Build, and complain at the line where the value stands."""
        try:
            self.build(domain)
        except ConfigError as error:
            if config is None or error.parameter is None:
                raise
            raise error.at(origin=config.origin_of(domain, error.parameter)) from None


def _load_rows(
    rows: Rows, builder: _Builder, taken: dict[DomainKey, Domain]
) -> tuple[tuple[Domain, ...], tuple[PlacedError, ...]]:
    """Build what can be built; ``taken`` is filled with the rows' domains, too."""
    results: list[Domain | RowFailure] = []
    for item in rows.items:
        failure = item if isinstance(item, RowFailure) else _failure(item, rows, builder, taken)
        results.append(failure or item)
        if failure is None and isinstance(item, Domain):
            taken[key_of(item)] = item
    loaded = [_loaded(result, builder, taken) for result in results]
    failures = tuple(result.error for result in results if isinstance(result, RowFailure))
    return tuple(domain for domain in loaded if domain is not None), failures


def _loaded(
    result: Domain | RowFailure, builder: _Builder, taken: dict[DomainKey, Domain]
) -> Domain | None:
    """The row's domain, or the one that a failing row had made before."""
    if isinstance(result, Domain):
        return result
    earlier = builder.earlier(result)
    if earlier is None or key_of(earlier) in taken:
        return None
    builder.keep(earlier)
    taken[key_of(earlier)] = earlier
    return earlier


def _failure(
    domain: Domain, rows: Rows, builder: _Builder, taken: dict[DomainKey, Domain]
) -> RowFailure | None:
    origin = domain.origin or Origin("database")
    other = taken.get(key_of(domain))
    try:
        if other is not None:
            raise _twice(domain, other)
        builder.build(domain)
    except (ConfigError, UnsupportedError) as error:
        column = rows.columns.get(error.parameter or "")
        placed = error.at(origin=origin, domain=domain.name, column=column)
        return RowFailure(placed, origin, key_of(domain), domain.name)
    return None


def _check_unique(domains: Iterable[Domain]) -> None:
    seen: dict[DomainKey, Domain] = {}
    for domain in domains:
        other = seen.setdefault(key_of(domain), domain)
        if other is not domain:
            raise _twice(domain, other)


def _twice(domain: Domain, other: Domain) -> ConfigError:
    return ConfigError(
        f"there are two {domain.kind} domains of this name",
        origin=domain.origin,
        domain=domain.name,
        hint=None if other.origin is None else f"the first is at {other.origin}",
    )
