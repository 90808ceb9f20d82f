"""What the public API takes and returns can itself be imported, and is in the reference."""

from __future__ import annotations

import enum
import importlib
import re

import pytest

from tests.docs import public_api
from tests.docs.public_api import (
    PUBLIC_MODULES,
    Name,
    classes_named,
    exported,
    is_class,
    named_bases,
    not_exported,
)
from tests.docs.reference import PATH, entries, render

TEXT = PATH.read_text(encoding="utf-8")


def test_every_class_that_is_named_is_exported() -> None:
    """From one of PUBLIC_MODULES; see the message for where it is named."""
    assert not_exported() == {}


def test_the_reference_is_that_of_the_docstrings() -> None:
    """``python -m tests.docs.reference`` writes it."""
    assert render() == TEXT


def test_bases_are_told() -> None:
    assert "| `NoDomainError(HandshakeError)` |" in TEXT
    assert "The peer's certificate was refused. Base: `HandshakeError`." in TEXT
    assert "| `AlertError(tlsmgm.AlertError, ssl.SSLError)` |" in TEXT, "one of ours, and of ssl"


def test_bases_are_those_of_the_running_classes() -> None:
    for name, target in exported().items():
        if not is_class(target):
            continue
        found = getattr(importlib.import_module(target.module), target.name)
        real = {base.__name__ for base in found.__mro__[1:]}
        assert {base.rpartition(".")[2] for base in named_bases(target)} <= real, name
        if issubclass(found, Exception):
            assert list(named_bases(target)), name


def test_no_row_of_a_table_is_torn() -> None:
    torn = [line for line in TEXT.splitlines() if line.startswith("| ` ") or "|  |" in line]
    assert torn == []


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_everything_is_there_and_in_the_reference(module: str) -> None:
    found = importlib.import_module(module)
    assert sorted(set(found.__all__)) == sorted(found.__all__)
    for name in found.__all__:
        assert hasattr(found, name)
        if not name.startswith("__"):
            assert re.search(rf"^(### {name}|\| `(await )?{name}[(`].*)$", TEXT, re.MULTILINE), name


def named_by(name: str) -> set[tuple[str, str]]:
    """Return who names whom in the annotations of something public."""
    return {(where, found.name) for where, found in classes_named(exported()[name])}


def test_all_kinds_of_annotations_are_read() -> None:
    """Of properties, parameters, stubs, fields, constructors, what is inherited, and modules."""
    manager = named_by("tlsmgm.TLSManager")
    assert {("config", "Configuration"), ("watch_database", "DatabaseWatcher")} <= manager
    assert {("replace_domain", "Domain"), ("on_reload", "ReloadEvent")} <= manager
    connection = named_by("tlsmgm.Connection")
    assert {("context", "Context"), ("variables", "Variables"), ("domain", "Domain")} <= connection
    assert ("__new__", "SessionKeeper") not in connection  # programs do not make it
    assert {("database", "DatabaseSettings"), ("tables", "DomainTable")} <= named_by(
        "tlsmgm.Configuration"
    )
    assert ("__init__", "FIFOEndpoint") in named_by("tlsmgm.mi.MIServer")  # behind an alias
    assert ("load", "Backend") in named_by("tlsmgm.Session")
    assert ("context_capsule", "Context") in named_by("tlsmgm.embedding.context_capsule")
    assert named_by("tlsmgm.get_include") == set()


def test_who_cannot_be_imported_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    public = exported()
    del public["tlsmgm.Configuration"], public["tlsmgm.Context"]
    monkeypatch.setattr(public_api, "exported", lambda: public)
    missing = {name.rpartition(".")[2]: where for name, where in not_exported().items()}
    assert "tlsmgm.TLSManager.config" in missing["Configuration"]
    assert "tlsmgm.TLSManager.client_context" in missing["Context"]
    assert set(missing) == {"Configuration", "Context"}


def test_names_are_followed_to_where_they_are_defined() -> None:
    for name, target in exported().items():
        assert isinstance(target, Name)
        module, _, last = name.rpartition(".")
        if last.startswith("__"):
            continue
        found = getattr(importlib.import_module(module), last)
        assert found is getattr(importlib.import_module(target.module), last), name
        defined_in = getattr(found, "__module__", target.module)  # plain values do not say
        assert defined_in in (target.module, "types", "typing"), name


ENUMS = [
    getattr(importlib.import_module(module), name)
    for module in PUBLIC_MODULES
    for name in public_api.public_names(module)
]
ENUMS = [item for item in ENUMS if isinstance(item, enum.EnumType)]


@pytest.mark.parametrize("item", ENUMS, ids=lambda item: item.__name__)
def test_members_of_enumerations_are_explained(item: enum.EnumType) -> None:
    told = {name for name, _ in entries(item.__doc__ or "", "Attributes")}
    assert told == set(item.__members__)
