"""The timeouts of the manual (2.1.3, 2.1.4): what the manager says they are."""

from __future__ import annotations

from tests.support.scripts import Site, server
from tlsmgm import TLSManager


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
