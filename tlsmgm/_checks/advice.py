"""What looks like a mistake in a state that works nevertheless."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tlsmgm._checks.contradictions import contradictions
from tlsmgm._checks.secret_files import open_secret_files, secret_paths
from tlsmgm._checks.staples import staple_warning
from tlsmgm._domains.domain import Domain, DomainKind
from tlsmgm._domains.finite_fields import finite_field_warning
from tlsmgm._domains.matching import find_shadowed
from tlsmgm._material.keylog import keylog_warning
from tlsmgm._material.reading import Reader
from tlsmgm._state.snapshot import Parts, Snapshot, key_of, partly_used
from tlsmgm.errors import ConfigError

__all__ = ["advice"]


def _contradictions(parts: Parts) -> Iterator[str]:
    """Values of one domain that do not go together."""
    defaults: dict[DomainKind, dict[str, Any]] = {"server": {}, "client": {}}
    if parts.config is not None:
        defaults = {kind: parts.config.default_values(kind) for kind in defaults}
    for domains, is_row in ((parts.written, False), (parts.rows, True), (parts.own, False)):
        for domain in domains:
            inherited = {} if domains is parts.own else defaults[domain.kind]
            for parameter, text in contradictions(domain, inherited, is_row=is_row):
                place = f"{domain.origin}: " if domain.origin else ""
                yield f"{place}{domain.kind} domain {domain.name!r}: {parameter} {text}"


def advice(snapshot: Snapshot) -> tuple[str, ...]:
    """Return sentences for a log.

    Args:
        snapshot: the state; files of its domains are looked at now.
    """
    config = snapshot.parts.config
    found = [] if config is None else list(config.warnings)
    for domains in (snapshot.clients, snapshot.servers):
        found += [item.message for item in find_shadowed(domains)]
    found += _contradictions(snapshot.parts)
    found += partly_used(snapshot, snapshot.built)
    with Reader() as reader:
        found += _about_files(snapshot, reader)
    return tuple(found)


def _about_files(snapshot: Snapshot, reader: Reader) -> list[str]:
    found = []
    modes: dict[str, int] = {}
    try:
        modes = reader.modes(path for item in snapshot.domains for path in secret_paths(item))
    except ConfigError as error:
        found.append(str(error))
    for domain in snapshot.domains:
        told = [text for _, text in open_secret_files(domain, modes)]
        told += filter(None, _of_domain(snapshot, domain, reader))
        found += [f"domain {domain.name!r}: {text}" for text in told]
        found += filter(None, [keylog_warning(domain)])
    return found


def _of_domain(snapshot: Snapshot, domain: Domain, reader: Reader) -> tuple[str | None, ...]:
    """What a domain's clients will meet."""
    built = snapshot.built.get(key_of(domain))
    features = frozenset() if built is None else built.context.backend.features
    return staple_warning(domain, reader), finite_field_warning(domain, features)
