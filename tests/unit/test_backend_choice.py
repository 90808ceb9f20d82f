"""Backends of other distributions: what is said when one is missing or does not fit."""

from __future__ import annotations

import concurrent.futures
import importlib
import importlib.metadata
import threading

import pytest

from tests.support.other_backends import (
    MODULE,
    choice,
    forget_backends,
    use_contract,
    use_module,
)
from tlsmgm._config.opensips import read_script_text
from tlsmgm._config.toml import read_toml_text
from tlsmgm._core.backend import CONTRACT_VERSION
from tlsmgm.errors import ConfigError, UnsupportedError


@pytest.fixture(autouse=True)
def fresh_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_backends(monkeypatch)


@pytest.mark.parametrize("version", [0, CONTRACT_VERSION - 1, CONTRACT_VERSION + 1])
def test_another_contract_is_refused(monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    use_contract(monkeypatch, version)
    with pytest.raises(UnsupportedError) as caught:
        choice.load("wolfssl")
    message = str(caught.value)
    assert MODULE in message
    assert f"version {version} of the contract" in message
    assert f"this tlsmgm speaks {CONTRACT_VERSION}" in message
    assert "install matching releases" in message
    assert caught.value.backend == "wolfssl"
    assert "wolfssl" not in choice.libraries()
    assert choice.refused() == {"wolfssl": message}


def test_how_to_get_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    use_module(monkeypatch, "there_is_no_such_module")
    assert choice.refused() == {}
    with pytest.raises(ConfigError, match=r"pip install 'tlsmgm\[wolfssl\]'"):
        choice.select("wolfssl")


def test_an_entry_point_names_a_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = importlib.metadata.EntryPoint("third", MODULE, choice.ENTRY_POINT_GROUP)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [entry])
    with pytest.raises(UnsupportedError, match=MODULE):
        choice.load("third")


def test_files_may_name_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = importlib.metadata.EntryPoint("third", MODULE, choice.ENTRY_POINT_GROUP)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [entry])
    toml = read_toml_text('library = "Third"')
    script = read_script_text('modparam("tls_mgm", "tls_library", "third")')
    assert (toml.tls_library, script.tls_library) == ("third", "third")
    with pytest.raises(ConfigError, match="known: auto, none, openssl, wolfssl, third"):
        read_toml_text('library = "gnutls"')


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
