"""The stubs say what the native modules have."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tlsmgm
from tests.docs.stub_docs import docstring, named, native_modules, update

ROOT = Path(__file__).resolve().parents[2]
CORE = sorted(f"tlsmgm._core.{path.stem}" for path in (ROOT / "tlsmgm" / "_core").glob("*.pyx"))
BACKENDS = {"openssl": "tlsmgm._backends._openssl", "wolfssl": "tlsmgm_wolfssl._wolfssl"}

#: What Cython puts into every module.
CYTHON_OWN = r".*\.__(pyx_capi|test|reduce_cython|setstate_cython)__"

#: The buffer protocol has a name in Python 3.12 and newer only (PEP 688).
BUFFERS = r".*\.__buffer__"


def test_every_native_module_has_a_stub() -> None:
    pyx = [
        path for folder in ("tlsmgm", "tlsmgm_wolfssl") for path in (ROOT / folder).rglob("*.pyx")
    ]
    assert pyx
    assert [path for path in pyx if not path.with_suffix(".pyi").exists()] == []


def test_stubs_fit(tmp_path: Path) -> None:
    pytest.importorskip("mypy.stubtest")
    allowed = tmp_path / "allowed"
    allowed.write_text(f"{CYTHON_OWN}\n{BUFFERS}\n")
    backends = [module for name, module in BACKENDS.items() if name in tlsmgm.libraries()]
    command = [sys.executable, "-m", "mypy.stubtest", "--concise", "--ignore-unused-allowlist"]
    # That a native class can be the only base with a layout is said by no stub yet.
    command += ["--ignore-disjoint-bases", "--allowlist", str(allowed), *CORE, *backends]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"MYPY_CACHE_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def is_here(module: str) -> bool:
    """Whether a native module can be imported: a backend may be missing."""
    names = {module: name for name, module in BACKENDS.items()}
    return module not in names or names[module] in tlsmgm.libraries()


@pytest.mark.parametrize("module", native_modules())
def test_stubs_have_the_docstrings_of_their_modules(module: str) -> None:
    """Editors show those of the stub; ``python -m tests.docs.stub_docs`` writes them."""
    if not is_here(module):
        pytest.skip("this backend is not installed")
    tree = ast.parse(native_modules()[module].read_text(encoding="utf-8"))
    assert (ast.get_docstring(tree) or "") == docstring(module)
    for name, node in named(tree):
        text = ast.get_docstring(node)
        assert text, f"{name} has no docstring"
        assert text == (docstring(module, name) or text), name


def test_what_an_editor_shows_first() -> None:
    stub = native_modules()["tlsmgm._core.connection"]
    found = {
        name: ast.get_docstring(node) or ""
        for name, node in named(ast.parse(stub.read_text(encoding="utf-8")))
    }
    assert "NoMemoryError: more than 4 MiB" in found["Connection.feed"]
    assert "VerificationError: the peer's" in found["Connection.handshake"]
    assert "TruncatedError: the transport" in found["Connection.read"]


def test_the_writer_changes_nothing_that_is_right() -> None:
    for module in filter(is_here, native_modules()):
        source = native_modules()[module].read_text(encoding="utf-8")
        assert ast.dump(ast.parse(update(source, module))) == ast.dump(ast.parse(source))


def test_the_writer_mends_what_is_wrong() -> None:
    source = """class Connection(Negotiated):
    \"\"\"Something else.\"\"\"

    def feed(self, data: bytes) -> None: ...
    @property
    def ended(self) -> bool:
        \"\"\"Ours alone.\"\"\"
    @property
    def output_pending(self) -> int:
        \"\"\"Old
        text.\"\"\"
"""
    tree = ast.parse(update(source, "tlsmgm._core.connection"))
    found = {name: ast.get_docstring(node) for name, node in named(tree)}
    assert found["Connection.ended"] == "Ours alone."
    for name in ("Connection", "Connection.feed", "Connection.output_pending"):
        assert found[name] == docstring("tlsmgm._core.connection", name) != ""
    assert ast.get_docstring(tree) == docstring("tlsmgm._core.connection")
