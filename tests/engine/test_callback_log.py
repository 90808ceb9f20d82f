"""What the log says of a callback that has failed, and of a client that has gone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest

from tests.support.listeners import ANYWHERE, port_of
from tests.support.proxy import TIMEOUT, connect, ends_uncleanly, reset, wait_until
from tlsmgm import AcceptedConnection, AlertError, TLSManager, TLSSocket, TruncatedError


def told(
    manager: TLSManager,
    caplog: pytest.LogCaptureFixture,
    answer: Callable[[AcceptedConnection], object],
    visit: Callable[[int], object],
) -> logging.LogRecord:
    """Let a client come, until it is let go; return the one record that speaks of the callback.

    Args:
        manager: listens.
        caplog: of the test.
        answer: the callback.
        visit: the client; gets the port.
    """
    with (
        caplog.at_level(logging.INFO, logger="tlsmgm"),
        manager.listen(ANYWHERE, on_connection=answer) as listener,
    ):
        visit(port_of(listener))
        wait_until(lambda: listener.statistics()["connections_open"] == 0)
    (record,) = [one for one in caplog.records if "callback" in one.getMessage()]
    return record


def is_reset(port: int) -> None:
    """A client that is let in, and then reset."""
    with connect(port) as client:
        assert ends_uncleanly(client)


def test_a_fault_of_the_program(manager: TLSManager, caplog: pytest.LogCaptureFixture) -> None:
    def answer(connection: AcceptedConnection) -> None:
        raise LookupError("no such thing")

    record = told(manager, caplog, answer, is_reset)
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

    record = told(manager, caplog, answer, is_reset)
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

    def visit(port: int) -> None:
        client = connect(port)
        assert has_it.wait(TIMEOUT)
        reset(client)

    record = told(manager, caplog, answer, visit)
    assert (record.levelname, record.exc_info) == ("INFO", None)
    assert "ConnectionResetError" in record.getMessage()
