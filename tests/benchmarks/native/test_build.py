"""The C programs are built, once, and what cannot be built is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.native import build as native


@pytest.mark.parametrize("program", native.PROGRAMS)
def test_a_program_is_built_once(library: str, program: str) -> None:
    path = native.build(library, program)
    before = path.stat().st_mtime_ns
    assert path.stat().st_mode & 0o111
    assert native.build(library, program) == path
    assert path.stat().st_mtime_ns == before


def test_facts_name_the_library_and_the_flags(library: str) -> None:
    facts = native.facts(library)
    assert facts["library_version"][0].isdigit()
    assert facts["linked"] in {"statically", "shared"}
    assert "-O3" in facts["cflags"]
    assert facts["compiler"]


@pytest.mark.parametrize(("library_name", "program"), [("nope", "load"), ("openssl", "nope")])
def test_what_does_not_exist_is_refused(library_name: str, program: str) -> None:
    with pytest.raises(ValueError, match="nope"):
        native.build(library_name, program)


def test_a_compiler_that_fails_is_told(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "false")
    with pytest.raises(native.BuildError, match="false -std=c11"):
        native.build(library, "plain")


def test_a_failed_build_leaves_nothing_behind(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "false")
    monkeypatch.setattr(native, "BUILD", tmp_path)
    with pytest.raises(native.BuildError):
        native.build(library, "contract")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
