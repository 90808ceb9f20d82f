"""Looks for the domains of clients for whom none answers, and remembers what was found.

::

    workers --questions--> thread "tlsmgm-hellos" --load()--> the program's loop, or a thread
            <--plans------                        <--domain--

The clients wait in the workers, which go on with others meanwhile.  Of those who ask for one name
at one address, one is asked for.  Each look-up has the time of a handshake and a little more.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tlsmgm._core.plan import Plan
from tlsmgm._core.question import Question, Questions
from tlsmgm._domains.addresses import unpack_address
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.words import printable
from tlsmgm._engine.bell import Bell
from tlsmgm._engine.on_demand import ClientHello, OnDemand
from tlsmgm._native.contexts import BuiltContext

__all__ = ["Asking", "Oracle"]

logger = logging.getLogger("tlsmgm")

#: Questions of one worker that may wait to be looked at; the clients of more are refused.
_CAPACITY: Final = 1024

#: Seconds at the end of the interpreter for a look-up that does not end.
_LAST_WAIT: Final = 2.0

#: Seconds beyond those of a handshake: that one is over is for the engine to say.
_MORE: Final = 1.0

#: Names may become names of files: nothing that means something else there is passed on.
_NAME: Final = re.compile(rb"[a-z0-9]([a-z0-9._-]{0,253}[a-z0-9])?", re.ASCII)

#: Of a client: the name, and our end of the connection.
_Key = tuple[bytes | None, tuple[bytes, int]]


class Oracle(Protocol):
    """Who makes plans of domains, and brings them to the workers."""

    @property
    def patience(self) -> float:
        """Seconds that a handshake may take."""

    @property
    def era(self) -> object:
        """What plans are made of; another one: older plans hold no more."""

    @property
    def build(self) -> Callable[[Domain], BuiltContext]:
        """Loads a domain's files; may take long."""

    def plan(self, domain: Domain, built: BuiltContext) -> Plan:
        """Make the plan in which this domain alone answers, and keep it."""

    def let_go(self, plan: Plan) -> None:
        """Keep it as long as somebody has it."""

    def answer(self, worker: int, token: int, plan: Plan | None) -> None:
        """Tell a worker."""


@dataclass(slots=True)
class _Found:
    """The answer to a name, as long as it holds."""

    until: float
    domain: Domain | None = None  # None: it is refused
    built: BuiltContext | None = None
    plan: Plan | None = None
    era: object = None


class Asking:
    """The questions of one engine, and their answers.

    Args:
        on_demand: what the program says.
        workers: how many there are.
        loop: in which coroutine functions of the program run; None: in one of our own.
    """

    def __init__(
        self, on_demand: OnDemand, workers: int, loop: asyncio.AbstractEventLoop | None
    ) -> None:
        self.rings = [Questions(_CAPACITY) for _ in range(workers)]
        self.bell = Bell()
        self._on_demand = on_demand
        self._oracle: Oracle
        self._their_loop = loop
        self._known: OrderedDict[_Key, _Found] = OrderedDict()
        self._waiting: dict[_Key, list[tuple[int, Question]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._refused = 0
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="tlsmgm-hellos", daemon=True)

    def begin(self, oracle: Oracle) -> None:
        """Look at questions from now on.

        Args:
            oracle: makes plans.
        """
        self._oracle = oracle
        self._thread.start()

    def end(self) -> None:
        """Look no more; look-ups that are not done are given up."""
        self._is_over = True
        if self.bell.descriptors:
            self.bell.ring()

    def join(self) -> None:
        """Wait for a moment until that is so."""
        if self._thread.ident is not None:
            self._thread.join(_LAST_WAIT)

    def forget(self) -> None:
        """After a fork, in the child."""
        self.bell.close()

    @property
    def refused(self) -> int:
        """Clients who were refused because too many waited."""
        return self._refused + sum(ring.lost for ring in self.rings)

    # In the thread.

    def _run(self) -> None:
        try:
            asyncio.run(self._attend())
        finally:
            self.bell.close()

    async def _attend(self) -> None:
        loop = asyncio.get_running_loop()
        rung = asyncio.Event()
        loop.add_reader(self.bell.ear, rung.set)
        try:
            while not self._is_over:
                await rung.wait()
                rung.clear()
                self.bell.wait(0)
                self._look()
        finally:
            loop.remove_reader(self.bell.ear)

    def _look(self) -> None:
        for worker, ring in enumerate(self.rings):
            while batch := ring.take():
                for question in batch:
                    self._consider(worker, question)

    def _consider(self, worker: int, question: Question) -> None:
        name = question.server_name
        key = (None if name is None else name.lower(), question.local_address)
        found = self._remembered(key)
        if found is not None:
            self._answer([(worker, question)], found)
        elif key in self._waiting:
            self._waiting[key].append((worker, question))
        elif not _is_name(key[0]):
            self._oracle.answer(worker, question.token, None)
        elif len(self._waiting) >= self._on_demand.max_waiting:
            self._refused += 1
            self._oracle.answer(worker, question.token, None)
        else:
            self._waiting[key] = [(worker, question)]
            task = asyncio.get_running_loop().create_task(self._settle(key, question))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _remembered(self, key: _Key) -> _Found | None:
        found = self._known.get(key)
        if found is not None and found.until <= time.monotonic():
            self._forget(key)
            return None
        return found

    def _remember(self, key: _Key, found: _Found) -> None:
        self._known[key] = found
        while len(self._known) > self._on_demand.remembered:
            self._forget(next(iter(self._known)))

    def _forget(self, key: _Key) -> None:
        plan = self._known.pop(key).plan
        if plan is not None:
            self._oracle.let_go(plan)

    async def _settle(self, key: _Key, question: Question) -> None:
        """Look for the domain of a name, and tell all who wait for it."""
        hello = _hello_of(key[0], question)
        try:
            found = await asyncio.wait_for(self._find(hello), self._oracle.patience + _MORE)
        except TimeoutError:
            found = self._nobody()
            _complain(hello, "was not found in the time of a handshake")
        except Exception as error:
            found = self._nobody()
            _complain(hello, f"{type(error).__name__}: {error}")
        self._remember(key, found)
        self._answer(self._waiting.pop(key), found)

    def _nobody(self) -> _Found:
        return _Found(time.monotonic() + self._on_demand.refused_seconds)

    async def _find(self, hello: ClientHello) -> _Found:
        said = self._on_demand
        if said.ask is not None and not await self._call(said.ask, hello):
            return self._nobody()
        domain = await self._call(said.load, hello)
        if domain is None or domain == "reject":
            return self._nobody()
        if not isinstance(domain, Domain):
            raise TypeError(f"load() must return a Domain, 'reject' or None, not {domain!r}")
        built = await asyncio.to_thread(self._oracle.build, domain)
        return _Found(time.monotonic() + said.seconds, domain, built)

    async def _call(self, callback: Callable[[ClientHello], Any], hello: ClientHello) -> Any:
        """Call the program: coroutine functions in its loop, others in a thread."""
        if not inspect.iscoroutinefunction(callback):
            said = await asyncio.to_thread(callback, hello)
            if not inspect.isawaitable(said):
                return said
            awaited = _await(said)
        else:
            awaited = callback(hello)
        loop = self._their_loop
        if loop is None or loop.is_closed():
            return await awaited
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(awaited, loop))

    def _answer(self, clients: Sequence[tuple[int, Question]], found: _Found) -> None:
        plan = None
        try:
            plan = self._plan_of(found)
        except Exception:
            logger.exception("a domain that was found cannot be used")
        for worker, question in clients:
            self._oracle.answer(worker, question.token, plan)

    def _plan_of(self, found: _Found) -> Plan | None:
        """The plan in which it answers, made anew where routes or limits have changed."""
        if found.domain is None or found.built is None:
            return None
        if found.plan is None or found.era is not self._oracle.era:
            if found.plan is not None:
                self._oracle.let_go(found.plan)
            found.era = self._oracle.era
            found.plan = self._oracle.plan(found.domain, found.built)
        found.plan.turn_ticket_keys()
        return found.plan


async def _await(said: Any) -> Any:
    return await said


def _is_name(name: bytes | None) -> bool:
    return name is None or (_NAME.fullmatch(name) is not None and b".." not in name)


def _hello_of(name: bytes | None, question: Question) -> ClientHello:
    local = unpack_address(question.local_address)
    assert local is not None
    return ClientHello(
        None if name is None else name.decode("ascii"),
        local,
        unpack_address(question.client_address),
    )


def _complain(hello: ClientHello, why: str) -> None:
    who = "clients without a name" if hello.server_name is None else f"{hello.server_name!r}"
    logger.warning("the domain for %s: %s", who, printable(why))
