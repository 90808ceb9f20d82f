"""Native objects in reference cycles: the collector may clear their parts in any order."""

from __future__ import annotations

import gc

import pytest

from tests.support.pairs import managers, session_of


@pytest.mark.parametrize("kind", ["context", "session", "client", "server"])
def test_objects_in_a_cycle_are_collected(library: str, version: str, kind: str) -> None:
    def tie() -> None:
        pair = managers(library, library, version).connect()
        objects = {
            "context": pair.server.context,
            "session": session_of(pair),
            "client": pair.client,
            "server": pair.server,
        }
        knot: list[object] = [objects[kind]]
        knot.append(knot)

    tie()
    assert gc.collect() > 0  # and we are still alive


def test_refused_connection_in_its_own_traceback_is_collected(library: str, version: str) -> None:
    def tie() -> None:
        both = managers(library, library, version, server={"match_sip_domain": "other.test"})
        pair = both.fail()
        assert pair.server_error is not None
        assert pair.server_error.__traceback__ is not None

    tie()
    assert gc.collect() > 0
