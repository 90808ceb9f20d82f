"""The wish that a proxy ends, which its owner has and the proxy obeys."""

from __future__ import annotations

import asyncio

__all__ = ["Shutdown"]


class Shutdown:
    """Tells a :class:`~tlsmgm.proxy.TLSProxy` to end: politely first, at once if asked again.

    It is used in the thread of the event loop.
    """

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._hurrying = asyncio.Event()

    @property
    def is_requested(self) -> bool:
        """Whether anybody has asked."""
        return self._asked.is_set()

    def request(self) -> None:
        """Take no more connections and let the running ones end; a second call cuts them."""
        if self._asked.is_set():
            self._hurrying.set()
        self._asked.set()

    async def wait(self) -> None:
        """Wait until somebody asks."""
        await self._asked.wait()

    async def wait_for_hurry(self) -> None:
        """Wait until somebody asks for the second time."""
        await self._hurrying.wait()
