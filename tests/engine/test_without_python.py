"""While Python stands still, as in a full garbage collection of a reload, clients are served."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.engine.test_handover import PYTHONS_VERSIONS
from tests.support.listeners import Greeter, greeting, leave
from tests.support.proxy import ROOT, connect

#: Reads a byte with the interpreter's lock in hand, so that no line of Python runs meanwhile.
PROGRAM = """
import ctypes, sys
from tests.support.managers import manager_of

def tell(what):  # two threads do; print() writes the end of a line by itself
    sys.stdout.write(f"{what}\\n")
    sys.stdout.flush()

with manager_of(sys.argv[1]).listen("tls:127.0.0.1:0", sys.argv[2], on_end=tell) as listener:
    tell(listener.addresses[0].port)
    assert ctypes.PyDLL(None).read(0, ctypes.create_string_buffer(1), 1) == 1
    tell(listener.statistics()["handshakes_completed_total"])
"""


def test_nobody_waits_for_the_interpreter(library: str, greeter: Greeter, version: str) -> None:
    """New connections and messages; whoever needs Python waits: nobody is told that they ended."""
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, library, greeter.address],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with program:
        assert program.stdin is not None
        assert program.stdout is not None
        try:
            port = int(program.stdout.readline())
            for _ in range(5):
                with connect(port, version=PYTHONS_VERSIONS[version]) as client:
                    assert greeting(client) == b"hello"
                    leave(client)
            program.stdin.write("x")
            program.stdin.close()
            lines = program.stdout.read().splitlines()
        finally:
            program.kill()
    assert lines.count("5") == 1
    assert len(lines) == 6
