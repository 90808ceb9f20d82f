#!/usr/bin/env python3
"""Do the finished wheels work where there is neither a compiler nor the checkout?

    python wheels/try_wheels.py dist

A new virtual environment gets the wheels and nothing else, then what the tests need. The PATH has
no compiler, and the tests run from a copy that lies beside no tlsmgm, so they can only meet the
installed one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

from distributions import CHECKOUT
from smoke_certificate import make_certificate

# Each of them needs no compiler, and of the checkout only what is copied. The last one does what
# the README says to a stranger, word by word.
SUITE = (
    "unit",
    "tls",
    "hostile",
    "manager",
    "recorded",
    "threads",
    "docs/test_documents.py::test_every_block_runs[README.md]",
)

# What tests talk to, and what the README's commands are made of; the rest is out of reach.
PROGRAMS = ("openssl", "curl", "bash", "sh", "cat", "env", "mkdir")

COMPILERS = ("cc", "gcc", "clang", "c++", "g++")


class TrialError(Exception):
    """A wheel does not work; the text says what failed."""


def link_programs(folder: Path) -> None:
    """Make a folder for the PATH that has these programs and no other."""
    folder.mkdir()
    for name in PROGRAMS:
        program = shutil.which(name)
        if program is not None:
            (folder / name).symlink_to(program)


def bare_environment(environment: Mapping[str, str], path: Sequence[Path]) -> dict[str, str]:
    """Return the environment without anything that could lead back to the checkout."""
    unwanted = ("PYTHON", "TLSMGM_", "VIRTUAL_ENV", "CC", "CFLAGS", "LDFLAGS")
    kept = {name: value for name, value in environment.items() if not name.startswith(unwanted)}
    return {**kept, "PATH": os.pathsep.join(map(str, path))}


def refuse_compilers(environment: Mapping[str, str]) -> None:
    """Refuse to go on if a compiler is in reach."""
    found = [name for name in COMPILERS if shutil.which(name, path=environment["PATH"])]
    if found:
        raise TrialError(f"there is a compiler in reach: {', '.join(found)}")


def copy_tests(tree: Path) -> None:
    """Copy the tests, the settings of pytest, and the documents and examples that tests use."""
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("tests", "docs", "examples"):
        shutil.copytree(CHECKOUT / folder, tree / folder, ignore=ignored)
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(CHECKOUT / file, tree)


def requirements() -> list[str]:
    """Return what tlsmgm needs of other distributions, which no folder of ours has."""
    with open(CHECKOUT / "pyproject.toml", "rb") as file:
        found: list[str] = tomllib.load(file)["project"]["dependencies"]
    return found


class Trial:
    """One virtual environment, made of the wheels in a folder.

    Args:
        work: an empty directory outside of the checkout.
        wheels: the folder of the wheels.
    """

    def __init__(self, work: Path, wheels: Path) -> None:
        self.work = work
        self.wheels = wheels.resolve()
        self.folder = work / "environment"
        programs = work / "programs"
        link_programs(programs)
        self.environment = bare_environment(os.environ, [self.folder / "bin", programs])
        refuse_compilers(self.environment)
        venv.create(self.folder, with_pip=True, symlinks=True)

    def python(self, *arguments: str, cwd: Path | None = None) -> None:
        """Run the environment's Python."""
        command = [str(self.folder / "bin" / "python"), *arguments]
        code = subprocess.run(command, env=self.environment, cwd=cwd or self.work, check=False)
        if code.returncode != 0:
            raise TrialError(f"failed: python {' '.join(arguments)}")

    def install(self, requirement: str, *options: str) -> None:
        """Install from wheels alone."""
        pip = ["-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        pip += ["--only-binary", ":all:", "--find-links", str(self.wheels)]
        self.python(*pip, *options, requirement)

    def smoke(self, *libraries: str) -> None:
        """Run smoke.py, which must find exactly these libraries."""
        self.python("-I", str(CHECKOUT / "wheels" / "smoke.py"), str(self.work), *libraries)

    def suite(self) -> None:
        """Run the chosen part of the test suite."""
        tree = self.work / "tree"
        copy_tests(tree)
        parts = [f"tests/{name}" for name in SUITE]
        self.python("-m", "pytest", "-q", "-n", "2", *parts, cwd=tree)


def try_all(work: Path, wheels: Path) -> None:
    """Install and try one distribution, then both, then run the tests."""
    make_certificate(work)
    trial = Trial(work, wheels)
    for requirement in requirements():
        trial.install(requirement)
    # Out of the folder alone: a registry may have something else of that name.
    trial.install("tlsmgm", "--no-index")
    trial.smoke("openssl")
    trial.install("tlsmgm[wolfssl]", "--no-index")
    trial.smoke("openssl", "wolfssl")
    trial.install("tlsmgm[test]")
    trial.suite()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Try wheels in an environment of their own.")
    parser.add_argument("folder", type=Path, help="where the wheels are")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="tlsmgm-trial-") as work:
        try:
            try_all(Path(work), options.folder)
        except TrialError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
