"""What can be seen of the package is what is promised; all other rooms begin with an underscore.

``make lint`` holds the imports of Python modules against the contract in ``pyproject.toml``. Native
modules and stubs are looked at here, because import-linter reads neither.
"""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import pytest

import tlsmgm
from tests.support.process import run_python

ROOT = Path(__file__).resolve().parents[2]
#: What is imported, so that an installed package is held to the same.
PACKAGE = Path(tlsmgm.__file__).resolve().parent
SITE = PACKAGE.parent

#: Modules that programs may import.
PUBLIC = {
    "tlsmgm.adapters",
    "tlsmgm.aio",
    "tlsmgm.config.opensips",
    "tlsmgm.databases",
    "tlsmgm.embedding",
    "tlsmgm.errors",
    "tlsmgm.mi",
    "tlsmgm.mi.client",
    "tlsmgm.proxy",
}

#: Old addresses of public names, and the folders of public modules, which hold nothing themselves.
KEPT = {"tlsmgm.provisioning.settings"}
FOLDERS = {"tlsmgm", "tlsmgm.config", "tlsmgm.provisioning"}

NATIVE = sorted(
    path
    for folder in ("tlsmgm", "tlsmgm_wolfssl")
    for ending in ("pyx", "pxd", "pyi")
    for path in (SITE / folder).rglob(f"*.{ending}")
)

#: What native modules stand on: each other, the public declarations, and the exceptions.
BELOW = {"tlsmgm.capi", "tlsmgm.errors"}
IMPORT = re.compile(
    r"^\s*(?:from\s+(tlsmgm[\w.]*)\s+c?import\s+(\w+)|c?import\s+(tlsmgm\.[\w.]+))", re.MULTILINE
)


def imported(text: str) -> set[str]:
    """Return the modules of ours that a native file names."""
    found = set()
    for module, name, plain in IMPORT.findall(text):
        found.add(plain or (f"tlsmgm.{name}" if module == "tlsmgm" else module))
    return found


def test_modules_without_underscore_are_public() -> None:
    names = {
        path.relative_to(SITE).with_suffix("").as_posix().removesuffix("/__init__")
        for path in PACKAGE.rglob("*.py")
    }
    seen = {name.replace("/", ".") for name in names if "/_" not in name}
    assert seen == PUBLIC | KEPT | FOLDERS


def test_old_addresses_have_the_same_names() -> None:
    old = importlib.import_module("tlsmgm.provisioning.settings")
    new = importlib.import_module("tlsmgm._config.database_settings")
    assert all(getattr(old, name) is getattr(new, name) for name in old.__all__)


def test_dir_shows_what_is_promised() -> None:
    program = "\n".join(
        [
            "import tlsmgm",
            "for name in sys.argv[1:]:",
            "    importlib.import_module(name)",
            "print(*(name for name in dir(tlsmgm) if not name.startswith('_')))",
        ]
    )
    modules = sorted(PUBLIC - {"tlsmgm.databases"})  # that one needs an extra
    done = run_python(program, *modules, prelude="import importlib, sys\n")
    assert (done.returncode, done.stderr) == (0, "")
    shown = set(done.stdout.split())
    of_modules = {name.split(".")[1] for name in modules}
    assert shown == {name for name in tlsmgm.__all__ if not name.startswith("_")} | of_modules


@pytest.mark.parametrize("module", sorted(PUBLIC | {"tlsmgm"}))
def test_what_a_public_module_names_is_there(module: str) -> None:
    if module == "tlsmgm.databases":
        pytest.importorskip("sqlalchemy")
    found = importlib.import_module(module)
    assert found.__all__
    assert [name for name in found.__all__ if not hasattr(found, name)] == []


def test_a_name_that_moved_says_where_to() -> None:
    with pytest.raises(AttributeError, match=r"tlsmgm\.libraries\(\)"):
        _ = tlsmgm.backends  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"has no attribute 'frontends'$"):
        _ = tlsmgm.frontends  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", NATIVE, ids=lambda path: str(path.relative_to(SITE)))
def test_native_modules_import_downwards(path: Path) -> None:
    of_core = {
        name for name in imported(path.read_text("utf-8")) if name.startswith("tlsmgm._core")
    }
    assert imported(path.read_text("utf-8")) - of_core <= BELOW


def test_an_upward_import_is_seen() -> None:
    text = "from tlsmgm._native.sessions import SessionKeeper\ncimport tlsmgm._backends.x\n"
    assert imported(text) == {"tlsmgm._native.sessions", "tlsmgm._backends.x"}
    assert imported("from tlsmgm import errors\n") == {"tlsmgm.errors"}


def test_every_room_has_a_floor() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    written = {name.strip() for layer in layers for name in layer.split("|")}
    there = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    there |= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert written == there
