"""Whatever becomes of the harness, the programs that it started end."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

from benchmarks.cohort.processes import Program

ROOT = Path(__file__).resolve().parents[3]

# A parent and a child that let nothing end them but SIGKILL.
STUBBORN = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    print("child", os.getpid(), flush=True)
signal.pause()
"""

HARNESS = """
import signal, sys
from pathlib import Path
from benchmarks.cohort.processes import Program
program = Program([sys.executable, "-I", "-c", "import signal; signal.pause()"], Path(sys.argv[1]))
print(program.pid, flush=True)
signal.pause()
"""


def wait_for_end(pidfd: int) -> bool:
    return bool(select.select([pidfd], [], [], 20)[0])


def test_a_program_ends_with_a_harness_that_is_killed(tmp_path: Path) -> None:
    harness = subprocess.Popen(
        [sys.executable, "-c", HARNESS, str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert harness.stdout is not None
    pidfd = os.pidfd_open(int(harness.stdout.readline()))
    harness.kill()
    harness.wait()
    harness.stdout.close()
    assert wait_for_end(pidfd)
    os.close(pidfd)


def test_a_stubborn_program_and_its_child_are_killed(tmp_path: Path) -> None:
    program = Program([sys.executable, "-I", "-c", STUBBORN], tmp_path / "log")
    while "\n" not in program.log():
        assert program.is_running(0.01), program.log()
    child = int(program.log().split()[1])
    assert sorted(program.pids()) == sorted([program.pid, child])
    assert program.cpu_seconds() > 0
    assert program.memory() > 0
    pidfd = os.pidfd_open(child)
    program.stop()
    assert wait_for_end(pidfd)
    os.close(pidfd)
    assert program.pids() == []
    program.stop()


def test_environment_and_end_are_seen(tmp_path: Path) -> None:
    script = "import os; print(os.environ['GREETING'])"
    with Program(
        [sys.executable, "-I", "-c", script], tmp_path / "log", environment={"GREETING": "hello"}
    ) as program:
        assert not program.is_running(20)
        assert program.log() == "hello\n"
