"""Fixtures of the proxy's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.libraries import installed
from tests.support.proxy import Upstream, server_domain, write_script


@pytest.fixture(params=["openssl", "wolfssl"])
def library(request: pytest.FixtureRequest) -> str:
    return installed(request.param)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as found:
        yield found


@pytest.fixture
def script(tmp_path: Path) -> str:
    """One server domain for everybody."""
    return write_script(tmp_path / "opensips.cfg", server_domain("dom1"))
