"""Fixtures of the proxy's tests."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.proxy import Upstream, client_domain, server_domain, write_script


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as found:
        yield found


@pytest.fixture
def script(tmp_path: Path) -> str:
    """One server domain for everybody."""
    return write_script(tmp_path / "opensips.cfg", server_domain("dom1"))


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda v: v.name)
def version(request: pytest.FixtureRequest) -> ssl.TLSVersion:
    """The only version that peers speak."""
    found: ssl.TLSVersion = request.param
    return found


@pytest.fixture
def both(tmp_path: Path) -> str:
    """A server domain and a client domain for everybody."""
    return write_script(tmp_path / "both.cfg", server_domain("dom1"), client_domain("out"))
