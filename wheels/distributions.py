"""Which files make up each of the two distributions?

One repository gives two distributions. `tlsmgm` is under the Apache License and has OpenSSL inside;
`tlsmgm-wolfssl` brings the wolfSSL backend, and with it the GPL. A build in the checkout makes both
backends at once and needs none of this.

Each distribution is a source tree of its own, copied from the files that git knows. setup.py builds
what it finds there, so it serves the checkout and both trees unchanged, and a source distribution
made from such a tree builds anywhere. A switch in the environment could do neither: whoever builds
from the source distribution would have to know of it, and the name in pyproject.toml is fixed.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

import c_core

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Distribution:
    """One distribution: its parts of the checkout, and the TLS library that is linked in.

    Attributes:
        takes, leaves: patterns of paths; `*` also stands for slashes.
        overlay: a folder whose files go to the top of the tree, or "".
        modules: files that it installs beside its package.
        native_license: SPDX expression of the TLS library.
    """

    name: str
    package: str
    library: str
    license: str
    native_license: str
    takes: tuple[str, ...]
    leaves: tuple[str, ...]
    overlay: str = ""
    modules: tuple[str, ...] = ()


def rooms_of_others(library: str) -> list[str]:
    """Return patterns of the C files that are about other libraries than the one inside."""
    return [f"csrc/backends/{name}/*" for name in c_core.BACKENDS if name != library]


TLSMGM = Distribution(
    name="tlsmgm",
    package="tlsmgm",
    library="openssl",
    license="Apache-2.0",
    native_license="Apache-2.0",
    takes=("*",),
    leaves=(
        "tlsmgm_wolfssl/*",
        *rooms_of_others("openssl"),
        "wheels/tlsmgm_wolfssl/*",
        # They quote what is under the GPL.
        "wheels/patches/wolfssl-*",
        "tests/*",
        "benchmarks/*",
        "findings/*",
        ".*",
    ),
    modules=("tlsmgm_program.py",),
)

TLSMGM_WOLFSSL = Distribution(
    name="tlsmgm-wolfssl",
    package="tlsmgm_wolfssl",
    library="wolfssl",
    license="GPL-3.0-or-later",
    native_license="GPL-3.0-or-later",
    takes=(
        "setup.py",
        "LICENSE",
        "csrc/*",
        "tlsmgm_wolfssl/*",
        # Declarations that the extension module is compiled against; nothing of them is installed.
        "tlsmgm/__init__.pxd",
        "tlsmgm/_core/__init__.pxd",
        "tlsmgm/capi.pxd",
        "tlsmgm/_core/capi.pxd",
        "wheels/*.py",
        "wheels/*.toml",
        "wheels/*.sh",
        "wheels/patches/*.patch",
    ),
    leaves=(*rooms_of_others("wolfssl"), "wheels/tlsmgm_wolfssl/*"),
    overlay="wheels/tlsmgm_wolfssl",
)

DISTRIBUTIONS = (TLSMGM, TLSMGM_WOLFSSL)


def target_of(distribution: Distribution, path: str) -> str | None:
    """Return where a file of the checkout goes in the distribution's tree, or None if nowhere."""
    if distribution.overlay and path.startswith(distribution.overlay + "/"):
        return path.removeprefix(distribution.overlay + "/")
    if any(fnmatchcase(path, pattern) for pattern in distribution.leaves):
        return None
    return path if any(fnmatchcase(path, pattern) for pattern in distribution.takes) else None


def targets(distribution: Distribution, paths: Iterable[str]) -> dict[str, str]:
    """Return the files of the distribution's tree, each with the file of the checkout it is."""
    chosen = {}
    for path in paths:
        target = target_of(distribution, path)
        if target is not None:
            chosen[target] = path
    return chosen


def known_files(checkout: Path = CHECKOUT) -> list[str]:
    """Return the files that git knows: what was built or forgotten there never gets in."""
    command = ["git", "-C", str(checkout), "ls-files", "-z"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return [path for path in answer.stdout.split("\0") if path]


def put_together(distribution: Distribution, tree: Path, checkout: Path = CHECKOUT) -> None:
    """Copy the distribution's files into a directory that does not exist yet."""
    for target, path in sorted(targets(distribution, known_files(checkout)).items()):
        copy = tree / PurePosixPath(target)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(checkout / path, copy)
