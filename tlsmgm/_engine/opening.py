"""Opens a listener: takes everything in the forms that programs write it in."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence

from tlsmgm._engine.accepted import AcceptedConnection
from tlsmgm._engine.ended import Ended
from tlsmgm._engine.listener import Listener, Source
from tlsmgm._engine.on_demand import ClientHello, OnDemand, as_on_demand
from tlsmgm._engine.options import ListenOptions
from tlsmgm._engine.upstreams import AnyRoutes, Routes, as_routes, check_plain
from tlsmgm._serving.forwarding import Balance, ProxyProtocol, ProxyTLVs, UncleanEnd, chosen
from tlsmgm._serving.limits import Limits
from tlsmgm._serving.listening import BoundSocket, bind, close_sockets
from tlsmgm._serving.networks import parse_networks
from tlsmgm._serving.targets import Target, parse_target
from tlsmgm.errors import ConfigError, UnsupportedError

__all__ = ["open_listener"]


def open_listener(
    source: Source,
    addresses: Iterable[BoundSocket | Target | str] | str,
    routes: AnyRoutes,
    *,
    workers: int,
    limits: Limits | None,
    connect_timeout: float,
    balance: Balance | str,
    unclean_end: UncleanEnd | str,
    proxy_protocol: ProxyProtocol | str | None,
    proxy_protocol_tlvs: ProxyTLVs | str,
    proxy_header_from: Iterable[str] | str | None,
    nice: int,
    on_end: Callable[[Ended], object] | None,
    on_connection: Callable[[AcceptedConnection], object] | None,
    on_client_hello: OnDemand | Callable[[ClientHello], object] | None,
) -> Listener:
    """Listen; :meth:`tlsmgm.TLSManager.listen` says more of everything.

    Args:
        source: the manager.
        addresses: where to listen; sockets that are bound already must be as many as workers.
        routes: where connections go.
        workers: threads.
        limits: what clients are granted.
        connect_timeout: seconds for reaching an upstream.
        balance: which upstream of several is next.
        unclean_end: what a plain neighbour sees where the end is not a clean one.
        proxy_protocol: version of the header for upstreams.
        proxy_protocol_tlvs: what version 2 of it says beside the addresses.
        proxy_header_from: networks that send such a header to us.
        nice: how much the workers yield.
        on_end: hears of each connection that is over.
        on_connection: gets each connection that is handed over.
        on_client_hello: finds the domain of a client for whom none answers.
    """
    trusted = None
    if proxy_header_from is not None:
        trusted = parse_networks(proxy_header_from, "proxy_header_from")
    _check_callbacks(on_end=on_end, on_connection=on_connection)
    options = ListenOptions(
        workers=workers,
        limits=Limits() if limits is None else limits,
        connect_timeout=connect_timeout,
        balance=chosen(Balance, balance, "balance"),
        unclean_end=chosen(UncleanEnd, unclean_end, "unclean_end"),
        proxy_protocol=None
        if proxy_protocol is None
        else chosen(ProxyProtocol, proxy_protocol, "proxy_protocol"),
        proxy_protocol_tlvs=chosen(ProxyTLVs, proxy_protocol_tlvs, "proxy_protocol_tlvs"),
        proxy_header_from=trusted,
        on_demand=as_on_demand(on_client_hello),
        nice=nice,
        tells_ends=on_end is not None,
    )
    bound, known = _places(source, options, addresses, routes)
    try:
        return Listener(source, bound, known, options, on_end, on_connection)
    except BaseException:
        close_sockets(bound)
        raise


def _check_callbacks(**callbacks: object) -> None:
    """See whether they can be called, by name; None is none.

    Raises:
        TypeError: one is no plain function.
    """
    for name, callback in callbacks.items():
        if callback is None:
            continue
        if not callable(callback):
            raise TypeError(f"{name} must be a function, not {type(callback).__name__}")
        if inspect.iscoroutinefunction(callback):
            raise TypeError(f"{name} must be a plain function; tasks use 'async for'")


def _places(
    source: Source,
    options: ListenOptions,
    addresses: Iterable[BoundSocket | Target | str] | str,
    routes: AnyRoutes,
) -> tuple[list[BoundSocket], Routes]:
    """Bind the sockets, once it is known that the routes can be used."""
    if isinstance(addresses, (str, Target, BoundSocket)) or not isinstance(addresses, Iterable):
        addresses = [addresses]
    given = list(addresses)
    known = as_routes(routes)
    targets = [_target(item) for item in given if not isinstance(item, BoundSocket)]
    bound = [item for item in given if isinstance(item, BoundSocket)]
    _check(source, options, bound, targets, known)
    return bound + bind(targets, options.workers, is_exclusive=True), known


def _target(address: Target | str) -> Target:
    if isinstance(address, Target):
        return address
    if not isinstance(address, str):
        raise ConfigError(
            f"cannot listen on {address!r}", parameter="addresses", hint="such as 'tls:HOST:PORT'"
        )
    return parse_target(address, listening=True)


def _check(
    source: Source,
    options: ListenOptions,
    bound: Sequence[BoundSocket],
    targets: Sequence[Target],
    routes: Routes,
) -> None:
    if not bound and not targets:
        raise ConfigError("there is no address to listen on", parameter="addresses")
    if any(len(item.socks) != options.workers for item in bound):
        raise ConfigError(
            "each address needs a socket for every worker",
            parameter="addresses",
            hint="bind(targets, workers) makes them",
        )
    if any(not item.is_tls for item in (*targets, *(item.target for item in bound))):
        check_plain(routes)
    everything = [*targets, *(item.target for item in bound)]
    if any(item.is_tls for item in everything) and source.state()[0].selector is None:
        raise UnsupportedError("this manager has no TLS library (tls_library is 'none')")
