"""What embedders compile against: the headers, the declarations, and the version."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tlsmgm
from tests.embedding.conftest import build, load
from tests.support.c_build import compiler, run
from tests.support.managers import LOCAL, manager_of, server_domain
from tests.support.memory import assert_it_settles
from tlsmgm import NoDomainError, UnsupportedError, embedding
from tlsmgm._core.backend import CONTRACT_VERSION

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = {"tlsmgm.h", "embed.h", "status.def", "verify_reason.def"}


def copy_headers(folder: Path) -> Path:
    """Copy the public headers, and nothing else."""
    folder.mkdir()
    for name in PUBLIC:
        shutil.copy(ROOT / "csrc" / "include" / name, folder)
    return folder


def test_the_build_puts_headers_and_declarations_into_the_package(tmp_path: Path) -> None:
    command = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    include = tmp_path / "tlsmgm" / "include"
    assert {path.name for path in include.iterdir()} == PUBLIC
    for name in PUBLIC:
        assert (include / name).read_bytes() == (ROOT / "csrc" / "include" / name).read_bytes()
    assert (tmp_path / "tlsmgm" / "capi.pxd").is_file()
    assert (tmp_path / "tlsmgm" / "__init__.pxd").is_file()


def test_installed_headers_stand_before_those_of_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tlsmgm.get_include() == str(ROOT / "csrc" / "include")
    package = tmp_path / "tlsmgm"
    package.mkdir()
    monkeypatch.setattr(embedding, "_PACKAGE", package)
    with pytest.raises(FileNotFoundError):
        tlsmgm.get_include()
    copy_headers(package / "include")
    assert tlsmgm.get_include() == str(package / "include")


@pytest.mark.parametrize("language", ["c", "c++"])
def test_the_public_headers_are_enough(tmp_path: Path, language: str) -> None:
    command = compiler() if language == "c" else ["c++"]
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]} here")
    source = tmp_path / "embedder"
    source.write_text('#include "embed.h"\nint version(void) { return TLSMGM_CONTRACT_VERSION; }\n')
    standard = {"c": "-std=c11", "c++": "-std=c++17"}[language]
    flags = shlex.split(f"-x {language} {standard} -Wall -Wextra -Wpedantic -Werror -fsyntax-only")
    include = copy_headers(tmp_path / "include")
    run([*command, *flags, "-I", str(include), str(source)])


def test_the_declarations_name_all_that_is_in_the_headers() -> None:
    declared = (ROOT / "tlsmgm" / "capi.pxd").read_text(encoding="utf-8")
    for header in ("tlsmgm.h", "embed.h"):
        text = (ROOT / "csrc" / "include" / header).read_text(encoding="utf-8")
        constants = re.findall(r"^#define (TLSMGM_\w+) +\S", text, re.MULTILINE)
        names = set(constants) - {"TLSMGM_MUST_USE"}  # for compilers alone
        names |= set(re.findall(r"^    (TLSMGM_[A-Z]+_\w+) =", text, re.MULTILINE))
        names |= set(re.findall(r"^struct (\w+)", text, re.MULTILINE))
        for structure in re.findall(r"^struct \w+ \{$(.*?)^\};", text, re.MULTILINE | re.DOTALL):
            body = re.sub(r"/\*.*?\*/", "", structure, flags=re.DOTALL)
            names |= set(re.findall(r"\(\*(\w+)\)\(", body))
            names |= set(re.findall(r"(\w+)(?:\[\w+\])?;", re.sub(r"\([^;]*\)", "", body)))
        missing = {name for name in names if not re.search(rf"\b{name}\b", declared)}
        assert missing == set(), header
    for table, prefix in (
        ("status.def", "TLSMGM_STATUS_"),
        ("verify_reason.def", "TLSMGM_VERIFY_"),
    ):
        text = (ROOT / "csrc" / "include" / table).read_text(encoding="utf-8")
        for name in re.findall(r"^TLSMGM_\w+\((\w+),", text, re.MULTILINE):
            assert f"        {prefix}{name}\n" in declared


@pytest.mark.parametrize("version", [0, CONTRACT_VERSION - 1, CONTRACT_VERSION + 1])
def test_capsules_are_for_the_same_contract_alone(library: str, version: int) -> None:
    context = manager_of(library, server_domain()).server_context(LOCAL, b"dom1.test")
    with pytest.raises(UnsupportedError, match=rf"version {version} .* speaks {CONTRACT_VERSION}"):
        embedding.context_capsule(context, version)
    with pytest.raises(UnsupportedError, match="compile it anew"):
        embedding.greeting_capsule(version)


def test_a_module_for_another_contract_is_refused(tmp_path: Path) -> None:
    headers = copy_headers(tmp_path / "include")
    header = headers / "tlsmgm.h"
    line = f"#define TLSMGM_CONTRACT_VERSION {CONTRACT_VERSION}u"
    text = header.read_text(encoding="utf-8")
    assert line in text
    other = CONTRACT_VERSION + 1
    header.write_text(text.replace(line, f"#define TLSMGM_CONTRACT_VERSION {other}u"))
    module = build(tmp_path / "module", str(headers))
    with pytest.raises(UnsupportedError, match=rf"compiled for version {other} of the contract"):
        load(module)


def capsules_of(library: str, count: int) -> list[object]:
    """Make capsules of one context, and let go of all else that knows it."""
    manager = manager_of(library, server_domain())
    context = manager.server_context(LOCAL, b"dom1.test")
    return [embedding.context_capsule(context, CONTRACT_VERSION) for _ in range(count)]


def test_capsules_are_given_back(library: str) -> None:
    """Each has a reference of its own: one too many is a leak, one too few the sanitizer's."""
    capsules = capsules_of(library, 100)
    assert {type(capsule).__name__ for capsule in capsules} == {"PyCapsule"}
    assert 'tlsmgm.ctx"' in repr(capsules[-1])
    assert_it_settles(lambda: [capsules_of(library, 2) for _ in range(100)], 1 << 20)


def test_server_context_is_that_of_the_domain_that_answers(library: str) -> None:
    manager = manager_of(
        library, server_domain("dom1"), server_domain("dom2", match_sip_domain="none")
    )
    assert manager.server_context(LOCAL, b"DOM1.test").domain.name == "dom1"
    assert manager.server_context(LOCAL, None).domain.name == "dom2"
    with pytest.raises(NoDomainError) as refused:
        manager.server_context(LOCAL, b"\xff")
    assert refused.value.alert == 112
    with pytest.raises(UnsupportedError):
        tlsmgm.TLSManager("none").server_context(LOCAL, None)
    with pytest.raises(ValueError, match="65535"):
        manager.server_context(("127.0.0.1", 70_000), None)
