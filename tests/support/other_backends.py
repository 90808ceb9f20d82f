"""Backends that other distributions might bring, good for nothing but being refused."""

from __future__ import annotations

import ctypes
import functools
import importlib
import sys
import types
from typing import Any

import pytest

CAPSULE_NAME = ctypes.create_string_buffer(b"tlsmgm.backend")
MODULE = "backend_of_another_release"

# The package has a function of the same name as this module.
choice: Any = importlib.import_module("tlsmgm._backends")


def forget_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing count that was loaded before, nor later what is loaded now."""
    monkeypatch.setattr(choice, "_loaded", {})
    monkeypatch.setattr(choice, "_modules", functools.cache(choice._modules.__wrapped__))


def use_module(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Have wolfSSL's backend live in that module."""
    monkeypatch.setitem(choice._OWN_MODULES, "wolfssl", module)


def use_contract(monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    """Have wolfSSL's backend be one that was compiled for that version of the contract."""
    module: Any = types.ModuleType(MODULE)
    # The beginning of a backend's table, which is all that may be read of a strange one.
    module.table = (ctypes.c_uint32 * 64)(version)
    module.backend = _capsule_of(module.table)
    monkeypatch.setitem(sys.modules, MODULE, module)
    use_module(monkeypatch, MODULE)


def _capsule_of(table: Any) -> Any:
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    return new(ctypes.addressof(table), ctypes.addressof(CAPSULE_NAME), None)
