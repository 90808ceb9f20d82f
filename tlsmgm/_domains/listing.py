"""What a manager has, for people: the reply to ``tls_list``, and one line.

The reply has every domain with its values (tls_mgm manual 1.8.1).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from tlsmgm._domains.domain import DEFAULT_CA_DIR, Domain
from tlsmgm._domains.filters import parse_address

__all__ = ["domain_list", "summary"]

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
    files = {
        "CERT_FILE": domain.certificate,
        "CA_FILE": domain.ca_list,
        "PKEY_FILE": domain.private_key,
        "DH_PARAMS_FILE": domain.dh_params,
    }
    entry = {
        "name": domain.name,
        "type": _TYPES[domain.kind],
        "IP ADDRESS FILTERS": [_address(text) for text in domain.match_ip_address[::-1]],
        "SIP DOMAIN FILTERS": list(domain.match_sip_domain[::-1]),
        "METHOD": domain.method,
        "VERIFY_CERT": domain.verify_cert,
        "REQ_CLI_CERT": domain.require_cert,
        "CRL_CHECKALL": domain.crl_check_all,
        "CERT_FILE": "",
        "CRL_DIR": domain.crl_dir or "",
        "CA_FILE": "",
        "CA_DIR": domain.ca_dir or DEFAULT_CA_DIR,
        "PKEY_FILE": "",
        "CIPHER_LIST": domain.cipher_list or "",
        "DH_PARAMS_FILE": "",
        "EC_CURVE": domain.ec_curve or "",
    }
    for name, source in files.items():
        if has_files:
            entry[name] = source if isinstance(source, str) else ""
        else:
            del entry[name]
    return entry


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
