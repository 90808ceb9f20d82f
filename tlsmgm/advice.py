"""What looks like a mistake in a state that works nevertheless."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tlsmgm.contradictions import contradictions
from tlsmgm.domain import DomainKind
from tlsmgm.keylog import keylog_warning
from tlsmgm.matching import find_shadowed
from tlsmgm.secret_files import open_secret_files
from tlsmgm.snapshot import Parts, Snapshot

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
    for domain in snapshot.domains:
        found += [f"domain {domain.name!r}: {text}" for _, text in open_secret_files(domain)]
        found += filter(None, [keylog_warning(domain)])
    return tuple(found)
