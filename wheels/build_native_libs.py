#!/usr/bin/env python3
"""Build the pinned TLS libraries from source, once, into a cache outside the tree.

    python wheels/build_native_libs.py                    build what is missing, print the prefixes
    python wheels/build_native_libs.py openssl            only this library
    python wheels/build_native_libs.py --print-prefix openssl
    python wheels/build_native_libs.py --list

What is built, and with which flags, stands in native_libs.toml. Only Python's standard library is
needed to run this, and setup.py asks it for the prefixes.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from native_pins import (
    MACOS,
    NativeBuildError,
    Pin,
    cache_root,
    compiler,
    installed_prefix,
    load_pins,
    machine_triple,
    prefix_for,
    read_manifest,
)
from native_sources import Source, get_source
from native_steps import Steps, say

# The prefix that the libraries are configured with. They are only ever linked statically from the
# cache, so this is no real place: it keeps the builder's own paths out of the binaries.
NEUTRAL_PREFIX = "/opt/tlsmgm"

# OpenSSL looks here for the system's CA certificates when a domain names none of its own.
OPENSSL_DIRECTORY = "/etc/ssl"

# Command to look for, and the Debian packages that bring it.
TOOLS = {
    "openssl": {"make": "make", "perl": "perl", "patch": "patch"},
    "wolfssl": {
        "make": "make",
        "patch": "patch",
        "autoconf": "autoconf",
        "automake": "automake",
        # Homebrew's name, because macOS has another libtool.
        ("glibtoolize" if MACOS else "libtoolize"): "libtool",
    },
}

# OpenSSL's Configure needs these; a minimal Perl, as in container images, lacks them.
PERL_MODULES = ["-MFindBin", "-MIPC::Cmd", "-MFile::Compare", "-MTime::Piece"]

LIBRARIES = {
    "openssl": ["lib/libssl.a", "lib/libcrypto.a", "include/openssl/ssl.h"],
    "wolfssl": ["lib/libwolfssl.a", "include/wolfssl/ssl.h", "include/wolfssl/options.h"],
}


def built_prefix(name: str) -> Path | None:
    """Return the prefix of a library that is in the cache, or None if it is not built yet."""
    return installed_prefix(load_pins()[name])


def build(pin: Pin) -> Path:
    """Return the library's prefix, building it first if it is not in the cache."""
    prefix = installed_prefix(pin)
    if prefix is not None:
        return prefix
    check_tools(pin.name)
    check_patches(pin)
    root = cache_root()
    root.mkdir(parents=True, exist_ok=True)
    with build_lock(root, pin):
        # Someone else may have built it while we waited for the lock.
        return installed_prefix(pin) or build_into_cache(pin, root)


def build_into_cache(pin: Pin, root: Path) -> Path:
    """Build in a temporary directory of the cache and move the result into place at the end."""
    started = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix=f".{pin.name}-", dir=root))
    steps = Steps(f"{pin.name} {pin.version}", root / f"{pin.name}-{pin.key()}.log")
    steps.log.unlink(missing_ok=True)
    say(f"Building {pin.name} {pin.version}. This is done once and takes a few minutes.")
    try:
        source = get_source(pin, work, steps)
        steps.title = f"{pin.name} {source.version}"
        RECIPES[pin.name](pin, source.tree, work / "staging", steps)
        staged = work / "staging" / NEUTRAL_PREFIX.lstrip("/")
        finish(pin, source, staged, work)
        prefix = prefix_for(pin, source.version)
        staged.rename(prefix)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    say(f"Built {pin.name} {source.version} in {time.monotonic() - started:.0f} s: {prefix}")
    return prefix


def build_openssl(pin: Pin, tree: Path, staging: Path, steps: Steps) -> None:
    """Configure, compile and install OpenSSL below the staging directory."""
    environment = build_environment()
    configure = [
        "perl",
        "Configure",
        f"--prefix={NEUTRAL_PREFIX}",
        f"--openssldir={OPENSSL_DIRECTORY}",
        "--libdir=lib",
        *pin.configure_flags(),
        *pin.cflags.split(),
    ]
    steps.run("configure", configure, cwd=tree, env=environment)
    steps.run("compile", ["make", jobs(), "build_sw"], cwd=tree, env=environment)
    install = ["make", f"DESTDIR={staging}", "install_dev"]
    steps.run("install", install, cwd=tree, env=environment)


def build_wolfssl(pin: Pin, tree: Path, staging: Path, steps: Steps) -> None:
    """Configure, compile and install wolfSSL below the staging directory."""
    environment = build_environment()
    # The archive is a plain copy of the repository, without a configure script.
    steps.run("autogen", ["sh", "./autogen.sh"], cwd=tree, env=environment)
    configure = [
        "./configure",
        f"--prefix={NEUTRAL_PREFIX}",
        f"--libdir={NEUTRAL_PREFIX}/lib",
        *pin.configure_flags(),
        f"CFLAGS={pin.cflags}",
        f"CPPFLAGS={pin.preprocessor_flags()}",
    ]
    steps.run("configure", configure, cwd=tree, env=environment)
    steps.run("compile", ["make", jobs()], cwd=tree, env=environment)
    steps.run("install", ["make", f"DESTDIR={staging}", "install"], cwd=tree, env=environment)


RECIPES: dict[str, Callable[[Pin, Path, Path, Steps], None]] = {
    "openssl": build_openssl,
    "wolfssl": build_wolfssl,
}


def build_environment() -> dict[str, str]:
    """Return the environment without flags of the caller: the cache key does not know them."""
    unwanted = {"CFLAGS", "CPPFLAGS", "CXXFLAGS", "LDFLAGS", "MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return {**kept, "LC_ALL": "C", "CC": compiler()}


def jobs() -> str:
    """Return make's option for as many jobs as there are processors."""
    return f"-j{os.cpu_count() or 1}"


def finish(pin: Pin, source: Source, staged: Path, work: Path) -> None:
    """Check what was installed, drop what would mislead and say what it is."""
    missing = [name for name in LIBRARIES[pin.name] if not (staged / name).is_file()]
    if missing:
        raise NativeBuildError(f"{pin.name} was built but lacks {', '.join(missing)}.")
    # These files point at the neutral prefix, where there is nothing.
    for name in ("lib/pkgconfig", "lib/cmake", "bin", "share"):
        shutil.rmtree(staged / name, ignore_errors=True)
    for path in staged.glob("lib/*.la"):
        path.unlink()
    refuse_build_paths(staged, work)
    shutil.copy(source.tree / pin.license, staged / "LICENSE")
    manifest = {
        "name": pin.name,
        "version": source.version,
        "pinned_version": pin.version,
        "source": source.origin,
        "sha256": source.sha256,
        "patches": source.patches,
        "machine": machine_triple(),
        "cflags": pin.cflags,
        "cppflags": pin.preprocessor_flags(),
        "configure": pin.configure_flags(),
    }
    text = json.dumps(manifest, indent=2) + "\n"
    (staged / "manifest.json").write_text(text, encoding="utf-8")


def refuse_build_paths(staged: Path, work: Path) -> None:
    """Refuse libraries that tell where they were built; wheels carry them to other machines."""
    needle = str(work).encode()
    for archive in staged.glob("lib/*.a"):
        if needle in archive.read_bytes():
            raise NativeBuildError(f"{archive.name} contains the path of its build directory.")


def check_tools(name: str) -> None:
    """Raise one error that names every missing tool and the packages that bring them."""
    packages = [package for tool, package in TOOLS[name].items() if shutil.which(tool) is None]
    if shutil.which(compiler().split()[0]) is None:
        packages += ["gcc", "libc6-dev"]
    if "perl" in TOOLS[name] and "perl" not in packages and not perl_is_complete():
        packages.append("perl")
    if packages:
        raise NativeBuildError(
            f"To build {name}, these tools are still needed: {', '.join(packages)}.\n"
            f"On Debian and its relatives: apt-get install {' '.join(packages)}"
        )


def check_patches(pin: Pin) -> None:
    """Raise if this tree lacks a patch: a library without it must not pass for one with it."""
    missing = pin.missing_patches()
    if missing:
        raise NativeBuildError(
            f"To build {pin.name}, this is missing in wheels/patches: {', '.join(missing)}.\n"
            f"The sources of each distribution can build its own library alone."
        )


def perl_is_complete() -> bool:
    """Tell whether Perl has the modules that OpenSSL's Configure loads."""
    command = ["perl", *PERL_MODULES, "-e", "1"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def build_lock(root: Path, pin: Pin) -> Iterator[None]:
    """Let one process build a library at a time; others wait for it."""
    with (root / f"{pin.name}-{pin.key()}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another process is building {pin.name}; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def describe(pin: Pin) -> str:
    """Return one line that says what is built, with which patches, and where."""
    prefix = installed_prefix(pin)
    if prefix is None:
        return f"{pin.name} {pin.version}: not built"
    manifest = read_manifest(prefix)
    version, patches = manifest["version"], manifest["patches"]
    pinned = "" if version == pin.version else f" instead of {pin.version}, which is pinned"
    count = f", {len(patches)} patches" if patches else ""
    return f"{pin.name} {version}{pinned} ({manifest['source']}{count}): {prefix}"


def parse_arguments(arguments: Sequence[str] | None, names: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Build the pinned TLS libraries into the cache.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(names)}")
    parser.add_argument("--list", action="store_true", help="say what is built and where")
    parser.add_argument("--print-prefix", metavar="NAME", choices=names, help="exit 1 if not built")
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in names:
            parser.error(f"there is no library '{name}'; choose from {', '.join(names)}")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    pins = load_pins()
    options = parse_arguments(arguments, list(pins))
    if options.print_prefix:
        prefix = installed_prefix(pins[options.print_prefix])
        if prefix is None:
            return 1
        print(prefix)
        return 0
    buildable = [name for name, pin in pins.items() if not pin.missing_patches()]
    for name in options.names or buildable:
        if options.list:
            print(describe(pins[name]))
            continue
        try:
            print(f"{name} {build(pins[name])}")
        except NativeBuildError as error:
            print(f"\nerror: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
