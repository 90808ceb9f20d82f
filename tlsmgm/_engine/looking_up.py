"""Calls what a program has given to find domains: coroutine functions in a loop, others in threads.

Nobody waits here.  A call that has ended is told; one that does not end keeps its thread, and there
are only so many of those.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from tlsmgm._domains.domain import Domain
from tlsmgm._engine.on_demand import ClientHello, OnDemand
from tlsmgm._native.contexts import BuiltContext

__all__ = ["LookUps", "Looked"]

_T = TypeVar("_T")

#: Seconds at the end for what does not let itself be cancelled.
_LAST_WAIT: Final = 1.0

#: What a look-up has found: a domain and its context, or None: nobody is to answer.
Looked = tuple[Domain, BuiltContext] | None


class LookUps:
    """Look-ups of one listener.

    Args:
        on_demand: what the program says.
        build: loads a domain's files; may take long.
        loop: in which coroutine functions of the program run; None: in one of our own.
    """

    def __init__(
        self,
        on_demand: OnDemand,
        build: Callable[[Domain], BuiltContext],
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self._on_demand = on_demand
        self._build = build
        self._their_loop = loop
        self._our_loop: _Loop | None = None
        self._lock = threading.Lock()
        self._threads = 0
        callbacks = (on_demand.load, on_demand.ask)
        self._has_coroutines = any(map(inspect.iscoroutinefunction, callbacks))

    @property
    def is_full(self) -> bool:
        """Whether so many calls have not ended that no other may begin."""
        return self._threads >= self._on_demand.max_waiting

    def begin(self, hello: ClientHello) -> concurrent.futures.Future[Looked]:
        """Look for the domain of a client.

        Args:
            hello: what is known of it.

        Returns:
            What is done when the look-up is.

        Raises:
            RuntimeError: the program's loop is closed, or there is no thread to be had.
        """
        if not self._has_coroutines:
            return self._in_thread(lambda: self._find(hello))
        work = self._find_later(hello)
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop())
        except BaseException:
            work.close()
            raise

    def end(self) -> None:
        """Nothing more will be asked; what goes on in our loop is cancelled."""
        if self._our_loop is not None:
            self._our_loop.end()

    # In threads.

    def _find(self, hello: ClientHello) -> Looked:
        said = self._on_demand
        if said.ask is not None and not self._called(said.ask, hello):
            return None
        domain = _checked(self._called(said.load, hello))
        return None if domain is None else (domain, self._build(domain))

    def _called(self, callback: Callable[[ClientHello], Any], hello: ClientHello) -> Any:
        """Call a plain function; what it wants to be awaited is awaited where the program does."""
        said = callback(hello)
        if not inspect.isawaitable(said):
            return said
        loop = self._their_loop
        if loop is None or loop.is_closed():
            return asyncio.run(_await(said))
        return asyncio.run_coroutine_threadsafe(_await(said), loop).result()

    def _in_thread(self, work: Callable[[], _T]) -> concurrent.futures.Future[_T]:
        """Do something in a thread of its own, for which nobody waits at the end."""
        future: concurrent.futures.Future[_T] = concurrent.futures.Future()

        def run() -> None:
            try:
                found = work()
            except BaseException as error:  # sys.exit() too: it is told, and ends nothing
                _settle(future, error=error)
            else:
                _settle(future, found)
            finally:
                with self._lock:
                    self._threads -= 1

        with self._lock:
            self._threads += 1
        try:
            threading.Thread(target=run, name="tlsmgm-hello", daemon=True).start()
        except BaseException:
            with self._lock:
                self._threads -= 1
            raise
        return future

    # In a loop.

    def _loop(self) -> asyncio.AbstractEventLoop:
        if self._their_loop is not None:
            return self._their_loop
        if self._our_loop is None:
            self._our_loop = _Loop()
        return self._our_loop.loop

    async def _find_later(self, hello: ClientHello) -> Looked:
        said = self._on_demand
        if said.ask is not None and not await self._call(said.ask, hello):
            return None
        domain = _checked(await self._call(said.load, hello))
        if domain is None:
            return None
        build = self._in_thread(lambda: self._build(domain))
        return domain, await asyncio.wrap_future(build)

    async def _call(self, callback: Callable[[ClientHello], Any], hello: ClientHello) -> Any:
        if inspect.iscoroutinefunction(callback):
            return await callback(hello)
        said = await asyncio.wrap_future(self._in_thread(lambda: callback(hello)))
        return await said if inspect.isawaitable(said) else said


class _Loop:
    """An event loop in a thread of its own; it runs as soon as it is there."""

    def __init__(self) -> None:
        self._is_there = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tlsmgm-hellos-loop", daemon=True)
        self._thread.start()
        self._is_there.wait()

    def _run(self) -> None:
        asyncio.run(self._wait())

    async def _wait(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._over = self.loop.create_future()
        self._is_there.set()
        await self._over

    def end(self) -> None:
        """Cancel what goes on, and wait for a moment until that is done."""
        self.loop.call_soon_threadsafe(self._over.set_result, None)
        self._thread.join(_LAST_WAIT)


def _checked(domain: object) -> Domain | None:
    if domain is None or domain == "reject":
        return None
    if not isinstance(domain, Domain):
        raise TypeError(f"load() must return a Domain, 'reject' or None, not {domain!r}")
    return domain


def _settle(
    future: concurrent.futures.Future[_T],
    found: _T | None = None,
    error: BaseException | None = None,
) -> None:
    """Say what has come of it, unless somebody has given it up."""
    if not future.set_running_or_notify_cancel():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(found)  # type: ignore[arg-type]  # without an error it is what was found


def _await(said: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
    async def wait() -> Any:
        return await said

    return wait()
