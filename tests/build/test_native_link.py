"""Which library a backend links with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import c_core
import native_link
import native_pins
import pytest


def fake_prefix(root: Path, version: str, archives: list[str], folder: str = "lib") -> Path:
    """Make a prefix that holds a wolfSSL of this version."""
    (root / "include" / "wolfssl").mkdir(parents=True)
    header = f'#define LIBWOLFSSL_VERSION_STRING "{version}"\n'
    (root / "include" / "wolfssl" / "version.h").write_text(header)
    (root / folder).mkdir(parents=True)
    for archive in archives:
        (root / folder / archive).touch()
    return root


def test_named_prefix_is_linked_statically(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = fake_prefix(tmp_path / "wolf", "5.9.2", ["libwolfssl.a"])
    monkeypatch.setenv("TLSMGM_WOLFSSL_PREFIX", str(prefix))
    link = native_link.find_library(c_core.BACKENDS["wolfssl"])
    assert link.version == "5.9.2"
    assert link.link_args[0] == f"{prefix}/lib/libwolfssl.a"


@pytest.mark.parametrize("folder", native_link.SHARED_FOLDERS)
def test_named_prefix_without_static_library_is_linked_shared(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    name = f"libwolfssl.{native_link.SHARED_SUFFIX}"
    prefix = fake_prefix(tmp_path / "wolf", "5.9.3", [name], folder)
    monkeypatch.setenv("TLSMGM_WOLFSSL_PREFIX", str(prefix))
    link = native_link.find_library(c_core.BACKENDS["wolfssl"])
    assert link.link_args[0] == f"{prefix}/{folder}/{name}"
    assert f"-Wl,-rpath,{prefix}/{folder}" in link.link_args
    assert link.depends == [link.link_args[0]]


def test_named_prefix_with_headers_alone_is_refused(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = fake_prefix(tmp_path / "wolf", "5.9.3", [])
    monkeypatch.setenv("TLSMGM_WOLFSSL_PREFIX", str(prefix))
    with pytest.raises(native_link.LibraryMissingError, match="neither static nor shared"):
        native_link.find_library(c_core.BACKENDS["wolfssl"])


@pytest.mark.skipif(sys.platform == "darwin", reason="its linker has other options")
def test_the_named_library_is_linked_whatever_was_searched_before(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A distribution's Python puts its own folder in front of ours."""
    compiler = native_pins.compiler().split()
    for name, answer in (("named", 1), ("other", 2)):
        prefix = fake_prefix(tmp_path / name, "5.9.3", [])
        source = tmp_path / f"{name}.c"
        source.write_text(f"int answer(void) {{ return {answer}; }}\n")
        library = [f"-Wl,-soname,libwolfssl.so.{answer}", "-o", f"{prefix}/lib/libwolfssl.so"]
        subprocess.run([*compiler, "-shared", "-fPIC", str(source), *library], check=True)
        (prefix / "lib" / f"libwolfssl.so.{answer}").symlink_to("libwolfssl.so")
    program = tmp_path / "program.c"
    program.write_text("int answer(void);\nint main(void) { return answer(); }\n")
    monkeypatch.setenv("TLSMGM_WOLFSSL_PREFIX", str(tmp_path / "named"))
    link = native_link.find_library(c_core.BACKENDS["wolfssl"])
    command = [*compiler, str(program), f"-L{tmp_path}/other/lib", *link.link_args]
    subprocess.run([*command, "-o", str(tmp_path / "program")], check=True)
    assert subprocess.run([tmp_path / "program"], check=False).returncode == 1


def test_named_prefix_that_is_too_old_is_refused(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = fake_prefix(tmp_path / "wolf", "5.9.1", ["libwolfssl.a"])
    monkeypatch.setenv("TLSMGM_WOLFSSL_PREFIX", str(prefix))
    with pytest.raises(native_link.LibraryMissingError, match=r"5\.9\.1, which is too old"):
        native_link.find_library(c_core.BACKENDS["wolfssl"])


def fake_pkg_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str | None) -> None:
    """Put a pkg-config in place that knows every package in this version, or none."""
    tool = tmp_path / "pkg-config"
    tool.write_text(
        "#!/bin/sh\nexit 1\n"
        if version is None
        else f'#!/bin/sh\ncase "$1" in --modversion) echo {version};; --libs) echo -lx;; esac\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PKG_CONFIG", str(tool))
    monkeypatch.delenv("TLSMGM_WOLFSSL_PREFIX", raising=False)


def test_system_library_is_taken_when_nothing_is_built(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_pkg_config(tmp_path, monkeypatch, "5.9.2")
    link = native_link.find_library(c_core.BACKENDS["wolfssl"])
    assert link.link_args == ["-lx"]


@pytest.mark.parametrize(
    ("version", "reason"), [("5.7.2", "5.7.2, which is too old"), (None, "nor known to pkg-config")]
)
def test_missing_library_says_what_to_do(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, reason: str
) -> None:
    fake_pkg_config(tmp_path, monkeypatch, version)
    with pytest.raises(native_link.LibraryMissingError) as caught:
        native_link.find_library(c_core.BACKENDS["wolfssl"])
    assert reason in str(caught.value)
    assert "python wheels/build_native_libs.py wolfssl" in str(caught.value)
    assert "TLSMGM_WOLFSSL_PREFIX" in str(caught.value)
