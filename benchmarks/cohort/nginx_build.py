"""Builds nginx with the OpenSSL of tlsmgm: ``python -m benchmarks.cohort.nginx_build``.

The source is that of the distribution's package, with its patches, in the release that this machine
has installed; the compiler's flags are the distribution's, too. So nothing but the library tells
this nginx from that one. It goes into the cache of the built libraries, in a folder named after
everything that decides what comes out. What is there is not built again.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.cohort.loopback import find_program, version_of
from benchmarks.cohort.openssl_config import stated_openssl
from benchmarks.cohort.setting import Absent

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "wheels"))

# Found through the line above.
import build_native_libs as native
import c_core
import native_apt
import native_link
import native_sources
from native_pins import (
    DebianSource,
    NativeBuildError,
    Pin,
    cache_root,
    file_hash,
    installed_prefix,
    machine_triple,
    prefix_for,
)
from native_steps import Steps, say

__all__ = ["PROGRAM", "VARIABLE", "build", "built", "library", "main", "recipe"]

#: Names a program that takes part in place of the one that is built here.
VARIABLE = "TLSMGM_NGINX_SAME"

#: Where the program lies below the prefix.
PROGRAM = Path("sbin", "nginx")

# As Debian compiles nginx (nginx -V), without HTTP and mail, which need more libraries.
_COMPILE = (
    "-g -O2 -fstack-protector-strong -Wformat -Werror=format-security -fPIC -Wdate-time "
    "-D_FORTIFY_SOURCE=2"
)
_LINK = "-Wl,-z,relro -Wl,-z,now -fPIC"
_CONFIGURE = [
    f"--prefix={native.NEUTRAL_PREFIX}",
    "--with-compat",
    "--with-debug",
    "--with-threads",
    "--without-http",
    "--with-stream",
    "--with-stream_ssl_module",
]

_TOOLS = {"make": "make", "patch": "patch", "cc": "gcc"}


def library() -> native_link.Link:
    """Say how to link with the OpenSSL that tlsmgm is linked with.

    Raises:
        LibraryMissingError: it is not there.
    """
    return native_link.find_library(c_core.BACKENDS["openssl"])


def recipe(version: str, link: native_link.Link) -> Pin:
    """Say what is built, and how.

    Args:
        version: of nginx, such as ``1.22.1``.
        link: of OpenSSL.
    """
    compile_args = " ".join([_COMPILE, *link.compile_args])
    return Pin(
        name="nginx",
        version=version,
        series=version.rpartition(".")[0],
        oldest=version,
        urls=[],
        sha256="",
        license="LICENSE",
        cflags=compile_args,
        configure=[
            *_CONFIGURE,
            f"--with-cc-opt={compile_args}",
            f"--with-ld-opt={' '.join([_LINK, *_link_args(link)])}",
        ],
        debian=DebianSource(_suites(), apply_patches=True, skip_patches=[]),
    )


def _link_args(link: native_link.Link) -> list[str]:
    if not link.depends:
        return link.link_args
    # nginx says -lssl and -lcrypto by itself and has to be told where; the first folder wins.
    rpath = [argument for argument in link.link_args if argument.startswith("-Wl,-rpath")]
    return [f"-L{Path(link.depends[0]).parent}", *rpath]


def _suites() -> list[str]:
    """The suites of this system's release, that with the newest mends first."""
    try:
        name = platform.freedesktop_os_release().get("VERSION_CODENAME")
    except OSError:
        name = None
    return [f"{name}-security", f"{name}-updates", name] if name else []


def built() -> Path | None:
    """Return the program that is in the cache, or None.

    Raises:
        Absent: this machine has no nginx, or none that tells its release.
        LibraryMissingError: OpenSSL is not there.
    """
    prefix = installed_prefix(recipe(_installed_version(), library()))
    return None if prefix is None else prefix / PROGRAM


def _installed_version() -> str:
    program = find_program("nginx")
    version = version_of([program, "-v"], r"nginx/(\d+(?:\.\d+)+)")
    if not version[0].isdigit():
        raise Absent(f"{program} -v tells no version, so it is not known which release to build")
    return version


def build() -> Path:
    """Build it, unless that was done before.

    Returns:
        The program's path.

    Raises:
        Absent: this machine has no nginx, or none that tells its release.
        LibraryMissingError: OpenSSL is not there.
        NativeBuildError: the source cannot be had, or not be built.
    """
    link = library()
    pin = recipe(_installed_version(), link)
    prefix = installed_prefix(pin)
    if prefix is None:
        _check_tools()
        root = cache_root()
        root.mkdir(parents=True, exist_ok=True)
        with native.build_lock(root, pin):
            # Someone else may have built it while we waited for the lock.
            prefix = installed_prefix(pin) or _build_into_cache(pin, link, root)
    return prefix / PROGRAM


def _check_tools() -> None:
    missing = [package for tool, package in _TOOLS.items() if shutil.which(tool) is None]
    if missing:
        raise NativeBuildError(f"To build nginx: apt install {' '.join(missing)}")


def _build_into_cache(pin: Pin, link: native_link.Link, root: Path) -> Path:
    """Build in a temporary directory of the cache and move the result into place at the end."""
    started = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix=".nginx-", dir=root))
    steps = Steps(f"nginx {pin.version}", root / f"nginx-{pin.key()}.log")
    steps.log.unlink(missing_ok=True)
    say(f"Building nginx {pin.version} with OpenSSL {link.version}. This is done once.")
    try:
        package = native_apt.fetch_source_package(pin, work, steps)
        tree = native_sources.unpack(package.archive, work)
        patches = []
        if package.changes is not None:
            patches = native_sources.apply_patches(pin, package.changes, tree, steps)
        environment = native.build_environment()
        steps.run("configure", ["sh", "./configure", *pin.configure], cwd=tree, env=environment)
        steps.run("compile", ["make", native.jobs()], cwd=tree, env=environment)
        staged = work / "staged"
        (staged / PROGRAM).parent.mkdir(parents=True)
        shutil.copy(tree / "objs" / "nginx", staged / PROGRAM)
        shutil.copy(tree / pin.license, staged / "LICENSE")
        manifest = {
            "name": pin.name,
            "version": package.upstream,
            "source": f"Debian source package nginx {package.version}",
            "sha256": file_hash(package.archive),
            "patches": [patch.name for patch in patches],
            "machine": machine_triple(),
            "configure": pin.configure,
            "openssl": _checked(staged / PROGRAM, link),
        }
        text = json.dumps(manifest, indent=2) + "\n"
        (staged / "manifest.json").write_text(text, encoding="utf-8")
        prefix = prefix_for(pin, package.upstream)
        staged.rename(prefix)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    say(f"Built nginx in {time.monotonic() - started:.0f} s: {prefix}")
    return prefix


def _checked(program: Path, link: native_link.Link) -> str:
    """Return the OpenSSL that a program runs with; raise if it is another than was wanted."""
    found = stated_openssl(str(program))
    if f"OpenSSL {link.version} " not in f"{found} ":
        raise NativeBuildError(f"nginx was to run with OpenSSL {link.version}, but has {found}")
    return found


def main() -> int:
    """Build it, and print where it is."""
    named = os.environ.get(VARIABLE)
    if named:
        say(f"Nothing is built, because {VARIABLE} names {named}.")
        return 0
    try:
        print(build())
    except (Absent, NativeBuildError, native_link.LibraryMissingError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
