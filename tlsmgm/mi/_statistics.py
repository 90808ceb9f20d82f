"""Statistics over the management interface, as OpenSIPS has them.

A statistic is called ``GROUP:NAME``; ours are all in the group ``tlsmgm``.  Whoever asks names
groups (``tlsmgm:``), statistics with or without their group, or ``all``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tlsmgm.mi._jsonrpc import INVALID_PARAMS, Handler, Params, RPCError

__all__ = ["GROUP", "PARAMETER", "Source", "statistics_commands"]

GROUP: Final = "tlsmgm"

#: The one parameter of the commands: an array of names.
PARAMETER: Final = "statistics"

#: Gives all numbers by name; those whose name ends in ``_total`` only grow.
Source = Callable[[], Mapping[str, int]]

_NOT_FOUND = 404


def statistics_commands(source: Source) -> dict[str, Handler]:
    """Return the handler of each command, by name.

    Args:
        source: is asked anew for each request.
    """

    async def values(params: Params) -> object:
        return {f"{GROUP}:{name}": value for name, value in _chosen(source(), params).items()}

    async def kinds(params: Params) -> object:
        return {f"{GROUP}:{name}": _kind(name) for name in _chosen(source(), params)}

    return {
        "get_statistics": values,
        "statistics:get": values,
        "list_statistics": kinds,
        "statistics:list": kinds,
    }


def _kind(name: str) -> str:
    return "incremental" if name.endswith("_total") else "non-incremental"


def _chosen(everything: Mapping[str, int], params: Params) -> Mapping[str, int]:
    """The statistics that were asked for, in the order in which they are kept."""
    if not params:
        return everything
    wanted = _names(params)
    if not wanted.isdisjoint({"all", f"{GROUP}:"}):
        return everything
    found = {
        name: value
        for name, value in everything.items()
        if name in wanted or f"{GROUP}:{name}" in wanted
    }
    if not found:
        raise RPCError(_NOT_FOUND, "Statistics Not Found")
    return found


def _names(params: Params) -> set[str]:
    if isinstance(params, dict) and set(params) != {PARAMETER}:
        raise RPCError(INVALID_PARAMS, f"Invalid params: there is only {PARAMETER!r}")
    values = list(params.values()) if isinstance(params, dict) else params
    names = values[0] if len(values) == 1 else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RPCError(INVALID_PARAMS, f"Invalid params: {PARAMETER!r} is an array of names")
    return set(names)
