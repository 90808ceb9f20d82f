"""Fixtures of the tests of listeners."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.listeners import Greeter
from tests.support.managers import manager_of
from tlsmgm import TLSManager


@pytest.fixture
def manager(library: str) -> TLSManager:
    """With the domains ``dom1``, ``dom2`` and ``client``."""
    return manager_of(library)


@pytest.fixture
def greeter() -> Iterator[Greeter]:
    with Greeter() as found:
        yield found
