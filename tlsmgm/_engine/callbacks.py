"""Calls a program's function for connections that are handed over, and tells its faults from ends.

A client may go at any time, which the function meets as an error; that is no fault of the program,
and not worth more than a line.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from tlsmgm._domains.words import printable
from tlsmgm._engine.accepted import AcceptedConnection
from tlsmgm._engine.arrivals import Arrivals
from tlsmgm.errors import AlertError, TruncatedError

__all__ = ["serve", "who"]

logger = logging.getLogger("tlsmgm")

#: Seconds until the next look, where there was no memory.
_PAUSE: Final = 0.5

#: By these a function learns that the client has gone.
_GONE: Final = (
    ConnectionResetError,
    ConnectionAbortedError,
    BrokenPipeError,
    TruncatedError,
    AlertError,
)


def serve(arrivals: Arrivals, callback: Callable[[AcceptedConnection], object]) -> None:
    """Give each connection that is handed over to a callback, until there will be none any more.

    Args:
        arrivals: where they come from.
        callback: the program's; a connection during which it raises something is reset.
    """
    while True:
        try:
            connection = arrivals.wait(None)
        except MemoryError:  # those that wait are still there when others have freed some
            logger.exception("connections cannot be taken")
            time.sleep(_PAUSE)
            continue
        if connection is None:
            return
        try:
            callback(connection)
        except _GONE as error:
            words = printable(f"{type(error).__name__}: {error}")
            client = who(connection.client)
            logger.info("%s has gone while a callback had the connection: %s", client, words)
            connection.reject()
        except BaseException:  # sys.exit() too: others still wait
            logger.exception("a callback for connections failed; the client is reset")
            connection.reject()
        del connection  # one that is forgotten is reset now, and not when the next one comes


def who(client: tuple[str, int] | None) -> str:
    """Name a client in the log.

    Args:
        client: address and port, or None.
    """
    return "somebody without an address" if client is None else client[0]
