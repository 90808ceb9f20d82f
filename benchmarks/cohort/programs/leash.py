"""Runs a program, and ends it and all it has started as soon as standard input ends.

    python leash.py CPUS COMMAND...

The harness holds the other end of standard input, so whatever becomes of the harness, nothing is
left behind. CPUS is a comma list of processors to pin the program to, or ``-``. The first line on
standard output is the program's process id; its own output goes to standard error.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import subprocess
import sys
from pathlib import Path

#: Seconds that a program is given to end by itself.
GRACE = 2.0

#: prctl(2): children whose parents have ended become ours.
PR_SET_CHILD_SUBREAPER = 36


def main() -> int:
    """Run the command line; return the program's exit code."""
    cpus, command = sys.argv[1], sys.argv[2:]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if cpus != "-":
        os.sched_setaffinity(0, [int(cpu) for cpu in cpus.split(",")])
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # two files for each relay
    # The new session makes it a process group, which is what is ended.
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True
    )
    print(child.pid, flush=True)
    ended = os.pidfd_open(child.pid)
    select.select([0, ended], [], [])
    with contextlib.suppress(ProcessLookupError):
        os.kill(child.pid, signal.SIGTERM)
    select.select([ended], [], [], GRACE)
    # The leader is not waited for yet, so its id, the group's too, belongs to nobody else.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    code = child.wait()
    end_orphans()
    return code


def end_orphans() -> None:
    """Kill what the program has left behind, and wait until it is gone."""
    while True:
        orphans = Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()
        if not orphans:
            return
        for orphan in map(int, orphans):
            with contextlib.suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGKILL)
            os.waitpid(orphan, 0)


if __name__ == "__main__":
    sys.exit(main())
