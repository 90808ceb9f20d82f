"""Where the source code of a library comes from, and which of Debian's patches are taken."""

from __future__ import annotations

import dataclasses
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import native_apt
import native_pins
import native_sources
import pytest
from native_pins import NativeBuildError
from native_steps import Steps

from tests.build.stand_ins import MEND, PINS, make_archive, make_tar


def test_archive_with_another_hash_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(b"not it")
    with pytest.raises(NativeBuildError, match="not the file that is pinned"):
        native_sources.check_hash(archive, PINS["openssl"].sha256, "https://example.org/a")


@pytest.mark.parametrize("names", [["top/../../outside"], ["top/a", "../outside"]])
@pytest.mark.skipif(not hasattr(tarfile, "data_filter"), reason="this Python's tarfile is too old")
def test_archive_that_leaves_its_directory_is_refused(tmp_path: Path, names: list[str]) -> None:
    archive = make_archive(tmp_path / "a.tar.gz", names)
    with pytest.raises(tarfile.FilterError):
        native_sources.unpack(archive, tmp_path)
    assert not (tmp_path / "outside").exists()


def test_archive_with_two_tops_is_refused(tmp_path: Path) -> None:
    archive = make_archive(tmp_path / "a.tar.gz", ["one/a", "two/b"])
    with pytest.raises(NativeBuildError, match="should hold one directory"):
        native_sources.unpack(archive, tmp_path)


def test_upstream_archive_is_checked_and_unpacked(tmp_path: Path, steps: Steps) -> None:
    archive = make_archive(tmp_path / "lib.tar.gz", ["lib-1.0/README"])
    pin = dataclasses.replace(
        PINS["openssl"], urls=[archive.as_uri()], sha256=native_pins.file_hash(archive)
    )
    work = tmp_path / "work"
    work.mkdir()
    source = native_sources.get_source(pin, work, steps)
    assert (source.tree / "README").read_text() == "hello"
    assert source.version == pin.version


def test_wrong_upstream_archive_is_an_error_and_not_a_reason_to_look_elsewhere(
    tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_archive(tmp_path / "lib.tar.gz", ["lib-1.0/README"])
    pin = dataclasses.replace(PINS["openssl"], urls=[archive.as_uri()])
    monkeypatch.setattr(native_sources, "from_debian", lambda *_: pytest.fail("looked elsewhere"))
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(NativeBuildError, match="not the file that is pinned"):
        native_sources.get_source(pin, work, steps)


def test_all_places_that_failed_are_named(
    tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = dataclasses.replace(PINS["openssl"], urls=[(tmp_path / "absent").as_uri()])

    def no_package(*_: object) -> None:
        raise NativeBuildError("no mirror has it")

    monkeypatch.setattr(native_sources, "from_debian", no_package)
    with pytest.raises(NativeBuildError) as caught:
        native_sources.get_source(pin, tmp_path, steps)
    assert "absent" in str(caught.value)
    assert "no mirror has it" in str(caught.value)


def debian_changes(folder: Path, patches: dict[str, bytes]) -> Path:
    """The part of a source package that has the distribution's patches."""
    files = {f"debian/patches/{name}": data for name, data in patches.items()}
    files["debian/patches/series"] = "".join(f"{name} # why\n" for name in patches).encode()
    return make_tar(folder / "lib.debian.tar.gz", files)


@pytest.mark.parametrize(
    ("patches", "applied"),
    [
        ({"mend.patch": MEND}, []),
        ({"CVE-2030-12345.patch": MEND}, ["CVE-2030-12345.patch"]),
        ({"mend.patch": b"Subject: mends CVE-2030-12345\n" + MEND}, ["mend.patch"]),
        # What a patch adds to the source says nothing about itself.
        ({"mend.patch": MEND.replace(b"mended", b"mended, not CVE-2030-12345")}, []),
    ],
)
def test_only_security_patches_of_the_distribution(
    tmp_path: Path, steps: Steps, patches: dict[str, bytes], applied: list[str]
) -> None:
    tree = tmp_path / "work" / "source" / "lib"
    tree.mkdir(parents=True)
    (tree / "file").write_text("hello")
    debian = native_pins.DebianSource(["sid"], True, [], only_security=True)
    pin = dataclasses.replace(PINS["wolfssl"], debian=debian)
    changes = debian_changes(tmp_path, patches)
    done = native_sources.apply_patches(pin, changes, tree, steps)
    assert [path.name for path in done] == applied
    assert ((tree / "file").read_text() == "mended\n") == bool(applied)


@pytest.mark.parametrize(
    ("version", "only_security", "found"),
    [("5.9.2-1.2", True, True), ("5.9.3-1", True, False), ("5.9.2-1.2", False, False)],
)
def test_pinned_release_will_do_without_the_security_patches(
    tmp_path: Path,
    steps: Steps,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    version: str,
    only_security: bool,
    found: bool,
) -> None:
    def run(step: str, command: list[str], *, cwd: Path) -> bool:
        if "--diff-only" in command:
            return False
        (cwd / "wolfssl.orig.tar.gz").touch()
        return True

    monkeypatch.setattr(steps, "run_tolerantly", run)
    debian = native_pins.DebianSource(["sid"], True, [], only_security=only_security)
    pin = dataclasses.replace(PINS["wolfssl"], version="5.9.2", debian=debian)
    package = native_apt.download_package(pin, version, tmp_path, [], steps)
    assert (package is not None) == found
    assert package is None or package.changes is None
    assert ("has no patches" in capsys.readouterr().err) == found


@pytest.mark.parametrize("version", ["9.9.9", "9.9.8"])
def test_debian_release_is_checked_patched_and_told_about(
    tmp_path: Path,
    steps: Steps,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    version: str,
) -> None:
    archive = make_archive(tmp_path / "lib.orig.tar.gz", ["lib/file"])
    mend = b"For CVE-2030-12345.\n" + MEND
    changes = debian_changes(tmp_path, {"skipped.patch": b"", "mend.patch": mend})
    debian = native_pins.DebianSource(["sid"], apply_patches=True, skip_patches=["skipped.patch"])
    pin = dataclasses.replace(
        PINS["openssl"],
        version="9.9.9",
        sha256=native_pins.file_hash(archive),
        debian=debian,
    )
    package = native_apt.SourcePackage(f"{version}-1", version, archive, changes)
    monkeypatch.setattr(native_apt, "fetch_source_package", lambda *_: package)
    work = tmp_path / "work"
    work.mkdir()
    source = native_sources.from_debian(pin, work, steps)
    assert source.version == version
    assert source.patches == ["mend.patch"]
    assert source.mended == {"CVE-2030-12345"}
    assert (source.tree / "file").read_text() == "mended\n"
    assert ("NOTE: openssl 9.9.9 is pinned" in capsys.readouterr().err) == (version != "9.9.9")


# Debian's mirrors and versions

STANZAS = """\
Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm
 bookworm-updates
Components: main contrib
Signed-By: /keys/debian.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: http://third.example/packages
Suites: nodistro
Components: main

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: bookworm
Components: main
"""

LINES = """\
# deb http://comment.example/debian bookworm main
deb [arch=amd64 signed-by=/keys/debian.gpg] http://mirror.example/debian bookworm main # why
deb http://mirror.example/debian-security bookworm-security main
deb http://third.example/apt bookworm-pgdg main
deb http://cloud.example/apt bookworm stable
"""


@pytest.mark.parametrize(
    ("text", "read"),
    [(STANZAS, native_apt.mirrors_in_stanzas), (LINES, native_apt.mirrors_in_lines)],
    ids=["stanzas", "lines"],
)
def test_only_debian_mirrors_are_taken(
    text: str, read: Callable[[str], Iterator[native_apt.Mirror]]
) -> None:
    assert set(read(text)) == {
        native_apt.Mirror("http://mirror.example/debian", False, "/keys/debian.gpg"),
        native_apt.Mirror("http://mirror.example/debian-security", True, None),
    }


def test_suites_go_to_the_mirrors_that_carry_them() -> None:
    mirrors = native_apt.mirrors_in_stanzas(STANZAS)
    lines = native_apt.source_lines(mirrors, ["trixie-security", "trixie"])
    security, main = lines
    assert security.endswith("http://mirror.example/debian-security trixie-security main")
    expected = "deb-src [signed-by=/keys/debian.gpg] http://mirror.example/debian trixie main"
    assert main == expected


def test_apt_stays_in_its_private_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    etc = tmp_path / "etc"
    (etc / "sources.list.d").mkdir(parents=True)
    (etc / "sources.list").write_text(LINES)
    monkeypatch.setattr(native_apt, "APT_DIRECTORY", etc)
    home = tmp_path / "apt"
    text = native_apt.prepare_private_apt(home, ["sid"]).read_text()
    for option in ("Dir::State", "Dir::State::status", "Dir::Cache", "Dir::Etc::sourcelist"):
        assert f'{option} "{home}/' in text
    assert (home / "sources.list").read_text().count("deb-src") == 1


def test_versions_are_pinned_first_then_newest_and_never_of_another_series() -> None:
    pin = dataclasses.replace(PINS["openssl"], version="3.5.8", series="3.5", oldest="3.5.7")
    versions = ["3.5.7-1~deb13u2", "3.5.10-1", "3.5.6-1", "3.6.3-1", "3.5.8-1", "3.5.7-1~deb13u10"]
    assert native_apt.fitting_versions(pin, versions) == [
        "3.5.8-1",
        "3.5.10-1",
        "3.5.7-1~deb13u10",
        "3.5.7-1~deb13u2",
    ]
