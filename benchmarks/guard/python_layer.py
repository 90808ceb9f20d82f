"""The program that is counted for the Python layer; it runs in valgrind, see ``measure.py``.

usage: python -m benchmarks.guard.python_layer LIBRARY CERTIFICATE KEY CA CLIENT_CERTIFICATE
CLIENT_KEY

Phases are told apart by calls of ``getpgid``, at which callgrind is told to write a file and begin
anew: nothing else here calls it, and no extension module is needed to tell callgrind so.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import Final

from benchmarks.cohort.managed import Managed
from benchmarks.cohort.memory import Accept, ClientEnd, Connect, End, handshake
from benchmarks.cohort.setting import Setting
from benchmarks.identity import Identity

__all__ = ["MARK", "PHASES"]

#: The C function that ends a phase.
MARK: Final = "getpgid"

#: Each phase that is counted: its numbers among the parts that the marks make, and how many
#: operations each of these has.  A connection's messages cost up to 2% more or less by what the
#: allocator found free when it began, so there are several, and the least of them counts.
PHASES: Final = {"handshake": ((2,), 6), "message": ((4, 6, 8, 10, 12, 14), 100)}

_WARM_UP: Final = 3
_MESSAGE: Final = b"m" * 1024


def main(arguments: Sequence[str]) -> None:
    """Warm up; then each phase, between two marks.

    Args:
        arguments: of the command line.

    Raises:
        Absent: the library is not installed.
    """
    library, *paths = arguments
    setting, identity = Setting(), Identity(*paths)
    entrant = Managed(library)
    accept, connect = entrant.server(identity, setting), entrant.client(identity, setting)
    gc.disable()  # when it runs depends on everything that was done before
    _handshakes(accept, connect, _WARM_UP)
    os.getpgid(0)
    _handshakes(accept, connect, PHASES["handshake"][1])
    os.getpgid(0)
    numbers, times = PHASES["message"]
    for _ in numbers:
        client, server = connect(None), accept()
        handshake(client, server)
        _messages(client, server, _WARM_UP)
        os.getpgid(0)
        _messages(client, server, times)
        os.getpgid(0)


def _handshakes(accept: Accept, connect: Connect, times: int) -> None:
    for _ in range(times):
        handshake(connect(None), accept())


def _messages(client: ClientEnd, server: End, times: int) -> None:
    """To the server and back."""
    for _ in range(times):
        client.open(server.seal(server.open(client.seal(_MESSAGE))))


if __name__ == "__main__":
    main(sys.argv[1:])
