"""What the log says of a callback that has failed, and of a client that has gone."""

from __future__ import annotations

import logging
import threading

import pytest

from tests.support.listeners import ANYWHERE, port_of
from tests.support.proxy import TIMEOUT, connect, ends_uncleanly, reset, wait_until
from tlsmgm import AcceptedConnection, AlertError, Listener, TLSManager, TLSSocket, TruncatedError


def open_now(listener: Listener) -> int:
    return listener.statistics()["connections_open"]


def test_a_fault_of_the_program(manager: TLSManager, caplog: pytest.LogCaptureFixture) -> None:
    def answer(connection: AcceptedConnection) -> None:
        raise LookupError("no such thing")

    with (
        caplog.at_level(logging.INFO, logger="tlsmgm"),
        manager.listen(ANYWHERE, on_connection=answer) as listener,
    ):
        with connect(port_of(listener)) as client:
            assert ends_uncleanly(client)
        wait_until(lambda: open_now(listener) == 0)
    (record,) = [one for one in caplog.records if "callback" in one.getMessage()]
    assert record.levelname == "ERROR"
    assert 'raise LookupError("no such thing")' in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(104, "Connection reset\nby peer"),
        BrokenPipeError(32, "Broken pipe"),
        TruncatedError("the peer ended the connection without close_notify"),
        AlertError("the peer sent alert 80 (internal_error)", alert=80),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_client_that_goes_is_no_fault_of_the_callback(
    manager: TLSManager, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def answer(connection: AcceptedConnection) -> None:
        raise error

    with (
        caplog.at_level(logging.INFO, logger="tlsmgm"),
        manager.listen(ANYWHERE, on_connection=answer) as listener,
    ):
        with connect(port_of(listener)) as client:
            assert ends_uncleanly(client)
        wait_until(lambda: open_now(listener) == 0)
    (record,) = [one for one in caplog.records if "callback" in one.getMessage()]
    assert (record.levelname, record.exc_info) == ("INFO", None)
    assert record.getMessage().startswith("127.0.0.1 has gone while a callback had the connection")
    assert f"{type(error).__name__}: " in record.getMessage()
    assert "\n" not in record.getMessage()


def test_a_reset_is_told_in_one_line(manager: TLSManager, caplog: pytest.LogCaptureFixture) -> None:
    """By the socket itself, as most programs meet it."""
    has_it = threading.Event()

    def answer(connection: AcceptedConnection) -> None:
        with TLSSocket.from_accepted(connection) as sock:
            sock.settimeout(TIMEOUT)
            has_it.set()
            sock.recv(1)

    with (
        caplog.at_level(logging.INFO, logger="tlsmgm"),
        manager.listen(ANYWHERE, on_connection=answer) as listener,
    ):
        client = connect(port_of(listener))
        assert has_it.wait(TIMEOUT)
        reset(client)
        wait_until(lambda: open_now(listener) == 0)
    (record,) = [one for one in caplog.records if "callback" in one.getMessage()]
    assert (record.levelname, record.exc_info) == ("INFO", None)
    assert "ConnectionResetError" in record.getMessage()
