"""Fixtures: a small PKI of its own for the tests of a folder.

Its ``conftest.py`` imports them, which makes them its own.
"""

from __future__ import annotations

import pytest

from tests.support.pki import Authority, Identity

__all__ = ["deep_site", "deep_user", "middle", "root", "site", "user"]


@pytest.fixture(scope="session")
def root() -> Authority:
    return Authority("tests root")


@pytest.fixture(scope="session")
def middle(root: Authority) -> Authority:
    """An intermediate right below the root."""
    return Authority("tests intermediate", root)


@pytest.fixture(scope="session")
def site(root: Authority) -> Identity:
    """A server, vouched for by the root."""
    return root.issue("site", names=["dom1.test"])


@pytest.fixture(scope="session")
def deep_site(middle: Authority) -> Identity:
    """A server, vouched for by the intermediate."""
    return middle.issue("deep site", names=["dom1.test"])


@pytest.fixture(scope="session")
def user(root: Authority) -> Identity:
    """A client, vouched for by the root."""
    return root.issue("user")


@pytest.fixture(scope="session")
def deep_user(middle: Authority) -> Identity:
    """A client, vouched for by the intermediate."""
    return middle.issue("deep user")
