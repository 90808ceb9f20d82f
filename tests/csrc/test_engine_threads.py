"""What the engine's threads share, hammered by threads in C, with the sanitizers looking on.

Each file of ``tests/csrc/threads`` is a program about the unit of its name, and exits with 0.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import c_core
import pytest

from tests.support import c_build
from tests.support.sanitizers import ENVIRONMENT

PROGRAMS = sorted((c_build.TEST_CSRC / "threads").glob("*.c"))
#: Units that are more than a file of their own: the rooms that they stand on.
ROOMS = {"worker": ("x509", "hello", "match", "serve", "engine")}
#: "": none, which is when the processor puts writes off.
SANITIZERS = ("thread", "address,undefined", "")


def sanitize(sanitizer: str) -> list[str]:
    return [f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all"] if sanitizer else []


def can_run(sanitizer: str, folder: Path) -> bool:
    """Tell whether the compiler has a sanitizer that works on this machine."""
    source, program = folder / "empty.c", folder / "empty"
    source.write_text("int main(void) { return 0; }\n", encoding="utf-8")
    command = [*c_build.compiler(), *sanitize(sanitizer), str(source), "-o", str(program)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        return False
    return subprocess.run([program], env=ENVIRONMENT, check=False).returncode == 0


def unit(name: str) -> list[Path]:
    """Return the files of a unit, as far as they are above the lowest room."""
    if name not in ROOMS:
        return [c_core.CSRC / "engine" / f"{name}.c"]
    return [path for room in ROOMS[name] for path in sorted((c_core.CSRC / room).glob("*.c"))]


@pytest.mark.parametrize("sanitizer", SANITIZERS, ids=["thread", "address", "plain"])
@pytest.mark.parametrize("source", PROGRAMS, ids=lambda path: path.stem)
def test_threads(source: Path, sanitizer: str, tmp_path: Path) -> None:
    if not can_run(sanitizer, tmp_path):
        pytest.skip(f"the compiler's {sanitizer} sanitizer does not run here")
    program = tmp_path / source.stem
    sources = [source, *unit(source.stem), *sorted((c_core.CSRC / "base").glob("*.c"))]
    flags = [*c_build.CFLAGS, *c_build.WARNINGS, *c_core.INCLUDES, *sanitize(sanitizer)]
    c_build.run([*c_build.compiler(), *flags, *map(str, sources), "-lpthread", "-o", str(program)])
    done = subprocess.run(
        [program], env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=180
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
