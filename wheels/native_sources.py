"""Where does a library's source code come from?

First choice is the upstream release archive, checked by the hash in native_libs.toml. Where that
host cannot be reached, Debian's source package serves; apt checks it by its signature. The patches
of our own in wheels/patches come on top of either.
"""

from __future__ import annotations

import re
import tarfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path

import native_apt
from native_pins import NativeBuildError, Pin, file_hash, numbers
from native_steps import Steps, say

# A host that does not answer in this time is taken as out of reach. It is short on purpose:
# behind a closed network every build would wait for it.
CONNECT_SECONDS = 8
CHUNK = 1 << 20

# How a patch of the distribution says that it mends a published vulnerability.
SECURITY = re.compile(r"\bCVE-\d{4}-\d{4,}\b")


@dataclass(frozen=True)
class Source:
    """An unpacked source tree and where it came from."""

    tree: Path
    version: str
    origin: str
    sha256: str
    patches: list[str]
    # Vulnerabilities that the distribution's patches mend.
    mended: frozenset[str] = frozenset()


def get_source(pin: Pin, work: Path, steps: Steps) -> Source:
    """Fetch, check, unpack and patch a library's source code below the work directory."""
    source = fetch_source(pin, work, steps)
    ours = apply_own_patches(pin, source, steps)
    return replace(source, patches=[*source.patches, *ours])


def fetch_source(pin: Pin, work: Path, steps: Steps) -> Source:
    """Fetch, check and unpack a library's source code, with the distribution's patches if any."""
    problems = []
    for url in pin.urls:
        try:
            archive = download(url, work)
        except OSError as error:
            reason = getattr(error, "reason", None) or error
            problems.append(f"{url}: {reason}")
            say(f"  {pin.name}: no answer for {url} ({reason})")
            continue
        check_hash(archive, pin.sha256, url)
        return Source(unpack(archive, work), pin.version, url, pin.sha256, [])
    try:
        return from_debian(pin, work, steps)
    except NativeBuildError as error:
        problems.append(str(error))
    listing = "\n".join(f"  - {problem}" for problem in problems)
    raise NativeBuildError(f"The source code of {pin.name} {pin.version} cannot be had:\n{listing}")


def download(url: str, folder: Path) -> Path:
    """Fetch one file over HTTPS; raise OSError if that does not work."""
    target = folder / url.rsplit("/", 1)[-1]
    started = time.monotonic()
    with urllib.request.urlopen(url, timeout=CONNECT_SECONDS) as answer, target.open("wb") as out:
        while chunk := answer.read(CHUNK):
            out.write(chunk)
    say(f"  {target.name}: fetched in {time.monotonic() - started:.1f} s")
    return target


def check_hash(archive: Path, wanted: str, origin: str) -> None:
    """Refuse an archive that is not the pinned one, byte for byte."""
    found = file_hash(archive)
    if found != wanted:
        raise NativeBuildError(
            f"{origin} is not the file that is pinned in native_libs.toml and was not used.\n"
            f"    wanted SHA-256 {wanted}\n    found  SHA-256 {found}"
        )


def extract(archive: Path, target: Path) -> None:
    """Unpack a tar archive whose origin was checked already."""
    with tarfile.open(archive) as tar:
        # The first releases of Python 3.11 have no filters that keep members in their directory.
        if hasattr(tarfile, "data_filter"):
            tar.extractall(target, filter="data")
        else:
            tar.extractall(target)


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a source archive and return its single top directory."""
    target = folder / "source"
    target.mkdir()
    extract(archive, target)
    tops = list(target.iterdir())
    if len(tops) != 1 or not tops[0].is_dir():
        raise NativeBuildError(f"{archive.name} should hold one directory but holds {len(tops)}.")
    return tops[0]


def from_debian(pin: Pin, work: Path, steps: Steps) -> Source:
    """Take the library from Debian's source package, newest fitting release first."""
    package = native_apt.fetch_source_package(pin, work, steps)
    if package.upstream == pin.version:
        check_hash(package.archive, pin.sha256, package.archive.name)
    else:
        say(
            f"  NOTE: {pin.name} {pin.version} is pinned, but only {package.version} can be had "
            f"from this machine.\n        Going on with {package.version}, which Debian signed."
        )
    tree = unpack(package.archive, work)
    patches: list[Path] = []
    if pin.debian.apply_patches and package.changes is not None:
        patches = apply_patches(pin, package.changes, tree, steps)
    return Source(
        tree=tree,
        version=package.upstream,
        origin=f"Debian source package {pin.name} {package.version}",
        sha256=file_hash(package.archive),
        patches=[patch.name for patch in patches],
        mended=frozenset().union(*map(vulnerabilities, patches)),
    )


def apply_patches(pin: Pin, changes: Path, tree: Path, steps: Steps) -> list[Path]:
    """Apply the distribution's patches, apart from those that native_libs.toml leaves out."""
    folder = tree.parent.parent / "debian-changes"
    extract(changes, folder)
    series = folder / "debian" / "patches" / "series"
    applied = []
    for line in series.read_text(encoding="utf-8").splitlines() if series.is_file() else []:
        name = line.split("#")[0].strip()
        if not name or name in pin.debian.skip_patches:
            continue
        patch = series.parent / name
        if pin.debian.only_security and not vulnerabilities(patch):
            continue
        steps.run_quietly("patch", patch_command(patch), cwd=tree)
        applied.append(patch)
    say(f"  {pin.name}: applied {len(applied)} of Debian's patches")
    return applied


def head_of(patch: Path) -> str:
    """Return what stands above a patch's first hunk."""
    return patch.read_text(encoding="utf-8", errors="replace").partition("\n@@ ")[0]


def vulnerabilities(patch: Path) -> frozenset[str]:
    """Return the published vulnerabilities in a patch's name and above its first hunk."""
    return frozenset(SECURITY.findall(f"{patch.name}\n{head_of(patch)}"))


def is_needed(patch: Path, source: Source) -> bool:
    """Tell whether a patch of ours says nothing of this release, nor the distribution of it."""
    fields = dict(re.findall(r"^(Mends|Mended-in): *(.+)$", head_of(patch), re.MULTILINE))
    if "Mended-in" in fields and numbers(source.version) >= numbers(fields["Mended-in"]):
        return False
    mends = set(fields.get("Mends", "").split())
    return not mends or not mends <= source.mended


def apply_own_patches(pin: Pin, source: Source, steps: Steps) -> list[str]:
    """Apply the patches that the pin names, apart from those that the source has already.

    A newer release, or the distribution, may have mended the same. A patch that is neither in the
    source nor fits it is an error, since somebody has to look at it.
    """
    tree = source.tree
    applied = []
    for patch in pin.patch_files():
        if not is_needed(patch, source):
            say(f"  {pin.name}: {source.version} needs no {patch.name}")
            continue
        if steps.run_tolerantly("patch", patch_command(patch, "--fuzz=0", "--dry-run"), cwd=tree):
            steps.run_quietly("patch", patch_command(patch, "--fuzz=0"), cwd=tree)
            applied.append(f"wheels/patches/{patch.name}")
            continue
        backwards = patch_command(patch, "--fuzz=0", "--dry-run", "--reverse")
        if not steps.run_tolerantly("patch", backwards, cwd=tree):
            raise NativeBuildError(
                f"wheels/patches/{patch.name} does not fit {pin.name} and is not in it already.\n"
                f"Make it anew for this release, or take it out of native_libs.toml if the release "
                f"needs it no more (log: {steps.log})"
            )
        say(f"  {pin.name}: {patch.name} is in this release already")
    if applied:
        say(f"  {pin.name}: applied {len(applied)} patches of our own")
    return applied


def patch_command(patch: Path, *options: str) -> list[str]:
    """Return the command that applies a patch in the directory that it is run in."""
    return ["patch", "--batch", "--forward", *options, "-p1", "-i", str(patch)]
