"""The questions: one module each, or each family of them.

A module has ``plans(bench)``, which gives topics with those who take part, one after another: who
takes part in the second begins when the first is done.  A name that can be asked
for alone on the command line is the module's.
"""

from __future__ import annotations

from typing import Final

__all__ = ["WORKLOADS"]

#: Modules, in the order of the report.
WORKLOADS: Final = (
    "handshakes",
    "transfers",
    "sockets",
    "threads",
    "loopback",
    "relay",
    "idle",
    "echo",
    "fields",
    "match",
    "loading",
    "footprint",
)
