"""Opens a listener: takes addresses and routes in the forms that programs write them in."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence

from tlsmgm._engine.accepted import AcceptedConnection
from tlsmgm._engine.ended import Ended
from tlsmgm._engine.listener import Listener, Source
from tlsmgm._engine.options import ListenOptions
from tlsmgm._engine.upstreams import AnyRoutes, Routes, as_routes, check_plain
from tlsmgm._serving.listening import BoundSocket, bind, close_sockets
from tlsmgm._serving.targets import Target, parse_target
from tlsmgm.errors import ConfigError, UnsupportedError

__all__ = ["check_callbacks", "open_listener"]


def check_callbacks(**callbacks: object) -> None:
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


def open_listener(
    source: Source,
    addresses: Iterable[BoundSocket | Target | str],
    routes: AnyRoutes,
    options: ListenOptions,
    on_end: Callable[[Ended], object] | None,
    on_connection: Callable[[AcceptedConnection], object] | None,
) -> Listener:
    """Listen, see :meth:`tlsmgm.TLSManager.listen`.

    Args:
        source: the manager.
        addresses: where to listen; sockets that are bound already must be as many as workers.
        routes: where connections go.
        options: whatever else was chosen.
        on_end: hears of each connection that is over.
        on_connection: gets each connection that is handed over.
    """
    if isinstance(addresses, (str, Target, BoundSocket)) or not isinstance(addresses, Iterable):
        addresses = [addresses]
    given = list(addresses)
    known = as_routes(routes)
    targets = [_target(item) for item in given if not isinstance(item, BoundSocket)]
    bound = [item for item in given if isinstance(item, BoundSocket)]
    _check(source, options, bound, targets, known)
    bound += bind(targets, options.workers, is_exclusive=True)
    try:
        return Listener(source, bound, known, options, on_end, on_connection)
    except BaseException:
        close_sockets(bound)
        raise


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
