"""What is pinned, and our own patches."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection
from pathlib import Path

import build_native_libs
import native_pins
import native_sources
import pytest
from native_pins import NativeBuildError, Pin
from native_steps import Steps

from tests.build.stand_ins import MEND, PINS, make_archive


@pytest.mark.parametrize("pin", PINS.values(), ids=PINS)
def test_pin_is_complete_and_of_one_piece(pin: Pin) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", pin.sha256)
    assert pin.version.startswith(pin.series + ".")
    assert native_pins.numbers(pin.oldest) <= native_pins.numbers(pin.version)
    assert all(url.startswith("https://") and pin.version in url for url in pin.urls)


def test_no_pinned_flag_logs_secrets() -> None:
    for pin in PINS.values():
        flags = " ".join([*pin.configure, pin.cflags, pin.cppflags])
        assert not re.search(r"keylog|SHOW_SECRETS", flags, re.IGNORECASE)


def test_key_depends_on_every_flag() -> None:
    pin = PINS["wolfssl"]
    changed = [
        dataclasses.replace(pin, cflags="-O1"),
        dataclasses.replace(pin, cppflags="-DX"),
        dataclasses.replace(pin, configure=[*pin.configure, "--enable-x"]),
        dataclasses.replace(pin, version="5.9.99"),
    ]
    assert len({pin.key(), *(other.key() for other in changed)}) == 5


@pytest.mark.parametrize("macos", [False, True])
def test_what_only_macos_needs_changes_nothing_elsewhere(
    monkeypatch: pytest.MonkeyPatch, macos: bool
) -> None:
    monkeypatch.setattr(native_pins, "MACOS", macos)
    pin = PINS["wolfssl"]
    other = dataclasses.replace(pin, macos=native_pins.MacosChanges([], []))
    assert (pin.key() != other.key()) == macos
    assert ("--disable-sys-ca-certs" in pin.configure_flags()) == macos
    assert ("-DWOLFSSL_GETRANDOM" in pin.preprocessor_flags().split()) != macos
    assert "-DHAVE_SECRET_CALLBACK" in pin.preprocessor_flags().split()


@pytest.mark.parametrize("macos", [False, True])
def test_a_library_for_another_macos_is_another_library(
    monkeypatch: pytest.MonkeyPatch, macos: bool
) -> None:
    monkeypatch.setattr(native_pins, "MACOS", macos)
    keys = set()
    for version in ("11.0", "15.0"):
        monkeypatch.setenv("MACOSX_DEPLOYMENT_TARGET", version)
        keys.add(PINS["openssl"].key())
    assert len(keys) == (2 if macos else 1)


@pytest.mark.parametrize("pin", PINS.values(), ids=PINS)
def test_patches_are_there_and_a_wheel_of_the_other_library_lacks_them(pin: Pin) -> None:
    assert not pin.missing_patches()
    assert all(name.startswith(f"{pin.name}-") for name in pin.patches)


def test_every_patch_is_used_and_says_why() -> None:
    used = {path for pin in PINS.values() for path in pin.patch_files()}
    assert used == set(native_pins.PATCHES.glob("*"))
    for path in used:
        words = path.read_text(encoding="utf-8").partition("\n--- ")[0]
        assert len(words.split()) > 20, f"{path.name} does not say what it is for"


def test_a_release_is_chosen_in_two_lines(tmp_path: Path) -> None:
    text = native_pins.PINS_FILE.read_text(encoding="utf-8")
    pin = PINS["wolfssl"]
    text = text.replace(f'version = "{pin.version}"', 'version = "5.9.77"')
    text = text.replace(pin.sha256, "ab" * 32)
    other = tmp_path / "pins.toml"
    other.write_text(text, encoding="utf-8")
    chosen = native_pins.load_pins(other)["wolfssl"]
    assert "5.9.77" in chosen.urls[0]
    assert pin.version not in chosen.urls[0]
    assert (chosen.version, chosen.sha256) == ("5.9.77", "ab" * 32)


@pytest.fixture
def patches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of patches of ours, with one for a file that says hello."""
    folder = tmp_path / "patches"
    folder.mkdir()
    (folder / "mend.patch").write_bytes(MEND)
    monkeypatch.setattr(native_pins, "PATCHES", folder)
    return folder


def with_patch(name: str = "openssl", patch: str = "mend.patch") -> Pin:
    return dataclasses.replace(PINS[name], patches=[patch])


def test_key_depends_on_the_text_of_patches(patches: Path) -> None:
    plain = dataclasses.replace(PINS["openssl"], patches=[])
    keys = {plain.key(), with_patch().key()}
    (patches / "mend.patch").write_bytes(MEND + b"\n")
    keys.add(with_patch().key())
    assert len(keys) == 3


@pytest.mark.parametrize("content", [b"hello", b"mended\n"])
def test_own_patch_is_applied_unless_the_release_has_it(
    tmp_path: Path, steps: Steps, patches: Path, content: bytes
) -> None:
    archive = make_archive(tmp_path / "lib.tar.gz", ["lib-1.0/file"], content)
    pin = dataclasses.replace(
        with_patch(), urls=[archive.as_uri()], sha256=native_pins.file_hash(archive)
    )
    work = tmp_path / "work"
    work.mkdir()
    source = native_sources.get_source(pin, work, steps)
    assert (source.tree / "file").read_text() == "mended\n"
    assert source.patches == (["wheels/patches/mend.patch"] if content == b"hello" else [])


def test_own_patch_that_fits_nowhere_is_an_error(
    tmp_path: Path, steps: Steps, patches: Path
) -> None:
    (tmp_path / "file").write_text("other\n")
    with pytest.raises(NativeBuildError, match=r"mend\.patch does not fit openssl"):
        native_sources.apply_own_patches(with_patch(), source_in(tmp_path), steps)
    assert (tmp_path / "file").read_text() == "other\n"


def source_in(
    tree: Path, version: str = "1.0", mended: Collection[str] = ()
) -> native_sources.Source:
    return native_sources.Source(tree, version, "here", "", [], frozenset(mended))


@pytest.mark.parametrize(
    ("head", "version", "mended", "applied"),
    [
        ("", "1.10", [], True),
        ("Mended-in: 1.9\n", "1.8.5", [], True),
        ("Mended-in: 1.9\n", "1.10", [], False),
        ("Mends: CVE-2030-1111\n", "1.8", ["CVE-2030-2222"], True),
        ("Mends: CVE-2030-1111\n", "1.8", ["CVE-2030-1111", "CVE-2030-2222"], False),
        ("Mends: CVE-2030-1111 CVE-2030-2222\n", "1.8", ["CVE-2030-1111"], True),
    ],
)
def test_own_patch_is_left_out_where_others_have_mended_it(
    tmp_path: Path,
    steps: Steps,
    patches: Path,
    head: str,
    version: str,
    mended: Collection[str],
    applied: bool,
) -> None:
    (patches / "mend.patch").write_bytes(b"Words.\n\n" + head.encode() + b"\n" + MEND)
    (tmp_path / "file").write_text("hello")
    source = source_in(tmp_path, version, mended)
    done = native_sources.apply_own_patches(with_patch(), source, steps)
    assert done == (["wheels/patches/mend.patch"] if applied else [])
    assert ((tmp_path / "file").read_text() == "mended\n") == applied


def test_library_whose_patch_is_missing_is_not_built(
    cache: Path, patches: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build_native_libs, "check_tools", lambda name: None)
    pin = with_patch(patch="absent.patch")
    with pytest.raises(NativeBuildError, match=r"missing in wheels/patches: absent\.patch"):
        build_native_libs.build(pin)
    # Without names, what the tree has no patches for is passed over.
    monkeypatch.setattr(build_native_libs, "load_pins", lambda: {"openssl": pin})
    assert build_native_libs.main(["--list"]) == 0
    assert capsys.readouterr().out == ""
