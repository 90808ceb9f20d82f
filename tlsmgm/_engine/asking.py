"""Looks for the domains of clients for whom none answers, and remembers what was found.

::

    workers --questions--> thread "tlsmgm-hellos" --look-ups--> the program's loop, or threads
            <--plans------                        <--domain----

The clients wait in the workers, which go on with others meanwhile.  Of those who ask for one name
at one address, one is asked for.  Each look-up has the time of a handshake and a little more.
Whatever the program does, the thread goes on: it waits for nobody, and nothing that goes wrong in a
look-up is raised here.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import re
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tlsmgm._core.match_index import MatchIndex
from tlsmgm._core.plan import Plan
from tlsmgm._core.question import Question, Questions
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.filters import pack_ip
from tlsmgm._domains.matching import match_entries
from tlsmgm._engine.bell import Bell
from tlsmgm._engine.looking_up import Looked, LookUps
from tlsmgm._engine.on_demand import ClientHello, OnDemand
from tlsmgm._native.contexts import BuiltContext

__all__ = ["Asking", "Oracle"]

logger = logging.getLogger("tlsmgm")

#: Questions of one worker that may wait to be looked at; the clients of more are refused.
_CAPACITY: Final = 1024

#: Seconds between two looks at what is late.
_TICK: Final = 0.5

#: Seconds at the end of the interpreter for what the thread is doing.
_LAST_WAIT: Final = 2.0

#: Seconds beyond those of a handshake: that one is over is for the engine to say.
_MORE: Final = 1.0

#: Names may become names of files: nothing that means something else there is passed on.
_NAME: Final = re.compile(rb"[a-z0-9]([a-z0-9._-]{0,253}[a-z0-9])?", re.ASCII)

#: Of a client: the name, and our end of the connection.
_Key = tuple[bytes | None, tuple[str, int]]


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

    def complain(self, text: str, error: BaseException | None = None) -> None:
        """Log something, with the way that an error has come, but not again and again."""


@dataclass(slots=True)
class _Found:
    """A domain that was found, as long as it holds."""

    until: float
    domain: Domain
    built: BuiltContext
    plan: Plan | None = None
    era: object = None


class _LookUp:
    """A name that is looked for, and who waits for it."""

    def __init__(self, key: _Key, hello: ClientHello, deadline: float) -> None:
        self.key = key
        self.hello = hello
        self.deadline = deadline
        self.clients: list[tuple[int, Question]] = []
        self.future: concurrent.futures.Future[Looked] | None = None


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
        self._loop = loop
        self._oracle: Oracle
        self._look_ups: LookUps
        self._found: OrderedDict[_Key, _Found] = OrderedDict()
        self._nobody: OrderedDict[_Key, float] = OrderedDict()  # until when each is refused
        self._waiting: dict[_Key, _LookUp] = {}
        self._done: deque[_LookUp] = deque()
        self._to_forget: deque[str | None] = deque()
        self._refused = 0
        self._is_over = False
        self._lock = threading.RLock()  # of the bell's end; a look-up may end where one begins
        self._thread = threading.Thread(target=self._run, name="tlsmgm-hellos", daemon=True)

    def begin(self, oracle: Oracle) -> None:
        """Look at questions from now on.

        Args:
            oracle: makes plans.
        """
        self._oracle = oracle
        self._look_ups = LookUps(self._on_demand, oracle.build, self._loop)
        self._thread.start()

    def end(self) -> None:
        """Look no more, for no worker asks; look-ups that are not done are given up."""
        self._is_over = True
        if self._thread.ident is None:
            self._close()
        self._ring()

    def join(self) -> None:
        """Wait for a moment until that is so."""
        if self._thread.ident is not None:
            self._thread.join(_LAST_WAIT)

    def forget(self) -> None:
        """After a fork, in the child."""
        self.bell.close()

    def forget_name(self, name: str | None) -> None:
        """Look for a name anew when the next client asks for it; None: for all."""
        self._to_forget.append(name)
        self._ring()

    @property
    def refused(self) -> int:
        """Clients who were refused because too many waited."""
        return self._refused + sum(ring.lost for ring in self.rings)

    # In the thread.

    def _run(self) -> None:
        has_failed = False
        while not self._is_over:
            self.bell.wait(_TICK if self._waiting or has_failed else 60.0)
            try:
                self._step()
                has_failed = False
            except Exception:  # such as no memory: those that are left have the next turn
                has_failed = True
                logger.exception("the questions of clients could not be looked at")
        self._look_ups.end()
        for look_up in self._waiting.values():
            if look_up.future is not None:
                look_up.future.cancel()
        self._close()

    def _step(self) -> None:
        while self._to_forget:
            self._forget_now(self._to_forget.popleft())
        while self._done:
            self._finish(self._done.popleft())
        now = time.monotonic()
        for look_up in [one for one in self._waiting.values() if one.deadline <= now]:
            self._give_up(look_up)
        for worker, ring in enumerate(self.rings):
            batch = ring.take()
            if batch:
                self.bell.ring()  # there may be more, and others have a turn first
            for question in batch:
                try:
                    self._consider(worker, question)
                except Exception as error:  # others still wait
                    self._oracle.complain(f"a client is refused: {_words_of(error)}", error)
                    self._answer([(worker, question)], None)

    def _consider(self, worker: int, question: Question) -> None:
        name = question.server_name
        key = (None if name is None else name.lower(), question.local)
        client = worker, question
        found = self._remembered(key)
        if found is not None:
            self._answer([client], self._plan_of(found))
        elif self._is_refused(key) or not _is_name(key[0]):
            self._answer([client], None)
        elif key in self._waiting:
            self._waiting[key].clients.append(client)
        elif len(self._waiting) >= self._on_demand.max_waiting or self._look_ups.is_full:
            self._refused += 1
            self._answer([client], None)
        else:
            self._look_for(key, client)

    # What is looked for.

    def _look_for(self, key: _Key, client: tuple[int, Question]) -> None:
        deadline = time.monotonic() + self._oracle.patience + _MORE
        look_up = _LookUp(key, _hello_of(key[0], client[1]), deadline)
        look_up.clients.append(client)
        self._waiting[key] = look_up
        try:
            look_up.future = self._look_ups.begin(look_up.hello)
        except Exception as error:
            self._refuse(look_up, error)
            return
        look_up.future.add_done_callback(lambda _: self._tell_done(look_up))

    def _tell_done(self, look_up: _LookUp) -> None:
        """In whatever thread it is: let ours look."""
        self._done.append(look_up)
        self._ring()

    def _ring(self) -> None:
        """Wake the thread; a number that is closed may be somebody else's by now."""
        with self._lock:
            if self.bell.descriptors:
                self.bell.ring()

    def _close(self) -> None:
        with self._lock:
            self.bell.close()

    def _finish(self, look_up: _LookUp) -> None:
        if self._waiting.get(look_up.key) is not look_up:
            return  # it came too late, and was given up
        assert look_up.future is not None
        try:
            looked = look_up.future.result(0)
            if looked is not None:
                _check_match(looked[0], look_up.key)
        except BaseException as error:  # the program's; none of ours is raised here
            self._refuse(look_up, error)
            return
        del self._waiting[look_up.key]
        if looked is None:
            self._remember_nobody(look_up.key)
            self._answer(look_up.clients, None)
            return
        for text in _warnings_of(*looked):
            self._oracle.complain(text)
        found = _Found(time.monotonic() + self._on_demand.seconds, *looked)
        self._remember(look_up.key, found)
        self._answer(look_up.clients, self._plan_of(found))

    def _give_up(self, look_up: _LookUp) -> None:
        if look_up.future is not None:
            look_up.future.cancel()
        self._refuse(look_up, None)

    def _refuse(self, look_up: _LookUp, error: BaseException | None) -> None:
        """It has failed; None: it took too long."""
        del self._waiting[look_up.key]
        self._remember_nobody(look_up.key)
        self._answer(look_up.clients, None)
        name = look_up.hello.server_name
        who = "clients without a name" if name is None else repr(name)
        why = "was not found in the time of a handshake" if error is None else _words_of(error)
        self._oracle.complain(f"the domain for {who}: {why}", error)

    def _answer(self, clients: Sequence[tuple[int, Question]], plan: Plan | None) -> None:
        for worker, question in clients:
            try:
                self._oracle.answer(worker, question.token, plan)
            except Exception as error:  # no memory; the client's deadline comes
                self._oracle.complain(f"a client could not be answered: {_words_of(error)}")

    # What is remembered.

    def _remembered(self, key: _Key) -> _Found | None:
        found = self._found.get(key)
        if found is None:
            return None
        if found.until <= time.monotonic():
            self._forget(key)
            return None
        self._found.move_to_end(key)
        return found

    def _is_refused(self, key: _Key) -> bool:
        return self._nobody.get(key, 0.0) > time.monotonic()

    def _remember(self, key: _Key, found: _Found) -> None:
        self._nobody.pop(key, None)
        self._found[key] = found
        while len(self._found) > self._on_demand.remembered:
            self._forget(next(iter(self._found)))

    def _remember_nobody(self, key: _Key) -> None:
        self._nobody.pop(key, None)
        self._nobody[key] = time.monotonic() + self._on_demand.refused_seconds
        while len(self._nobody) > self._on_demand.remembered:
            self._nobody.popitem(last=False)

    def _forget(self, key: _Key) -> None:
        plan = self._found.pop(key).plan
        if plan is not None:
            self._oracle.let_go(plan)

    def _forget_now(self, name: str | None) -> None:
        wanted = None if name is None else name.lower().encode("ascii", "replace")
        for key in [key for key in self._found if name is None or key[0] == wanted]:
            self._forget(key)
        for key in [key for key in self._nobody if name is None or key[0] == wanted]:
            del self._nobody[key]

    def _plan_of(self, found: _Found) -> Plan | None:
        """The plan in which it answers, made anew where routes or limits have changed."""
        try:
            era = self._oracle.era
            if found.plan is None or found.era is not era:
                made, old = self._oracle.plan(found.domain, found.built), found.plan
                found.plan, found.era = made, era
                if old is not None:
                    self._oracle.let_go(old)
            found.plan.turn_ticket_keys()
        except Exception as error:
            self._oracle.complain(f"domain {found.domain.name!r}: {_words_of(error)}")
            return None
        return found.plan


def _is_name(name: bytes | None) -> bool:
    return name is None or (_NAME.fullmatch(name) is not None and b".." not in name)


def _check_match(domain: Domain, key: _Key) -> None:
    """See whether a domain answers for what was asked.

    Raises:
        LookupError: its own filters say no.
    """
    name, (ip, port) = key
    if MatchIndex(match_entries((domain,))).find(pack_ip(ip), port, name) is None:
        raise LookupError(f"what load() has returned does not match it: {domain!r}")


def _hello_of(name: bytes | None, question: Question) -> ClientHello:
    shown = None if name is None else name.decode("ascii")
    return ClientHello(shown, question.local, question.client)


def _warnings_of(domain: Domain, built: BuiltContext) -> Iterator[str]:
    """What a reload would report of a domain of the manager."""
    for parameter, text in built.complaints():
        yield f"domain {domain.name!r}: parameter {parameter!r}: {text}"


def _words_of(error: BaseException) -> str:
    """What an error says; one that cannot even do that is named."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__
