"""A drain while clients come: who has connected is served, and who comes later is refused."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import threading
from typing import Any

import pytest

from tests.support.listeners import ANYWHERE, Greeter, port_of
from tests.support.managers import manager_of
from tests.support.proxy import TIMEOUT
from tlsmgm._engine import opening
from tlsmgm._serving.listening import BoundSocket, bind
from tlsmgm._serving.targets import parse_target

#: Of Linux: how many instructions the packet filter of a socket has.
SO_GET_FILTER = 26

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="elsewhere nobody can be told to come again"
)


def filter_size(sock: socket.socket) -> int:
    """Return how many instructions the packet filter of a socket has; 0: there is none."""
    length = ctypes.c_uint32(0)
    libc = ctypes.CDLL(None, use_errno=True)
    found = libc.getsockopt(
        sock.fileno(), socket.SOL_SOCKET, SO_GET_FILTER, None, ctypes.byref(length)
    )
    assert found == 0, os.strerror(ctypes.get_errno())
    return length.value


def plain_socket(workers: int, *, is_exclusive: bool) -> list[BoundSocket]:
    target = parse_target("tcp:127.0.0.1:0", listening=True)
    return bind([target], workers, is_exclusive=is_exclusive)


@pytest.mark.parametrize(("is_exclusive", "size"), [(True, 4), (False, 0)])
def test_nobody_new_is_answered(greeter: Greeter, is_exclusive: bool, size: int) -> None:
    """SYN packets are dropped, unless somebody else has the socket, who would be deaf with us."""
    bound = plain_socket(2, is_exclusive=is_exclusive)
    copies = [sock.dup() for sock in bound[0].socks]
    with manager_of("none").listen(bound, greeter.address, workers=2) as listener:
        assert [filter_size(sock) for sock in copies] == [0, 0]
        listener.drain(TIMEOUT)
        assert [filter_size(sock) for sock in copies] == [size, size]
        assert listener.wait(TIMEOUT)
    for sock in copies:
        sock.close()


def test_a_listener_has_its_sockets_alone(
    greeter: Greeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[BoundSocket] = []

    def spy(*args: Any, **options: Any) -> list[BoundSocket]:
        seen.extend(bind(*args, **options))
        return seen

    monkeypatch.setattr(opening, "bind", spy)
    with manager_of("none").listen("tcp:127.0.0.1:0", greeter.address):
        assert [item.is_exclusive for item in seen] == [True]


def test_no_time_is_no_time(library: str, greeter: Greeter) -> None:
    """A drain of no seconds waits for nobody."""
    with manager_of(library).listen(ANYWHERE, greeter.address) as listener:
        listener.drain(0)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port_of(listener)), TIMEOUT)


class Crowd:
    """Clients that come one after the other, until nobody is there.

    Args:
        port: where to.
        count: threads.
    """

    def __init__(self, port: int, count: int) -> None:
        self.served = 0
        self.lost: list[str] = []
        self._port = port
        self._news = threading.Condition()
        self._threads = [threading.Thread(target=self._come) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _come(self) -> None:
        while True:
            with socket.socket() as sock:
                sock.settimeout(TIMEOUT)
                try:
                    sock.connect(("127.0.0.1", self._port))
                except ConnectionRefusedError:
                    return
                self._note(sock)

    def _note(self, sock: socket.socket) -> None:
        try:
            found = repr(sock.recv(5))
        except OSError as error:
            found = repr(error)
        with self._news:
            if found == "b'hello'":
                self.served += 1
            else:
                self.lost.append(found)
            self._news.notify_all()

    def wait_for(self, count: int) -> None:
        with self._news:
            assert self._news.wait_for(lambda: self.served >= count, TIMEOUT)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(TIMEOUT)


def greet(server: socket.socket) -> None:
    """Say hello to whoever comes, until somebody shuts the socket down."""
    while True:
        try:
            sock, _ = server.accept()
        except OSError:
            return
        with sock:
            sock.sendall(b"hello")


def test_nobody_who_has_connected_is_lost() -> None:
    """Without the filter about one of ten drains resets somebody here."""
    manager = manager_of("none")
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:
        greeter = threading.Thread(target=greet, args=[server])
        greeter.start()
        upstream = f"tcp:127.0.0.1:{server.getsockname()[1]}"
        for _ in range(5):
            with manager.listen("tcp:127.0.0.1:0", upstream, workers=2) as listener:
                crowd = Crowd(port_of(listener), 12)
                crowd.wait_for(500)
                listener.drain(TIMEOUT)
                crowd.join()
                assert listener.wait(TIMEOUT)
            assert crowd.lost == []
        server.shutdown(socket.SHUT_RDWR)
        greeter.join(TIMEOUT)
