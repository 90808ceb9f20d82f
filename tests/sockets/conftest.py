"""Both ends on real sockets, over the library under test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.sockets.talk import Pair, manager_for, wrap_both
from tlsmgm import TLSManager


@pytest.fixture
def manager(library: str, version: str) -> TLSManager:
    """With the domains ``dom1``, ``dom2`` and ``client``, for one version."""
    return manager_for(library, version)


@pytest.fixture
def pair(manager: TLSManager) -> Iterator[Pair]:
    """Both ends of a connection, closed in the end."""
    with contextlib.closing(wrap_both(manager, manager)) as made:
        yield made
