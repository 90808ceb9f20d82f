"""Where connections go: upstreams by name, and the addresses that their names stand for."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tlsmgm._core.plan import UpstreamAddress
from tlsmgm._domains.addresses import join_host_port
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.filters import is_ip
from tlsmgm._domains.words import os_reason
from tlsmgm._serving.targets import Target, parse_target
from tlsmgm._state.connecting import client_names
from tlsmgm._state.snapshot import Snapshot
from tlsmgm.errors import ConfigError, NoDomainError

__all__ = [
    "AnyRoutes",
    "AnyUpstream",
    "Place",
    "Routes",
    "Upstream",
    "as_routes",
    "as_upstream",
    "check_plain",
    "check_upstream",
    "has_names",
    "resolve",
    "upstream_address",
]

#: As the engine has it.
_MAX_WEIGHT: Final = 100

#: Bytes of ``sun_path``, its terminator included.
_UNIX_PATH_SIZE: Final = 108 if sys.platform.startswith("linux") else 104

#: In the systems of BSD an address begins with its size.
_HAS_SIZE: Final = sys.platform == "darwin" or "bsd" in sys.platform


@dataclass(frozen=True, slots=True)
class Upstream:
    """A server that connections are forwarded to.

    Args:
        target: ``"tcp:HOST:PORT"``, ``"tls:HOST:PORT"`` or ``"unix:PATH"``; a host that has several
            addresses stands for all of them.
        domain: name of the client domain for a TLS upstream; None: the one that matches its
            address, and the SIP domain.
        sip_domain: value of the SIP domain AVP when matching a client domain; None: not set.
        server_name: name to send to and to verify at a TLS upstream; None: ``sip_domain``, else
            the host.
        weight: its share among the upstreams of its route, 1 to 100; all of its addresses have it.

    Raises:
        ConfigError: one of them makes no sense.
    """

    target: Target
    domain: str | None = None
    sip_domain: str | None = None
    server_name: str | None = None
    weight: int = 1

    def __init__(
        self,
        target: Target | str,
        domain: str | None = None,
        sip_domain: str | None = None,
        server_name: str | None = None,
        weight: int = 1,
    ) -> None:
        if isinstance(target, str):
            target = parse_target(target)
        if not isinstance(target, Target):
            raise ConfigError(
                f"cannot be {target!r}", parameter="target", hint="such as 'tcp:HOST:PORT'"
            )
        names = {"domain": domain, "sip_domain": sip_domain, "server_name": server_name}
        for name, value in names.items():
            _check_name(name, value, target)
        if (
            isinstance(weight, bool)
            or not isinstance(weight, int)
            or not 1 <= weight <= _MAX_WEIGHT
        ):
            raise ConfigError(
                f"cannot be {weight!r}", parameter="weight", hint=f"1 to {_MAX_WEIGHT}"
            )
        object.__setattr__(self, "target", target)
        object.__setattr__(self, "domain", domain)
        object.__setattr__(self, "sip_domain", sip_domain)
        object.__setattr__(self, "server_name", server_name)
        object.__setattr__(self, "weight", weight)

    def __str__(self) -> str:
        """Its address, as given."""
        return str(self.target)


def _check_name(parameter: str, value: object, target: Target) -> None:
    """See whether a name of an upstream can be one; None is none.

    Raises:
        ConfigError: it cannot.
    """
    if value is None:
        return
    if not isinstance(value, str) or not value or "\0" in value:
        raise ConfigError(f"cannot be {value!r}", parameter=parameter, hint="a name, as text")
    if not target.is_tls:
        raise ConfigError("is of no use where no TLS is spoken", parameter=parameter)


#: An upstream as programs write it.
AnyUpstream = Upstream | Target | str

#: One or several; None: the program itself.
_AnyGroup = AnyUpstream | Sequence[AnyUpstream] | None

#: Upstreams for all domains, or by the name of the server domain, ``"*"`` for all others.
AnyRoutes = _AnyGroup | Mapping[str, _AnyGroup]

_ALL_OTHERS = "*"

#: Upstreams by the name of the server domain, None: of all domains that have no route; None instead
#: of upstreams: the program.
Routes = Mapping[str | None, Sequence[Upstream] | None]


@dataclass(frozen=True, slots=True)
class Place:
    """One address of an upstream.

    Args:
        upstream: whose.
        sockaddr: as the system has it.
        host: the IP address, or ``""``.
        port: TCP port, or 0.
    """

    upstream: Upstream
    sockaddr: bytes
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        """The address, for people."""
        return join_host_port(self.host, self.port) if self.host else str(self.upstream)


def as_routes(routes: AnyRoutes) -> Routes:
    """Take routes in any of their forms.

    Raises:
        ConfigError: an upstream is none, or what stands for a domain.
    """
    if not isinstance(routes, Mapping):
        return {None: _group(routes)}
    for name in routes:
        if not isinstance(name, str):
            raise ConfigError(
                f"there is a route for {name!r}",
                parameter="routes",
                hint="the name of a server domain, or '*' for all others",
            )
    return {
        None if name == _ALL_OTHERS else name: _group(upstreams)
        for name, upstreams in routes.items()
    }


def _group(upstreams: _AnyGroup) -> tuple[Upstream, ...] | None:
    if upstreams is None:
        return None
    if isinstance(upstreams, (str, Target, Upstream)) or not isinstance(upstreams, Sequence):
        return (as_upstream(upstreams),)
    return tuple(map(as_upstream, upstreams))


def as_upstream(given: AnyUpstream) -> Upstream:
    """Take one upstream in any of its forms.

    Raises:
        ConfigError: it is none.
    """
    if not isinstance(given, (str, Target, Upstream)):
        raise ConfigError(
            f"an upstream cannot be {given!r}", hint="such as 'tcp:HOST:PORT', or an Upstream"
        )
    return given if isinstance(given, Upstream) else Upstream(given)


def check_plain(routes: Routes) -> None:
    """See whether clients that speak plain TCP, which have no domain, have a route.

    Raises:
        ConfigError: they have none, or one to the program.
    """
    if not routes.get(None):
        raise ConfigError(
            "clients that speak plain TCP need an upstream",
            parameter="routes",
            hint="give one, or for '*'; only connections with TLS can be handed over",
        )


def has_names(upstreams: Iterable[Upstream]) -> bool:
    """Whether any of them must be looked up, so that its addresses may change."""
    return any(one.target.path is None and not is_ip(one.target.host) for one in upstreams)


def resolve(upstream: Upstream) -> tuple[Place, ...]:
    """Look up the addresses of an upstream; that may take long.

    Returns:
        All of them, in the system's order.

    Raises:
        ConfigError: it has none.
    """
    target = upstream.target
    if target.path is not None:
        return (Place(upstream, _unix_address(target.path)),)
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"cannot resolve {target.host!r}: {os_reason(error)}") from None
    places = [
        Place(upstream, _internet_address(family, address), str(address[0]), int(address[1]))
        for family, _, _, _, address in found
        if family in (socket.AF_INET, socket.AF_INET6)
    ]
    if not places:
        raise ConfigError(f"{target.host!r} has no address")
    return tuple(dict.fromkeys(places))


def check_upstream(snapshot: Snapshot, upstream: Upstream) -> None:
    """See whether TLS can be spoken with an upstream, as far as that is known without its address.

    Raises:
        ConfigError: there is no client domain, or the upstream contradicts the script.
    """
    if not upstream.target.is_tls:
        return
    if upstream.sip_domain is not None and _sip_domain_avp(snapshot) is None:
        raise ConfigError(
            "there is no client_sip_domain_avp that it could be the value of",
            parameter="sip_domain",
            hint="a configuration sets it; or name the client domain by 'domain'",
        )
    if upstream.domain is not None or is_ip(upstream.target.host):
        _find_domain(snapshot, upstream, upstream.target.host, upstream.target.port)


def upstream_address(snapshot: Snapshot, place: Place) -> UpstreamAddress:
    """Make what the engine connects to.

    Args:
        snapshot: has the client domains.
        place: where to.

    Raises:
        NoDomainError: TLS is to be spoken there, and there is no client domain for it.
    """
    upstream = place.upstream
    if not upstream.target.is_tls:
        return UpstreamAddress(place.sockaddr, str(place), weight=upstream.weight)
    domain = _find_domain(snapshot, upstream, place.host, place.port)
    context = snapshot.built["client", domain.name].context
    wanted = upstream.server_name or upstream.sip_domain or upstream.target.host
    sent, checked = client_names(domain, wanted)
    return UpstreamAddress(place.sockaddr, str(place), context, sent, checked, upstream.weight)


def _find_domain(snapshot: Snapshot, upstream: Upstream, host: str, port: int) -> Domain:
    if upstream.domain is not None:
        domain = snapshot.by_name.get(("client", upstream.domain))
        wanted = f"called {upstream.domain!r}"
    else:
        domain = snapshot.called(host, port, _avps(snapshot, upstream), None)
        wanted = f"for {join_host_port(host, port)}"
        if upstream.sip_domain is not None:
            wanted += f" and SIP domain {upstream.sip_domain!r}"
    if domain is None:
        raise NoDomainError(f"there is no client domain {wanted}")
    return domain


def _avps(snapshot: Snapshot, upstream: Upstream) -> dict[str, str]:
    avp, value = _sip_domain_avp(snapshot), upstream.sip_domain
    return {} if avp is None or value is None else {avp: value}


def _sip_domain_avp(snapshot: Snapshot) -> str | None:
    config = snapshot.parts.config
    return None if config is None else config.client_sip_domain_avp


def _family(number: int, rest: bytes) -> bytes:
    if _HAS_SIZE:
        return bytes([len(rest) + 2, number]) + rest
    return struct.pack("=H", number) + rest


def _unix_address(path: str) -> bytes:
    raw = path.encode("utf-8", "surrogateescape") + b"\0"
    if len(raw) > _UNIX_PATH_SIZE or b"\0" in raw[:-1]:
        raise ConfigError(
            f"unix:{path} cannot be the path of a socket", hint=f"up to {_UNIX_PATH_SIZE - 1} bytes"
        )
    return _family(socket.AF_UNIX, raw)


def _internet_address(family: int, address: tuple[object, ...]) -> bytes:
    packed = socket.inet_pton(family, str(address[0]).partition("%")[0])
    port = struct.pack("!H", address[1])
    if family == socket.AF_INET:
        return _family(family, port + packed + bytes(8))
    flow, scope = address[2:4]
    return _family(family, port + struct.pack("!I", flow) + packed + struct.pack("=I", scope))
