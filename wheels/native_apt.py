"""How is a source package fetched from Debian without touching the machine's own apt?

Everything apt reads and writes lies in a private directory: its package lists, its cache and a
list of sources. That list is made at run time from the machine's own one, so that the same mirror
serves, with newer suites and source packages switched on. apt checks the signatures as always.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from native_pins import NativeBuildError, Pin, numbers
from native_steps import Steps, say

APT_DIRECTORY = Path("/etc/apt")
DEBIAN_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# The names under which a machine's own sources can mention the main Debian archive.
DEBIAN_SUITE = re.compile(
    r"^(oldoldstable|oldstable|stable|testing|unstable|sid|bullseye|bookworm|trixie|forky|duke)"
    r"(?P<security>(-security|/updates))?$"
)

# The mirror's hooks and pinning must not see this run, and this run must not see the mirror's.
APT_CONFIGURATION = """\
Dir::State "{home}/state";
Dir::State::status "{home}/status";
Dir::Cache "{home}/cache";
Dir::Etc::sourcelist "{home}/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "-";
Dir::Etc::preferencesparts "-";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
APT::Sandbox::User "";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""


@dataclass(frozen=True)
class Mirror:
    """One place the machine gets Debian packages from."""

    uri: str
    security: bool
    signed_by: str | None


@dataclass(frozen=True)
class SourcePackage:
    """The downloaded parts of a source package: upstream's archive, and Debian's changes."""

    version: str
    upstream: str
    archive: Path
    changes: Path | None


def fetch_source_package(pin: Pin, work: Path, steps: Steps) -> SourcePackage:
    """Download the pinned release from Debian, or else another one of the same series."""
    if shutil.which("apt-get") is None:
        raise NativeBuildError("there is no apt-get here, so no source package to fall back on")
    home = work / "apt"
    configuration = prepare_private_apt(home, pin.debian.suites)
    apt = ["-c", str(configuration)]
    steps.run_tolerantly("package list", ["apt-get", *apt, "update"], cwd=home)
    candidates = fitting_versions(pin, listed_versions(pin.name, apt))
    if not candidates:
        raise NativeBuildError(
            f"the apt sources of this machine carry no {pin.name} {pin.series}.x from "
            f"{pin.oldest} on in {', '.join(pin.debian.suites)} (log: {steps.log})"
        )
    for version in candidates:
        package = download_package(pin, version, home, apt, steps)
        if package is not None:
            return package
    raise NativeBuildError(
        f"the mirror lists {', '.join(candidates)} of {pin.name} but hands out none of them "
        f"(log: {steps.log})"
    )


def prepare_private_apt(home: Path, suites: Iterable[str]) -> Path:
    """Write the private apt configuration and return its path."""
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (home / folder).mkdir(parents=True)
    (home / "status").touch()
    lines = source_lines(machine_mirrors(APT_DIRECTORY), suites)
    if not lines:
        raise NativeBuildError(f"no Debian mirror is named in {APT_DIRECTORY}")
    (home / "sources.list").write_text("\n".join(lines) + "\n", encoding="utf-8")
    configuration = home / "apt.conf"
    configuration.write_text(APT_CONFIGURATION.format(home=home), encoding="utf-8")
    return configuration


def source_lines(mirrors: Iterable[Mirror], suites: Iterable[str]) -> list[str]:
    """Return deb-src lines for these suites on the machine's own mirrors."""
    known = list(mirrors)
    lines = []
    for suite in suites:
        for mirror in known:
            if mirror.security != suite.endswith("-security"):
                continue
            keyring = mirror.signed_by or (str(DEBIAN_KEYRING) if DEBIAN_KEYRING.exists() else "")
            option = f"[signed-by={keyring}] " if keyring else ""
            line = f"deb-src {option}{mirror.uri} {suite} main"
            if line not in lines:
                lines.append(line)
    return lines


def machine_mirrors(apt_directory: Path) -> list[Mirror]:
    """Return the Debian mirrors that the machine's apt is set up with."""
    mirrors: dict[Mirror, None] = {}
    parts = apt_directory / "sources.list.d"
    for path in sorted(parts.glob("*.sources")):
        mirrors.update(dict.fromkeys(mirrors_in_stanzas(path.read_text(encoding="utf-8"))))
    for path in [apt_directory / "sources.list", *sorted(parts.glob("*.list"))]:
        if path.is_file():
            mirrors.update(dict.fromkeys(mirrors_in_lines(path.read_text(encoding="utf-8"))))
    return list(mirrors)


def mirrors_in_stanzas(text: str) -> Iterator[Mirror]:
    """Read mirrors from the newer format of apt's sources, fields in stanzas."""
    for stanza in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace():
                fields[name] = fields.get(name, "") + " " + line.strip()
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.lower()
                fields[name] = value.strip()
        if fields.get("enabled", "yes").lower() == "no":
            continue
        keyring = fields.get("signed-by")
        for uri in fields.get("uris", "").split():
            yield from debian_mirrors(
                uri, fields.get("suites", "").split(), fields.get("components", ""), keyring
            )


def mirrors_in_lines(text: str) -> Iterator[Mirror]:
    """Read mirrors from the older format of apt's sources, one line each."""
    pattern = re.compile(r"^deb(?:-src)?\s+(?:\[(?P<options>[^]]*)\]\s+)?(\S+)\s+(\S+)\s+(.*)$")
    for line in text.splitlines():
        match = pattern.match(line.split("#")[0].strip())
        if match is None:
            continue
        options, uri, suite, components = match.groups()
        signed = re.search(r"signed-by=(\S+)", options or "", re.IGNORECASE)
        yield from debian_mirrors(uri, [suite], components, signed.group(1) if signed else None)


def debian_mirrors(
    uri: str, suites: Iterable[str], components: str, keyring: str | None
) -> Iterator[Mirror]:
    """Yield a mirror if these suites are Debian's own, for the main or the security archive."""
    if "main" not in components.split():
        return
    # A key can also be written out in full in the sources file; then the packaged one must do.
    path = keyring if keyring and keyring.startswith("/") else None
    for suite in suites:
        match = DEBIAN_SUITE.match(suite)
        if match:
            yield Mirror(uri, match["security"] is not None, path)


def listed_versions(name: str, apt: list[str]) -> list[str]:
    """Return every version of a source package that the fetched lists carry."""
    command = ["apt-cache", *apt, "showsrc", "--only-source", name]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return re.findall(r"^Version: (\S+)$", answer.stdout, re.MULTILINE)


def upstream_version(version: str) -> str:
    """Return upstream's part of a Debian version: no epoch, no revision."""
    return version.split(":")[-1].rsplit("-", 1)[0]


def fitting_versions(pin: Pin, versions: Iterable[str]) -> list[str]:
    """Return the versions we accept: the pinned release first, then the newest of its series."""
    fitting = {
        version
        for version in versions
        if upstream_version(version).startswith(pin.series + ".")
        and numbers(upstream_version(version)) >= numbers(pin.oldest)
    }
    return sorted(
        fitting,
        key=lambda version: (upstream_version(version) == pin.version, numbers(version)),
        reverse=True,
    )


def can_do_without_changes(pin: Pin, version: str) -> bool:
    """Tell whether upstream's archive alone will do: it is the pinned one, whose hash is known."""
    return pin.debian.only_security and upstream_version(version) == pin.version


def download_package(
    pin: Pin, version: str, home: Path, apt: list[str], steps: Steps
) -> SourcePackage | None:
    """Download one version; return None if the mirror lists it but does not hand it out."""
    folder = home / version.replace(":", "_")
    folder.mkdir()
    wanted = f"{pin.name}={version}"
    command = ["apt-get", *apt, "source", "--download-only", "--only-source"]
    parts = ["--tar-only", "--diff-only"] if pin.debian.apply_patches else ["--tar-only"]
    for part in parts:
        if steps.run_tolerantly("download", [*command, part, wanted], cwd=folder):
            continue
        if part == "--diff-only" and can_do_without_changes(pin, version):
            say(
                f"  NOTE: the mirror has no patches of {pin.name} {version}. Going on with the "
                f"release as it is, and with our own patches."
            )
            continue
        say(f"  {pin.name}: the mirror lists {version} but does not hand it out")
        return None
    archives = [path for path in folder.glob("*.orig.tar.*") if path.suffix != ".asc"]
    changes = list(folder.glob("*.debian.tar.*"))
    if not archives:
        return None
    upstream = upstream_version(version)
    return SourcePackage(version, upstream, archives[0], changes[0] if changes else None)
