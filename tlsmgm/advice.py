"""What looks like a mistake in a state that works nevertheless."""

from __future__ import annotations

from tlsmgm.domain import Domain
from tlsmgm.finite_fields import finite_field_warning
from tlsmgm.keylog import keylog_warning
from tlsmgm.matching import find_shadowed
from tlsmgm.secret_files import open_secret_files
from tlsmgm.snapshot import Snapshot, key_of
from tlsmgm.staples import staple_warning

__all__ = ["advice"]


def advice(snapshot: Snapshot) -> tuple[str, ...]:
    """Return sentences for a log.

    Args:
        snapshot: the state; files of its domains are looked at now.
    """
    config = snapshot.parts.config
    found = [] if config is None else list(config.warnings)
    for domains in (snapshot.clients, snapshot.servers):
        found += [item.message for item in find_shadowed(domains)]
    for domain in snapshot.domains:
        found += [f"domain {domain.name!r}: {text}" for _, text in open_secret_files(domain)]
        found += filter(None, [keylog_warning(domain)])
        found += [f"domain {domain.name!r}: {text}" for text in _of_domain(snapshot, domain)]
    return tuple(found)


def _of_domain(snapshot: Snapshot, domain: Domain) -> list[str]:
    """What a domain's clients will meet."""
    built = snapshot.built.get(key_of(domain))
    features = frozenset() if built is None else built.context.backend.features
    told = [staple_warning(domain), finite_field_warning(domain, features)]
    return [text for text in told if text is not None]
