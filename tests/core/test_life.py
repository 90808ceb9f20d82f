"""The life of native objects: cycles that are collected, objects that nobody filled."""

from __future__ import annotations

import gc
import weakref

import pytest

from tests.support.cases import cases_path
from tlsmgm._backends import libraries, load
from tlsmgm._core.connection import Connection
from tlsmgm._core.context import Context
from tlsmgm._core.session import Session

PKI = cases_path() / "pki"


class Owner:
    """What a context remembers; it remembers the context in turn, and so closes the circle."""

    context: Context
    connection: Connection


@pytest.mark.parametrize("library", libraries())
@pytest.mark.parametrize("is_server", [True, False])
def test_a_cycle_with_a_connection_is_collected(library: str, is_server: bool) -> None:
    owner = Owner()
    owner.context = Context(
        load(library),
        is_server=is_server,
        domain=owner,
        certificate=str(PKI / "dom1.pem"),
        private_key=str(PKI / "dom1.key"),
    )
    owner.connection = Connection(owner.context)
    assert owner.connection.handshake() is False
    watch = weakref.ref(owner)
    del owner
    gc.collect()
    assert watch() is None


def test_a_session_is_never_made_by_hand() -> None:
    with pytest.raises(TypeError, match=r"Session\.load"):
        Session()


def test_an_empty_session_has_no_bytes() -> None:
    empty = Session.__new__(Session)
    assert repr(empty) == "<Session ->"
    with pytest.raises(ValueError, match="empty"):
        empty.export()
