"""The threads of an engine: workers, and one that attends to them.

::

    workers (C)   accept, handshakes, bytes      --records-->   attendant (Python)   callbacks
                  <--plans-- whoever reloads                    ticket keys, old plans

The attendant sleeps until a worker rings, so an engine in which nothing happens costs nothing but a
look at the ticket keys now and then.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tlsmgm._core.handover import Handover
from tlsmgm._core.plan import Plan, Routes, UpstreamAddress
from tlsmgm._core.record import Notice, Records, ended_at
from tlsmgm._core.worker import Admission, Senders, Worker
from tlsmgm._domains.filters import pack_ip
from tlsmgm._engine.arrivals import Arrivals
from tlsmgm._engine.asking import Asking
from tlsmgm._engine.bell import Bell
from tlsmgm._engine.ended import Ended
from tlsmgm._engine.forks import forks
from tlsmgm._engine.options import ListenOptions
from tlsmgm._engine.statistics import statistics
from tlsmgm._native.connection import Connection
from tlsmgm._serving.limits import Limits
from tlsmgm._serving.listening import BoundSocket
from tlsmgm._serving.networks import pack_network

__all__ = ["Engine"]

logger = logging.getLogger("tlsmgm")

#: Records of one worker that may wait; more are lost, and counted.
_CAPACITY: Final = 4096

#: Seconds between two looks at ticket keys and old plans.
_TICK: Final = 1.0

#: Seconds in which records gather before they are looked at: one by one they would cost more.
_GATHER: Final = 0.05

#: Seconds at the end of the interpreter for callbacks that have begun.
_LAST_WAIT: Final = 2.0

_MAX_UINT32: Final = 0xFFFF_FFFF

#: Numbers of upstreams that the program has chosen; those of plans are below.
_FIRST_ADOPTED: Final = 1 << 31
_MOST_ADDRESSES: Final = 0xFFFF
_MOST_ADOPTED: Final = 1 << 17

_ANYWHERE: Final = ("0.0.0.0", "::")


class Engine:
    """Workers over listening sockets, from :meth:`start` until the last of them has ended.

    Args:
        bound: the sockets, one of each for every worker; they belong to the engine from now on.
        plan: what holds at first.
        options: of the listener.
        tell: is called with each connection that is over, the oldest first, and with each notice,
            in the attendant's thread.
        asking: looks for domains where none answers; None: nobody does.
    """

    def __init__(
        self,
        bound: Sequence[BoundSocket],
        plan: Plan,
        options: ListenOptions,
        tell: Callable[[Ended | Notice], None],
        asking: Asking | None,
    ) -> None:
        self._tell = tell
        self._lock = threading.Lock()  # of plans and of what was sent on
        self._plans: dict[int, Plan] = {plan.number: plan}
        self._plan = plan
        self._kept: set[int] = set()  # numbers of plans that may still be answered with
        self._asking = asking
        self._admission = _admission(options.limits)
        self._bell = Bell()
        self._is_over = threading.Event()
        self._adopted: dict[int, tuple[UpstreamAddress, tuple[int, ...]]] = {}
        self._turn = 0
        self._next_number = _FIRST_ADOPTED
        self._is_forked = False
        self._nice = options.nice
        count = len(bound[0].socks) if bound else 0
        self._records = [Records(Ended, Connection, _CAPACITY) for _ in range(count)]
        self.arrivals = Arrivals(count, self._plans)
        self._workers = [
            Worker(
                self._admission,
                plan,
                _listeners(bound, number, _senders(options)),
                self._records[number],
                self._bell.handle,
                self.arrivals.rings[number],
                self.arrivals.bell.handle,
                None if asking is None else asking.rings[number],
                -1 if asking is None else asking.bell.handle,
                tells_ends=options.tells_ends,
            )
            for number in range(count)
        ]
        self._working = 0  # threads; of the lock
        self._threads = [
            threading.Thread(
                target=self._work, args=[worker], name=f"tlsmgm-worker-{number}", daemon=True
            )
            for number, worker in enumerate(self._workers)
        ]
        self._attendant = threading.Thread(target=self._attend, name="tlsmgm-engine", daemon=True)
        forks.tell(self)

    def start(self) -> None:
        """Begin to accept.

        Raises:
            RuntimeError: the system gives no threads; then those that it gave have ended.
        """
        _running.add(self)
        try:
            for thread in self._threads:
                with self._lock:
                    self._working += 1
                thread.start()
            self._attendant.start()
        except BaseException:
            self._give_up()
            raise

    def _give_up(self) -> None:
        self.stop()
        for thread in self._threads:
            with contextlib.suppress(RuntimeError):  # it never began
                thread.join()
        _running.discard(self)
        self.arrivals.end()
        self._end_asking()
        self._is_over.set()

    def _end_asking(self) -> None:
        if self._asking is not None:
            self._asking.end()

    def post(self, plan: Plan) -> None:
        """Let a plan hold for all connections that are accepted after this has returned.

        Args:
            plan: its number is higher than those before it.
        """
        plan.turn_ticket_keys()
        with self._lock:
            self._plans[plan.number] = plan
            self._plan = plan
            for worker in self._workers:
                worker.post(plan)

    @property
    def plan(self) -> Plan:
        """What holds for new connections."""
        return self._plan

    def keep(self, plan: Plan) -> None:
        """Know a plan for :meth:`answer`, until it is let go.

        Args:
            plan: its number is no other plan's.
        """
        with self._lock:
            self._plans[plan.number] = plan
            self._kept.add(plan.number)

    def let_go(self, plan: Plan) -> None:
        """Know it only as long as a connection has it."""
        with self._lock:
            self._kept.discard(plan.number)

    def answer(self, worker: int, token: int, plan: Plan | None) -> None:
        """Answer the question of a worker.

        Args:
            worker: its number.
            token: of the question.
            plan: that is kept; None: the client is refused.
        """
        self._workers[worker].answer(token, plan)

    def drain(self, milliseconds: int) -> None:
        """Take no more connections, and end those that are there in time.

        Args:
            milliseconds: how long they have by themselves; a second call can only make that
                shorter.
        """
        for worker in self._workers:
            worker.drain(milliseconds)

    def stop(self) -> None:
        """Reset whoever is connected, and end; those that the program has are its own."""
        for worker in self._workers:
            worker.stop()

    def adopt(
        self,
        handover: Handover,
        connection: Connection,
        take_socket: Callable[[], int],
        to: Sequence[UpstreamAddress],
    ) -> None:
        """Relay a connection that was handed over; its place is the engine's again.

        Args:
            handover: of it.
            connection: that was made of it.
            take_socket: gives its descriptor, which is the engine's from then on, whatever happens.
            to: the addresses of its upstream.

        Raises:
            ValueError: the connection has ended.
        """
        routes, worker = self._adopt(to)
        worker.adopt(handover, connection, take_socket(), routes)

    def _adopt(self, to: Sequence[UpstreamAddress]) -> tuple[Routes, Worker]:
        """Give addresses numbers of their own, and choose whose turn it is."""
        with self._lock:
            number = self._next_number
            self._next_number += len(to)
            if self._next_number > _MAX_UINT32 - _MOST_ADDRESSES:
                self._next_number = _FIRST_ADOPTED
            group = tuple(range(number, number + len(to)))
            self._adopted.update(
                {one: (address, group) for one, address in zip(group, to, strict=True)}
            )
            while len(self._adopted) > _MOST_ADOPTED:  # of records that were lost
                self._adopted.pop(next(iter(self._adopted)))
            self._turn += 1
            return Routes({None: to}, number), self._workers[self._turn % len(self._workers)]

    def leave(self) -> None:
        """Give back the place of a connection that the program has closed."""
        self._admission.leave()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until everything has ended, and all that was to be told is told.

        Args:
            seconds: how long; None: for ever.

        Returns:
            Whether it has.

        Raises:
            RuntimeError: a thread of the engine would wait for itself.
        """
        if self.has_this_thread:
            raise RuntimeError("a callback of a listener cannot wait until the listener has ended")
        return self._is_over.wait(seconds)

    def join(self) -> None:
        """Wait for the workers, and a moment for whoever is told of connections that are over."""
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        if self._asking is not None:
            self._asking.join()
        if not self.has_this_thread:
            self._is_over.wait(_LAST_WAIT)

    @property
    def is_over(self) -> bool:
        """Whether everything has ended."""
        return self._is_over.is_set()

    @property
    def has_this_thread(self) -> bool:
        """Whether it is a thread of the engine that asks."""
        return threading.current_thread() in (self._attendant, *self._threads)

    @property
    def is_forked(self) -> bool:
        """Whether this process is a child of the one in which it works: here it is dead."""
        return self._is_forked

    def hold(self) -> None:
        """Before a fork: let all threads stand still, at a moment when they do nothing."""
        for worker in self._workers:
            worker.hold()

    def release(self) -> None:
        """After a fork, in the parent: let them go on."""
        for worker in self._workers:
            worker.release()

    def forget(self) -> None:
        """After a fork, in the child: let go of what goes on in the parent."""
        self._is_forked = True
        _running.discard(self)
        for worker in self._workers:
            worker.forget()
        self._bell.close()
        self.arrivals.forget()
        if self._asking is not None:
            self._asking.forget()

    @property
    def lost(self) -> int:
        """Records that found no room."""
        return sum(records.lost for records in self._records)

    def statistics(self) -> Mapping[str, int]:
        """Return what has been counted, see :mod:`tlsmgm._engine.statistics`."""
        counts = [worker.counts() for worker in self._workers]
        lost = {
            "records_lost_total": self.lost,
            "handovers_late_total": self.arrivals.late,
            "questions_refused_total": 0 if self._asking is None else self._asking.refused,
        }
        return {**statistics(counts, self._admission.counts()), **lost}

    # The attendant.

    def _work(self, worker: Worker) -> None:
        try:
            if self._nice and sys.platform.startswith("linux"):
                _be_nice(self._nice)
            worker.run()
        finally:
            with self._lock:  # the bell is there as long as somebody works
                self._working -= 1
                self._bell.ring()

    @property
    def _is_working(self) -> bool:
        with self._lock:
            return self._working > 0

    def _attend(self) -> None:
        next_tick = time.monotonic()
        try:
            while self._is_working:
                if self._bell.wait(min(next_tick - time.monotonic(), _TICK)):
                    time.sleep(_GATHER)
                self._take_records()
                if time.monotonic() >= next_tick:
                    next_tick = time.monotonic() + _TICK
                    self._tick()
            self._take_last_records()
        finally:
            try:
                self._end()
            finally:
                _running.discard(self)
                self._is_over.set()

    def _end(self) -> None:
        """Nobody rings any more: also where the attendant has failed, before its workers end."""
        if self._is_working:
            self.stop()
            for thread in self._threads:
                thread.join()
        self._bell.close()
        self.arrivals.end()
        self._end_asking()

    def _take_last_records(self) -> None:
        """No more come; those for which there is no memory, three times, nobody is told of."""
        for _ in range(3):
            if self._take_records():
                return
            time.sleep(_GATHER)

    def _take_records(self) -> bool:
        """Tell of all that waits; False: there was no memory for some, which still wait."""
        ended: list[Ended] = []
        told: list[Notice] = []
        try:
            alone = [plan for plan in self._old_plans() if plan.is_alone]
            self._gather(ended, told)
        except Exception:
            _complain("some of those that have ended are told of later")
            alone = None
        for notice in told:
            self._tell_one(notice)
        for one in ended:
            self._tell_one(one)
        if alone is None:
            return False
        with self._lock:
            for plan in alone:
                del self._plans[plan.number]
        return True

    def _gather(self, ended: list[Ended], told: list[Notice]) -> None:
        """All that waits, of all workers; connections in the order in which they have ended."""
        with self._lock:
            for records in self._records:
                records.take(self._plans, self._adopted, ended, told)
        ended.sort(key=ended_at)

    def _old_plans(self) -> list[Plan]:
        with self._lock:
            used = {self._plan.number, *self._kept}
            return [plan for number, plan in self._plans.items() if number not in used]

    def _tell_one(self, item: Ended | Notice) -> None:
        try:
            self._tell(item)
        except BaseException:  # sys.exit() too: others are still to be told
            _complain("a callback for connections that have ended failed")

    def _tick(self) -> None:
        try:
            self.arrivals.sweep()
        except Exception:  # such as no memory: the next look comes
            _complain("connections that nobody takes cannot be looked for")
        try:
            self._plan.turn_ticket_keys()
        except Exception:
            _complain("the keys of session tickets cannot be changed")


def _complain(text: str) -> None:
    """Log it with the exception; without memory not even that may go well."""
    with contextlib.suppress(Exception):
        logger.exception(text)


#: Those that have a thread, whether or not anybody has their listener.
_running: Final[set[Engine]] = set()


@atexit.register
def _end_all() -> None:
    """What the C libraries have must not go while threads use it."""
    engines = list(_running)
    for engine in engines:
        engine.stop()
    for engine in engines:
        engine.join()


def _be_nice(value: int) -> None:
    """Let the thread that asks yield to others; on Linux each has a value of its own.

    Args:
        value: of nice; a process that is nicer stays so, for going back is not allowed.
    """
    thread = threading.get_native_id()
    with contextlib.suppress(OSError):
        if os.getpriority(os.PRIO_PROCESS, thread) < value:
            os.setpriority(os.PRIO_PROCESS, thread, value)


def _admission(limits: Limits) -> Admission:
    return Admission(
        max_connections=min(limits.max_connections, _MAX_UINT32),
        max_handshakes=min(limits.max_handshakes, _MAX_UINT32),
        max_handshakes_per_network=min(limits.max_handshakes_per_network, _MAX_UINT32),
        ipv4_prefix=limits.ipv4_prefix,
        ipv6_prefix=limits.ipv6_prefix,
    )


def _senders(options: ListenOptions) -> Senders | None:
    networks = options.proxy_header_from
    return None if networks is None else Senders([pack_network(item) for item in networks])


def _listeners(
    bound: Sequence[BoundSocket], worker: int, senders: Senders | None
) -> list[tuple[int, int, bool, bool, bool, bytes, int, Senders | None]]:
    return [
        (
            item.socks[worker].detach(),
            number,
            not item.target.is_tls,
            item.target.host in _ANYWHERE,
            item.is_exclusive,
            pack_ip(item.target.host.partition("%")[0]),
            item.target.port,
            senders,
        )
        for number, item in enumerate(bound)
    ]
