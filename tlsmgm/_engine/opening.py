"""Opens a listener: takes addresses and routes in the forms that programs write them in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tlsmgm._engine.ended import Ended
from tlsmgm._engine.listener import Listener, Source
from tlsmgm._engine.options import ListenOptions
from tlsmgm._engine.upstreams import AnyRoutes, as_routes
from tlsmgm._serving.listening import BoundSocket, bind, close_sockets
from tlsmgm._serving.targets import Target, parse_target
from tlsmgm.errors import ConfigError, UnsupportedError

__all__ = ["open_listener"]


def open_listener(
    source: Source,
    addresses: Iterable[BoundSocket | Target | str],
    routes: AnyRoutes,
    options: ListenOptions,
    on_end: Callable[[Ended], object] | None,
) -> Listener:
    """Listen, see :meth:`tlsmgm.TLSManager.listen`.

    Args:
        source: the manager.
        addresses: where to listen; sockets that are bound already must be as many as workers.
        routes: where connections go.
        options: whatever else was chosen.
        on_end: hears of each connection that is over.
    """
    given = [addresses] if isinstance(addresses, (str, Target, BoundSocket)) else list(addresses)
    known = as_routes(routes)
    targets = [_target(item) for item in given if not isinstance(item, BoundSocket)]
    bound = [item for item in given if isinstance(item, BoundSocket)]
    _check(source, options, bound, targets)
    bound += bind(targets, options.workers)
    try:
        return Listener(source, bound, known, options, on_end)
    except BaseException:
        close_sockets(bound)
        raise


def _target(address: Target | str) -> Target:
    return parse_target(address, listening=True) if isinstance(address, str) else address


def _check(
    source: Source,
    options: ListenOptions,
    bound: Sequence[BoundSocket],
    targets: Sequence[Target],
) -> None:
    if options.workers < 1:
        raise ConfigError(f"cannot be {options.workers}", parameter="workers", hint="1 or more")
    if not bound and not targets:
        raise ConfigError("there is no address to listen on", parameter="addresses")
    if any(len(item.socks) != options.workers for item in bound):
        raise ConfigError(
            "each address needs a socket for every worker",
            parameter="addresses",
            hint="bind(targets, workers) makes them",
        )
    everything = [*targets, *(item.target for item in bound)]
    if any(item.is_tls for item in everything) and source.state()[0].selector is None:
        raise UnsupportedError("this manager has no TLS library (tls_library is 'none')")
