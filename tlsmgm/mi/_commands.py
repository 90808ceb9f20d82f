"""The commands of the management interface (tls_mgm manual 1.8), and what each of them does.

==================================== ==========================================================
``tls_list``, ``tls_mgm:list``        all domains
``tls_reload``, ``tls_mgm:reload``    reads the domains of the database anew
``tlsmgm:reload``                     reads files and database anew, says what changed (ours)
``which``                             names of the commands
``get_statistics``, ``list_statistics``  see :mod:`tlsmgm.mi._statistics`, if there are any
==================================== ==========================================================
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from tlsmgm.errors import TLSError
from tlsmgm.mi._jsonrpc import INVALID_PARAMS, Handler, Params, RPCError
from tlsmgm.mi._reloading import KINDS, Manager, Reloader
from tlsmgm.mi._statistics import PARAMETER, Source, statistics_commands

__all__ = ["FAILED", "command_table"]

#: Code of OpenSIPS for a command that could not be carried out.
FAILED: Final = 500


def command_table(
    manager: Manager, reloader: Reloader, statistics: Source | None = None
) -> dict[str, Handler]:
    """Return the handler of each command, by name.

    Args:
        manager: has the domains.
        reloader: of the same manager.
        statistics: gives the numbers of the program; None: it has none.
    """
    list_domains = _without_params(_List(manager))
    reload_database = _without_params(_ReloadDatabase(manager, reloader))
    table: dict[str, Handler] = {
        "tls_list": list_domains,
        "tls_mgm:list": list_domains,
        "tls_reload": reload_database,
        "tls_mgm:reload": reload_database,
        "tlsmgm:reload": _without_params(_ReloadEverything(reloader)),
    }
    counting = {} if statistics is None else statistics_commands(statistics)
    table |= counting
    table["which"] = _Which(table, {"which": "command", **dict.fromkeys(counting, PARAMETER)})
    return table


def _without_params(handler: Handler) -> Handler:
    async def check_and_call(params: Params) -> object:
        if params:
            raise RPCError(INVALID_PARAMS, "Invalid params: this command takes none")
        return await handler(params)

    return check_and_call


class _List:
    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    async def __call__(self, _params: Params) -> object:
        return await asyncio.to_thread(self._manager.list_domains)  # there may be many


class _ReloadDatabase:
    """Rows that cannot be used are logged and passed over, as OpenSIPS does; that is still OK."""

    def __init__(self, manager: Manager, reloader: Reloader) -> None:
        self._manager = manager
        self._reloader = reloader

    async def __call__(self, _params: Params) -> object:
        if not self._manager.has_database:
            raise RPCError(FAILED, "DB url not set")
        try:
            await self._reloader.reload_database()
        except TLSError:
            raise RPCError(FAILED, "Failed to reload") from None
        return "OK"


class _ReloadEverything:
    """Unlike OpenSIPS's, its error says what was wrong: it is for people at a shell."""

    def __init__(self, reloader: Reloader) -> None:
        self._reloader = reloader

    async def __call__(self, _params: Params) -> object:
        try:
            report = await self._reloader.reload()
        except TLSError as error:
            raise RPCError(FAILED, "Failed to reload", str(error)) from None
        return {kind: list(getattr(report, kind)) for kind in (*KINDS, "warnings")}


class _Which:
    """The names of all commands; of one command, the lists of parameters that it takes.

    The second form is what ``opensips-cli`` asks to complete a line.
    """

    def __init__(self, table: Mapping[str, Handler], parameters: Mapping[str, str]) -> None:
        self._table = table
        self._parameters = parameters

    async def __call__(self, params: Params) -> object:
        if not params:
            return sorted(self._table)
        values = list(params.values()) if isinstance(params, dict) else params
        named_well = isinstance(params, list) or set(params) == {"command"}
        if not named_well or len(values) != 1:
            raise RPCError(INVALID_PARAMS, "Invalid params: there is only 'command'")
        if not isinstance(values[0], str) or values[0] not in self._table:
            raise RPCError(INVALID_PARAMS, "Invalid params: there is no such command")
        parameter = self._parameters.get(values[0])
        return [[]] if parameter is None else [[], [parameter]]
