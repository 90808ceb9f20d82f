"""The timeouts of the manual (2.1.3, 2.1.4): what the manager says they are."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.support.scripts import Site, server
from tlsmgm import ConfigError, TLSManager


def test_defaults_and_the_caller() -> None:
    manager = TLSManager("none")
    assert (manager.handshake_timeout, manager.send_timeout) == (10.0, 60.0)
    manager = TLSManager("none", handshake_timeout=3, send_timeout=2)
    assert (manager.handshake_timeout, manager.send_timeout) == (3, 2)


def test_a_script_sets_them_and_a_reload_changes_them(site: Site) -> None:
    def times(handshake: int, send: int) -> list[str]:
        return [
            f'modparam("proto_tls", "tls_handshake_timeout", {handshake})',
            f'modparam("proto_tls", "tls_send_timeout", {send})',
        ]

    site.write(times(300, 200), server("dom1"))
    manager = site.load()
    assert (manager.handshake_timeout, manager.send_timeout) == (0.3, 0.2)
    site.write(times(500, 400), server("dom1"))
    manager.reload()
    assert (manager.handshake_timeout, manager.send_timeout) == (0.5, 0.4)


@pytest.mark.parametrize("name", ["handshake_timeout", "send_timeout"])
@pytest.mark.parametrize("seconds", ["x", None, math.nan, math.inf, -1, 0, True])
def test_times_that_make_no_sense(name: str, seconds: Any) -> None:
    """They are refused where they are given, and nothing has changed then."""
    with pytest.raises(ConfigError, match=rf"'{name}': cannot be") as caught:
        TLSManager("none", **{name: seconds})
    assert caught.value.parameter == name
    manager = TLSManager("none")
    before = getattr(manager, name)
    with pytest.raises(ConfigError, match=rf"'{name}': cannot be"):
        setattr(manager, name, seconds)
    assert getattr(manager, name) == before


@pytest.mark.parametrize("size", ["x", None, math.nan, 2048.0, -1, 0])
def test_sizes_that_make_no_sense(size: Any) -> None:
    manager = TLSManager("none")
    with pytest.raises(ConfigError, match="'hello_size': cannot be"):
        manager.hello_size = size
