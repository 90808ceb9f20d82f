"""What a manager has, for people: the reply to ``tls_list``, and one line.

The reply has every domain with its values (tls_mgm manual 1.8.1).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from tlsmgm._domains.defaults import DEFAULT_CA_DIR
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.filters import parse_address
from tlsmgm._domains.parameters import PARAMETERS, PEM, Parameter

__all__ = ["domain_list", "summary"]

#: What is shown of a domain, in order: place, name and parameter.
_LISTED: Final = sorted(
    ((*item.listed, item) for item in PARAMETERS if item.listed is not None),
    key=lambda entry: entry[0],
)
_TYPES = {"server": "TLS_DOMAIN_SRV", "client": "TLS_DOMAIN_CLI"}


def domain_list(
    domains: Sequence[Domain], of_database: Collection[str] = ()
) -> dict[str, list[dict[str, Any]]]:
    """List domains as OpenSIPS does: clients first, the latest definition of a kind first.

    Args:
        domains: in order of definition.
        of_database: origins of domains that come from a database, which have no files.

    Returns:
        ``{"Domains": [...]}``; a key never appears, a file does by its name.
    """
    clients = [domain for domain in domains if domain.kind == "client"]
    servers = [domain for domain in domains if domain.kind == "server"]
    ordered = clients[::-1] + servers[::-1]
    return {"Domains": [_entry(item, str(item.origin) in of_database) for item in ordered]}


def _entry(domain: Domain, of_database: bool) -> dict[str, Any]:
    in_memory = isinstance(domain.certificate, bytes) or isinstance(domain.private_key, bytes)
    has_files = not (in_memory or of_database)
    entry: dict[str, Any] = {"name": domain.name, "type": _TYPES[domain.kind]}
    for _, name, item in _LISTED:
        if has_files or item.kind not in PEM:
            entry[name] = _shown(item, getattr(domain, item.field))
    return entry


def _shown(item: Parameter, value: Any) -> Any:
    if item.field == "match_ip_address":
        return [_address(text) for text in value[::-1]]
    if item.kind == "filters":
        return list(value[::-1])
    if item.kind in PEM and not isinstance(value, str):
        return ""
    if item.field == "ca_dir":
        return value or DEFAULT_CA_DIR
    return "" if value is None else value


def _address(text: str) -> str:
    address = parse_address(text)
    return "*" if address is None else address.list_text


def summary(servers: int, clients: int, sources: Sequence[tuple[str, int]], generation: int) -> str:
    """Count domains in one line.

    Args:
        servers: how many server domains there are.
        clients: how many client domains.
        sources: where they come from, and how many from there.
        generation: of the state.

    Returns:
        Such as ``2 server domains, 1 client domain (program: 3); generation 1``.
    """
    kinds = ", ".join(
        f"{count} {kind} domain{'' if count == 1 else 's'}"
        for kind, count in (("server", servers), ("client", clients))
    )
    places = ", ".join(f"{place}: {count}" for place, count in sources)
    return f"{kinds}{f' ({places})' if places else ''}; generation {generation}"
