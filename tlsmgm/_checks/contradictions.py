"""Values of a domain that do not go together: one of them does nothing, and nobody says so.

Most are warnings, because scripts and databases of OpenSIPS have them and work nevertheless.  What
makes no sense in any of them is refused when the domain is made or loaded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tlsmgm._domains.domain import Domain
from tlsmgm._domains.parameters import of_side

__all__ = ["contradictions"]

_NO_VALUES: Final[Mapping[str, Any]] = {}
_WHY: Final = {"danger_skip_hostname_check": "clients have the names that peer_identity asks for"}
_PLAIN: Final = {item.name: item.default for item in dataclasses.fields(Domain)}


def contradictions(
    domain: Domain, defaults: Mapping[str, Any] = _NO_VALUES, *, is_row: bool = False
) -> Iterator[tuple[str, str]]:
    """Find values that do nothing because of other values.

    Args:
        domain: any.
        defaults: fields of domains that say nothing of their own; what comes from there is for
            domains of both kinds, and contradicts nothing.
        is_row: the domain is a row of a database, whose columns have defaults of their own.

    Yields:
        The parameter, and what is wrong with it in words that may follow its name.
    """
    said = _Said(domain, defaults)
    for field in filter(said, of_side("client" if domain.kind == "server" else "server")):
        why = f": {_WHY[field]}" if field in _WHY else ""
        yield field, f"does nothing on a {domain.kind} domain{why}"
    if domain.kind == "server":
        yield from _of_server(domain, said, is_row)
    yield from _of_keys(domain, said)
    if said("crl_check_all") and domain.crl_dir is None:
        yield "crl_check_all", "checks nothing without crl_dir"
    if said("min_rsa_bits") and not domain.verify_cert:
        yield "min_rsa_bits", "is asked of nobody, because verify_cert is off"


class _Said:
    """Whether a field of a domain has a value of its own."""

    def __init__(self, domain: Domain, defaults: Mapping[str, Any]) -> None:
        self._domain = domain
        self._defaults = defaults

    def __call__(self, field: str) -> bool:
        value = getattr(self._domain, field)
        return bool(value not in (_PLAIN[field], self._defaults.get(field, _PLAIN[field])))

    @property
    def demand(self) -> bool:
        return self._domain.demands_certificate and "require_cert" not in self._defaults


def _of_server(domain: Domain, said: _Said, is_row: bool) -> Iterator[tuple[str, str]]:
    if said("identity") and not domain.peer_identity:
        yield "identity", "does nothing on a server domain without peer_identity"
    if domain.verify_cert:
        return
    if said.demand and not is_row:
        yield "require_cert", "demands nothing, because verify_cert is off"
    for field, does in (("crl_dir", "is asked about nobody"), ("client_eku", "admits nobody")):
        if said(field):
            yield field, f"{does}, because verify_cert is off"


def _of_keys(domain: Domain, said: _Said) -> Iterator[tuple[str, str]]:
    sources = ("private_key_passphrase", "private_key_passphrase_command")
    if all(map(said, sources)):
        yield sources[1], "is never run, because there is a private_key_passphrase"
    if domain.private_key is None and domain.private_key2 is None:
        for field in filter(said, sources):
            yield field, "opens nothing: there is no private_key"
    if domain.certificate is None and said("private_key"):
        yield "private_key", "does nothing without its certificate"
    if domain.certificate2 is None and said("private_key2"):
        yield "private_key2", "does nothing without certificate2"
