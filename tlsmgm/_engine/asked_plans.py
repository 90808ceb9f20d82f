"""Plans of domains that were looked for: one each, and known as long as it may be answered with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tlsmgm._core.plan import Plan
from tlsmgm._domains.domain import Domain
from tlsmgm._engine.engine import Engine
from tlsmgm._native.contexts import BuiltContext

__all__ = ["AskedPlans"]

#: Numbers of these plans; those that hold for all are below.
_FIRST_NUMBER: Final = 1 << 32


class AskedPlans:
    """What :class:`~tlsmgm._engine.asking.Asking` needs of a listener.

    Args:
        engine: its engine.
        build: loads a domain's files.
        make: makes the plan of a number in which a domain alone answers.
        patience: returns the seconds that a handshake may take.
        complain: logs something, with an error if there is one, but not again and again.
    """

    def __init__(
        self,
        engine: Engine,
        build: Callable[[Domain], BuiltContext],
        make: Callable[[int, Domain, BuiltContext], Plan],
        patience: Callable[[], float],
        complain: Callable[[str, BaseException | None], None],
    ) -> None:
        self._engine = engine
        self._make = make
        self._patience = patience
        self._number = _FIRST_NUMBER
        self._complain = complain
        self.build = build

    @property
    def patience(self) -> float:
        """Seconds that a handshake may take."""
        return self._patience()

    @property
    def era(self) -> object:
        """The plan that holds for all others; what is made beside it holds as long."""
        return self._engine.plan

    def complain(self, text: str, error: BaseException | None = None) -> None:
        """Log something, with the way that an error has come, but not again and again."""
        self._complain(text, error)

    def plan(self, domain: Domain, built: BuiltContext) -> Plan:
        """Make the plan in which this domain alone answers, and keep it."""
        self._number += 1
        plan = self._make(self._number, domain, built)
        self._engine.keep(plan)
        return plan

    def let_go(self, plan: Plan) -> None:
        """Keep it as long as a connection has it."""
        self._engine.let_go(plan)

    def answer(self, worker: int, token: int, plan: Plan | None) -> None:
        """Tell a worker; None: the client is refused."""
        self._engine.answer(worker, token, plan)
