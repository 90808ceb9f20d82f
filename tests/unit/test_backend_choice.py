"""Backends of other distributions: what is said when one is missing or does not fit."""

from __future__ import annotations

import concurrent.futures
import ctypes
import functools
import importlib
import importlib.metadata
import sys
import threading
import types
from typing import Any

import pytest

from tlsmgm._core.backend import CONTRACT_VERSION
from tlsmgm.errors import ConfigError, UnsupportedError

CAPSULE_NAME = ctypes.create_string_buffer(b"tlsmgm.backend")
MODULE = "backend_of_another_release"


# The package has a function of the same name as this module.
choice: Any = importlib.import_module("tlsmgm.backends")


@pytest.fixture(autouse=True)
def fresh_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that was loaded before counts, nor later what these tests load."""
    monkeypatch.setattr(choice, "_loaded", {})
    monkeypatch.setattr(choice, "_modules", functools.cache(choice._modules.__wrapped__))


def use_module(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Have wolfSSL's backend live in that module."""
    monkeypatch.setitem(choice._OWN_MODULES, "wolfssl", module)


def table_of(version: int) -> Any:
    """Return the beginning of a backend's table, which is all that may be read of a strange one."""
    return (ctypes.c_uint32 * 64)(version)


def capsule_of(table: Any) -> Any:
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    return new(ctypes.addressof(table), ctypes.addressof(CAPSULE_NAME), None)


@pytest.mark.parametrize("version", [0, CONTRACT_VERSION - 1, CONTRACT_VERSION + 1])
def test_another_contract_is_refused(monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    table = table_of(version)
    module: Any = types.ModuleType(MODULE)
    module.backend = capsule_of(table)
    monkeypatch.setitem(sys.modules, MODULE, module)
    use_module(monkeypatch, MODULE)
    with pytest.raises(UnsupportedError) as caught:
        choice.load("wolfssl")
    message = str(caught.value)
    assert MODULE in message
    assert f"version {version} of the contract" in message
    assert f"this tlsmgm speaks {CONTRACT_VERSION}" in message
    assert "install matching releases" in message
    assert caught.value.backend == "wolfssl"
    assert "wolfssl" not in choice.backends()


def test_how_to_get_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    use_module(monkeypatch, "there_is_no_such_module")
    with pytest.raises(ConfigError, match=r"pip install 'tlsmgm\[wolfssl\]'"):
        choice.select("wolfssl")


def test_an_entry_point_names_a_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = importlib.metadata.EntryPoint("third", MODULE, choice.ENTRY_POINT_GROUP)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [entry])
    with pytest.raises(UnsupportedError, match=MODULE):
        choice.load("third")


def test_threads_get_the_same_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions of one would not resume with another."""
    made: list[object] = []
    together = threading.Barrier(2)

    def make(name: str) -> object:
        together.wait(60)
        made.append(object())
        return made[-1]

    monkeypatch.setattr(choice, "_load", make)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        first, second = pool.map(choice.load, ["third", "third"])
    assert len(made) == 2
    assert first is second is choice.load("third")
