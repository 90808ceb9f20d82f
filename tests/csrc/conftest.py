"""The C code as its tests see it: ``c`` is ``csrc`` compiled, ``backend`` one library's table.

cffi makes ``c.lib.tlsmgm_X()`` of every function in the headers and ``c.lib.TLSMGM_X`` of every
constant.  Calls release the interpreter lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import c_build, relay
from tests.support.c_code import Backend, CCode
from tests.support.contract import VERSIONS, Rig
from tests.support.libraries import lacks


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the compiler all the time that it needs on a busy machine; a test still has its own."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(func_only=True))


@pytest.fixture(scope="session")
def c() -> CCode:
    return CCode(c_build.load("portable"))


def load_backend(name: str) -> Backend:
    try:
        code = CCode(c_build.load(name))
    except c_build.LibraryMissingError as missing:
        lacks(name, missing)
    return Backend(name, getattr(code.lib, f"tlsmgm_{name}_backend"), code)


@pytest.fixture(scope="session", params=c_build.BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    return load_backend(request.param)


@pytest.fixture(scope="session", params=c_build.BACKENDS)
def peer_backend(request: pytest.FixtureRequest) -> Backend:
    return load_backend(request.param)


@pytest.fixture(autouse=True)
def nothing_is_left_behind(request: pytest.FixtureRequest, c: CCode) -> Iterator[None]:
    codes = [c]
    for name in ("backend", "peer_backend"):
        if name in request.fixturenames:
            codes.append(request.getfixturevalue(name).c)
    before = [code.lib.tlsmgm_test_live() for code in codes]
    yield
    for code in codes:
        code.lib.tlsmgm_test_fail_after(-1)
    after = [code.lib.tlsmgm_test_live() for code in codes]
    assert after == before, "not everything was freed"


@pytest.fixture
def rig(backend: Backend) -> Iterator[Rig]:
    rig = Rig(backend)
    yield rig
    rig.close()


@pytest.fixture
def peer(peer_backend: Backend) -> Iterator[Rig]:
    rig = Rig(peer_backend)
    yield rig
    rig.close()


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def no_socket_is_left_open() -> Iterator[None]:
    yield
    relay.close_all()
