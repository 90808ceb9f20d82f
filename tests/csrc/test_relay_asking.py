"""The relay of a client for whose name there is no domain, while one is looked for."""

from __future__ import annotations

import pytest

from tests.support import hello
from tests.support.contract import Rig
from tests.support.relay import ALL, TIMES, Relay, Wire, client_of


class Asking:
    """A relay whose client asks for a name that nobody has, and who may know of one."""

    def __init__(self, rig: Rig, peer: Rig) -> None:
        self.relay = Relay(rig, name=b"dom2.test", asks=True)
        self.relay.news = {"readable": True, "writable": True}  # nobody ends
        self.client = client_of(peer)
        self.relay.accept(self.client)
        self.relay.run()
        assert (self.relay.phase, self.relay.relay.is_asking) == ("HANDSHAKE", True)


def test_a_domain_that_was_looked_for(rig: Rig, peer: Rig) -> None:
    asking = Asking(rig, peer)
    relay, client, upstream = asking.relay, asking.client, Wire()
    relay.answer(relay.selector_for(b"dom1.test"))
    relay.run()
    relay.attach(upstream)
    client.write(b"ping")
    relay.run()
    assert (relay.phase, upstream.received) == ("RELAYING", b"ping")
    assert relay.ffi.string(relay.relay.client.server_name.data) == b"dom1.test"


@pytest.mark.parametrize("other", [None, b"else.test"])
def test_nobody_knows_the_domain(rig: Rig, peer: Rig, other: bytes | None) -> None:
    """Neither does an answer that does not match the name."""
    asking = Asking(rig, peer)
    relay, client = asking.relay, asking.client
    relay.answer(relay.ffi.NULL if other is None else relay.selector_for(other))
    assert (relay.phase, relay.status) == ("CLOSING", "no-domain")
    relay.run()
    assert client.received[:7] == bytes.fromhex("15 03 03 00 02 02 70")  # alert 112
    relay.wait(TIMES["linger_timeout"])
    assert relay.phase == "OVER"


def test_an_answer_that_comes_too_late(rig: Rig, peer: Rig) -> None:
    relay = Asking(rig, peer).relay
    relay.wait(TIMES["handshake_timeout"])
    assert (relay.phase, relay.status) == ("OVER", "handshake-timeout")
    relay.answer(relay.selector_for(b"dom1.test"))
    assert (relay.phase, relay.status) == ("OVER", "handshake-timeout")


def test_a_client_that_goes_while_it_waits(rig: Rig, peer: Rig) -> None:
    """It keeps no place from others."""
    asking = Asking(rig, peer)
    asking.client.sock.close()
    asking.relay.peers.clear()
    asking.relay.news = ALL
    asking.relay.run()
    assert (asking.relay.phase, asking.relay.status) == ("OVER", "handshake-failed")
    asking.relay.answer(asking.relay.ffi.NULL)
    assert asking.relay.status == "handshake-failed"


def test_a_second_answer(rig: Rig, peer: Rig) -> None:
    asking = Asking(rig, peer)
    asking.relay.answer(asking.relay.selector_for(b"dom1.test"))
    asking.relay.answer(asking.relay.ffi.NULL)
    asking.relay.run()
    assert (asking.relay.phase, asking.relay.relay.is_waiting) == ("CONNECTING", True)


def test_the_engine_stops_while_it_asks(rig: Rig, peer: Rig) -> None:
    relay = Asking(rig, peer).relay
    relay.lib.tlsmgm_relay_stop(relay.relay, relay.now)
    assert (relay.phase, relay.status, relay.relay.is_asking) == ("OVER", "drained", False)


def test_too_much_behind_a_hello_that_waits(rig: Rig) -> None:
    """What cannot be kept for the domain would be missing there."""
    relay, client = Relay(rig, name=b"dom2.test", asks=True), Wire()
    relay.accept(client, hello_limit=1000)
    client.send(hello.records(hello.message(hello.server_name(b"dom1.test"))) + bytes(8000))
    relay.run()
    assert (relay.status, relay.relay.is_asking) == ("handshake-failed", False)
    assert client.received[:7] == bytes.fromhex("15 03 03 00 02 02 0a")  # unexpected_message
