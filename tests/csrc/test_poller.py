"""The poller over sockets: the system's own, and on Linux kqueue as well, if there is libkqueue."""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest

from tests.support import c_build
from tests.support.c_code import CCode
from tests.support.libraries import lacks

#: Long enough for whatever is to come.
LONG = 20_000
FOR_EVER = -1
ROOM = 64
#: What the portable variant waits with. libkqueue is no kernel, and is not held to what kernels do.
OF_SYSTEM = "epoll" if hasattr(select, "epoll") else "kqueue"
LIBKQUEUE = "libkqueue"


class Event(NamedTuple):
    token: int
    readable: bool
    writable: bool
    hangup: bool
    ended: bool


class Poller:
    """A poller with the sockets of a test, which are closed with it."""

    def __init__(self, code: CCode, name: str, stack: ExitStack) -> None:
        self.c, self.lib, self.name, self.stack = code, code.lib, name, stack
        out = code.ffi.new("struct tlsmgm_poller **")
        error = code.error()
        assert self.lib.tlsmgm_poller_new(out, error) == 0, code.text(error)
        self.poller = out[0]
        stack.callback(lambda: self.lib.tlsmgm_poller_free(self.poller))

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """Return two ends of a stream that do not block."""
        return self.own(*socket.socketpair())

    def listener(self, backlog: int = 8) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        return self.own(listener, listener)[0]

    def connected(self) -> tuple[socket.socket, socket.socket]:
        """Return both ends of a TCP connection."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname())
            server, _ = listener.accept()
        return self.own(server, client)

    def own(self, one: socket.socket, other: socket.socket) -> tuple[socket.socket, socket.socket]:
        for end in (one, other):
            end.setblocking(False)
            self.stack.callback(end.close)
        return one, other

    def listen(self, fd: socket.socket | int, token: int) -> int:
        return int(self.lib.tlsmgm_poller_watch_listener(self.poller, fileno(fd), token))

    def watch(self, fd: socket.socket | int, token: int) -> int:
        return int(self.lib.tlsmgm_poller_watch_stream(self.poller, fileno(fd), token))

    def forget(self, fd: socket.socket | int) -> int:
        return int(self.lib.tlsmgm_poller_forget(self.poller, fileno(fd)))

    def wake(self) -> None:
        self.lib.tlsmgm_poller_wake(self.poller)

    def wait(self, timeout: int = LONG, capacity: int = ROOM) -> list[Event]:
        events = self.c.ffi.new("struct tlsmgm_poll_event[]", max(capacity, 1))
        count = self.lib.tlsmgm_poller_wait(self.poller, events, capacity, timeout)
        assert count >= 0, os.strerror(-count)
        assert count <= capacity
        return [
            Event(event.token, event.readable, event.writable, event.hangup, event.ended)
            for event in events[0:count]
        ]

    def until(self, done: Callable[[dict[int, Event]], bool]) -> dict[int, Event]:
        """Wait until what all events together say of each token is enough."""
        seen: dict[int, Event] = {}
        while not done(seen):
            events = self.wait()
            assert events, f"no more events came, only {seen}"
            for event in events:
                old = seen.get(event.token, Event(event.token, False, False, False, False))
                seen[event.token] = Event(
                    event.token, *(a or b for a, b in zip(old[1:], event[1:], strict=True))
                )
        return seen

    def settle(self) -> None:
        """Take all events that there are now."""
        while self.wait(0):
            pass


def fileno(fd: socket.socket | int) -> int:
    return fd if isinstance(fd, int) else fd.fileno()


def fill(end: socket.socket) -> None:
    """Write until nothing more is taken."""
    while True:
        try:
            end.send(bytes(65536))
        except BlockingIOError:
            return


def empty(end: socket.socket) -> int:
    """Read until nothing is left; return how many bytes there were."""
    count = 0
    while True:
        try:
            data = end.recv(65536)
        except BlockingIOError:
            return count
        if not data:
            return count
        count += len(data)


def load(name: str) -> CCode:
    try:
        return CCode(c_build.load(name))
    except c_build.LibraryMissingError as missing:
        lacks("kqueue", missing)


@pytest.fixture(params=["portable", c_build.KQUEUE])
def poller(request: pytest.FixtureRequest) -> Iterator[Poller]:
    code = load(request.param)
    before = code.lib.tlsmgm_test_live()
    with ExitStack() as stack:
        yield Poller(code, OF_SYSTEM if request.param == "portable" else LIBKQUEUE, stack)
    assert code.lib.tlsmgm_test_live() == before


def test_nothing_is_ready(poller: Poller) -> None:
    assert poller.wait(0) == []
    assert poller.wait(1) == []


@pytest.mark.parametrize("capacity", [0, -1])
def test_events_need_room(poller: Poller, capacity: int) -> None:
    events = poller.c.ffi.new("struct tlsmgm_poll_event *")
    got = poller.lib.tlsmgm_poller_wait(poller.poller, events, capacity, 0)
    assert got == -errno.EINVAL


def test_a_stream_says_once_what_is_ready_already(poller: Poller) -> None:
    one, other = poller.pair()
    other.send(b"early")
    assert poller.watch(one, 2**64 - 2) == 0
    token = 2**64 - 2
    seen = poller.until(
        lambda seen: token in seen and seen[token].readable and seen[token].writable
    )
    assert seen == {token: Event(token, True, True, False, False)}
    poller.settle()
    # Nothing was read: an edge is told once.
    assert poller.wait(0) == []


def test_each_arrival_is_an_edge(poller: Poller) -> None:
    one, other = poller.pair()
    assert poller.watch(one, 7) == 0
    poller.settle()
    for text in (b"a", b"b"):  # the first is not read
        other.send(text)
        assert poller.until(lambda seen: 7 in seen)[7].readable
        poller.settle()
    assert empty(one) == 2


def test_room_to_write_is_an_edge(poller: Poller) -> None:
    one, other = poller.pair()
    assert poller.watch(one, 7) == 0
    poller.settle()
    fill(one)
    poller.settle()
    assert poller.wait(0) == []
    while not (events := poller.wait(0)):
        assert empty(other) > 0
    assert [(event.token, event.writable, event.hangup) for event in events] == [(7, True, False)]
    assert one.send(b"x") == 1


def test_a_listener_is_told_as_long_as_somebody_waits(poller: Poller) -> None:
    listener = poller.listener()
    assert poller.listen(listener, 3) == 0
    assert poller.wait(0) == []
    clients = [socket.create_connection(listener.getsockname()) for _ in range(2)]
    for _ in range(3):
        assert poller.wait() == [Event(3, True, False, False, False)]
    for client in clients:
        listener.accept()[0].close()
        client.close()
    assert poller.wait(0) == []


def test_a_half_close_is_no_hangup(poller: Poller) -> None:
    one, other = poller.connected()
    assert poller.watch(one, 5) == 0
    poller.settle()
    other.shutdown(socket.SHUT_WR)
    event = poller.until(lambda seen: 5 in seen and seen[5].readable)[5]
    assert (event.ended, event.hangup) == (True, False)
    assert one.recv(1) == b""
    assert one.send(b"still") == 5


def test_our_own_half_close_is_no_hangup(poller: Poller) -> None:
    one, other = poller.connected()
    assert poller.watch(one, 5) == 0
    poller.settle()
    one.shutdown(socket.SHUT_WR)
    assert not any(event.hangup for event in poller.wait(0))
    other.send(b"still")
    seen = poller.until(lambda seen: 5 in seen and seen[5].readable)
    assert not seen[5].hangup
    assert one.recv(9) == b"still"


def test_both_directions_over_is_a_hangup(poller: Poller) -> None:
    one, other = poller.pair()
    assert poller.watch(one, 5) == 0
    poller.settle()
    other.send(b"last words")
    other.close()
    seen = poller.until(lambda seen: 5 in seen and seen[5].hangup)
    assert seen == {5: Event(5, True, True, True, True)}
    assert one.recv(99) == b"last words"
    assert one.recv(99) == b""


def test_a_reset_is_a_hangup(poller: Poller) -> None:
    one, other = poller.connected()
    assert poller.watch(one, 5) == 0
    poller.settle()
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    other.close()
    seen = poller.until(lambda seen: 5 in seen and seen[5].hangup)
    assert seen == {5: Event(5, True, True, True, True)}
    if poller.name != LIBKQUEUE:  # libkqueue takes the error away
        with pytest.raises(ConnectionResetError):
            one.recv(1)
    else:
        assert one.recv(1) == b""


def test_a_connection_that_is_refused_is_a_hangup(poller: Poller) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    client = socket.socket()
    poller.own(client, client)
    assert client.connect_ex(address) in {errno.EINPROGRESS, errno.ECONNREFUSED}
    assert poller.watch(client, 9) == 0
    assert poller.until(lambda seen: 9 in seen and seen[9].hangup)[9].writable
    if poller.name != LIBKQUEUE:
        refused = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        assert refused == errno.ECONNREFUSED


def test_a_connection_that_is_made_can_be_written(poller: Poller) -> None:
    listener = poller.listener()
    client = socket.socket()
    poller.own(client, client)
    assert client.connect_ex(listener.getsockname()) in {0, errno.EINPROGRESS}
    assert poller.watch(client, 9) == 0
    seen = poller.until(lambda seen: 9 in seen and seen[9].writable)
    assert not seen[9].hangup
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_what_is_forgotten_is_silent(poller: Poller) -> None:
    one, other = poller.pair()
    listener = poller.listener()
    assert (poller.watch(one, 1), poller.listen(listener, 2)) == (0, 0)
    poller.settle()
    other.send(b"unheard")
    with socket.create_connection(listener.getsockname()):
        assert (poller.forget(one), poller.forget(listener)) == (0, 0)
        assert poller.wait(0) == []
    assert (poller.forget(one), poller.forget(listener)) == (errno.ENOENT, errno.ENOENT)
    assert poller.watch(one, 3) == 0
    assert set(poller.until(lambda seen: 3 in seen and seen[3].readable)) == {3}


def test_the_next_of_the_same_number_has_its_own_token(poller: Poller) -> None:
    one, other = poller.pair()
    assert poller.watch(one, 1) == 0
    poller.settle()
    other.send(b"for nobody")
    again, peer = poller.pair()
    number = one.fileno()
    assert poller.forget(one) == 0
    one.close()
    os.dup2(again.fileno(), number)
    poller.stack.callback(os.close, number)
    assert poller.watch(number, 2) == 0
    peer.send(b"for the new one")
    assert set(poller.until(lambda seen: 2 in seen and seen[2].readable)) == {2}


def test_a_kernel_forgets_what_is_closed(poller: Poller) -> None:
    if poller.name == LIBKQUEUE:
        pytest.skip("libkqueue is no kernel")
    one, other = poller.pair()
    assert poller.watch(one, 1) == 0
    number = one.fileno()
    one.close()
    other.close()
    assert poller.wait(0) == []
    assert poller.forget(number) in {errno.EBADF, errno.ENOENT}


def test_a_duplicate_keeps_its_token_alive(poller: Poller) -> None:
    """Why a token needs a generation: the number is free, but its events still come."""
    if poller.name != "epoll":
        pytest.skip("of epoll alone")
    one, other = poller.pair()
    assert poller.watch(one, 1) == 0
    poller.stack.callback(os.close, os.dup(one.fileno()))
    poller.settle()
    one.close()
    other.send(b"late")
    assert poller.wait() == [Event(1, True, True, False, False)]


def test_an_event_of_a_descriptor_closed_in_its_batch_has_the_old_token(poller: Poller) -> None:
    """Both ends of a relay are ready; whoever comes first closes both."""
    pairs = [poller.pair() for _ in range(2)]
    for token, (one, _) in enumerate(pairs):
        assert poller.watch(one, token) == 0
    poller.settle()
    for _, other in pairs:
        other.send(b"x")
    events = poller.wait()
    assert {event.token for event in events} == {0, 1}
    for one, _ in pairs:
        assert poller.forget(one) == 0
        one.close()
    again, _peer = poller.pair()
    assert poller.watch(again, 1 << 32) == 0
    assert {event.token for event in poller.wait()} == {1 << 32}


def test_bad_descriptors_are_told(poller: Poller) -> None:
    one, _ = poller.pair()
    number = one.fileno()
    one.close()
    for fd in (number, -1):
        assert poller.watch(fd, 1) == errno.EBADF
        assert poller.listen(fd, 1) == errno.EBADF
        assert poller.forget(fd) in {errno.EBADF, errno.ENOENT}
    assert poller.wait(0) == []


def test_watched_twice(poller: Poller) -> None:
    one, other = poller.pair()
    assert poller.watch(one, 1) == 0
    got = poller.watch(one, 2)
    assert got == (errno.EEXIST if poller.name == "epoll" else 0)
    poller.settle()
    other.send(b"x")
    assert set(poller.until(bool)) == {1 if got else 2}


def test_one_token_is_nobodys(poller: Poller) -> None:
    one, _ = poller.pair()
    nobody = poller.lib.TLSMGM_POLL_NO_TOKEN
    assert nobody == 2**64 - 1
    assert poller.watch(one, nobody) == errno.EINVAL
    assert poller.listen(one, nobody) == errno.EINVAL
    assert poller.forget(one) == errno.ENOENT


def test_more_is_ready_than_there_is_room(poller: Poller) -> None:
    """What does not fit comes next time."""
    pairs = [poller.pair() for _ in range(10)]
    for token, (one, other) in enumerate(pairs):
        assert poller.watch(one, token) == 0
        other.send(b"x")
    if poller.name == LIBKQUEUE:
        pytest.skip("libkqueue drops what does not fit")
    poller.wake()
    events = [event for _ in range(20) for event in poller.wait(0, capacity=3)]
    for token in range(len(pairs)):
        assert any(event.readable for event in events if event.token == token)
        assert any(event.writable for event in events if event.token == token)
    assert poller.wait(0) == []


def test_a_batch_has_a_bound(poller: Poller) -> None:
    most = poller.lib.TLSMGM_POLL_MAX
    one, _ = poller.pair()
    listener = poller.listener()
    assert (poller.watch(one, 1), poller.listen(listener, 2)) == (0, 0)
    events = poller.c.ffi.new("struct tlsmgm_poll_event[]", 4 * most)
    assert poller.lib.tlsmgm_poller_wait(poller.poller, events, 4 * most, LONG) == 1


def test_a_wake_before_the_wait_is_not_lost(poller: Poller) -> None:
    poller.wake()
    assert poller.wait(FOR_EVER) == []


def test_many_wakes_are_one(poller: Poller) -> None:
    one, _ = poller.pair()
    for _ in range(3):
        for _ in range(1000):
            poller.wake()
        assert poller.wait(FOR_EVER) == []
    # None is left over: what comes now is the stream.
    assert poller.watch(one, 4) == 0
    assert [event.token for event in poller.wait(FOR_EVER)] == [4]


def test_a_wake_among_events_takes_none_of_them(poller: Poller) -> None:
    one, _ = poller.pair()
    assert poller.watch(one, 4) == 0
    poller.wake()
    assert set(poller.until(bool)) == {4}
    poller.settle()
    poller.wake()
    assert poller.wait(FOR_EVER) == []


def test_a_wake_wakes_once(poller: Poller) -> None:
    one, other = poller.pair()
    assert poller.watch(one, 4) == 0
    poller.settle()
    poller.wake()
    assert poller.wait(FOR_EVER) == []
    # Late enough for the next wait to have begun, so that it shows whether there is another wake.
    sender = threading.Timer(0.05, other.send, [b"x"])
    sender.start()
    assert [event.token for event in poller.wait(FOR_EVER)] == [4]
    sender.join()


@pytest.mark.parametrize("timeout", [20, 1020])
def test_no_wait_is_shorter_than_asked(poller: Poller, timeout: int) -> None:
    begin = time.monotonic()
    assert poller.wait(timeout) == []
    assert time.monotonic() - begin >= timeout / 1000


def test_a_wake_from_another_thread(poller: Poller) -> None:
    waker = threading.Thread(target=poller.wake)
    waker.start()
    assert poller.wait(FOR_EVER) == []
    waker.join()


def test_no_message_is_left_behind(poller: Poller) -> None:
    """Four threads post; whoever waits looks at all mailboxes after each wait, and never twice."""
    posts = 3000
    written = [0] * 4

    def post(number: int) -> None:
        for _ in range(posts):
            written[number] += 1
            poller.wake()

    threads = [threading.Thread(target=post, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    # Were a wake lost, the last message would be waited for in vain.
    while sum(written) < posts * 4:
        poller.wait(FOR_EVER)
    for thread in threads:
        thread.join()


def test_a_signal_is_no_event(poller: Poller) -> None:
    """A handler runs; the wait ends without an error."""
    caught = []
    before = signal.signal(signal.SIGALRM, lambda *_: caught.append(1))
    try:
        # Again and again, because the first may come before the wait.
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        assert poller.wait(FOR_EVER) == []
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert caught


def test_no_child_inherits_it(poller: Poller) -> None:
    before = open_descriptors()
    with ExitStack() as stack:
        Poller(poller.c, poller.name, stack)
        opened = open_descriptors() - before
        assert opened
        assert not any(os.get_inheritable(fd) for fd in opened)
    assert open_descriptors() == before


def open_descriptors() -> set[int]:
    """Return those of the first few hundred that are open; to list them would open one more."""
    return {fd for fd in range(500) if is_open(fd)}


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("spare", [0, 1])
def test_without_descriptors_there_is_no_poller(poller: Poller, spare: int) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if poller.name != "epoll":
        pytest.skip("kqueue takes one; libkqueue takes more, and complains by itself")
    out = poller.c.ffi.new("struct tlsmgm_poller **")
    error = poller.c.error()
    free = lowest_free()
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + spare, hard))
    try:
        status = poller.lib.tlsmgm_poller_new(out, error)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (poller.c.status_name(status), out[0]) == ("NO_MEMORY", poller.c.ffi.NULL)
    assert poller.c.text(error) == "the system gives no poller: Too many open files"
    assert lowest_free() == free


def lowest_free() -> int:
    fd = os.dup(0)
    os.close(fd)
    return fd


def test_without_memory_there_is_no_poller(poller: Poller) -> None:
    out = poller.c.ffi.new("struct tlsmgm_poller **")
    poller.lib.tlsmgm_test_fail_after(0)
    status = poller.lib.tlsmgm_poller_new(out, poller.c.ffi.NULL)
    poller.lib.tlsmgm_test_fail_after(-1)
    assert (poller.c.status_name(status), out[0]) == ("NO_MEMORY", poller.c.ffi.NULL)


def test_freeing_nothing_is_legal(poller: Poller) -> None:
    poller.lib.tlsmgm_poller_free(poller.c.ffi.NULL)


def test_it_leaves_the_sockets_open(poller: Poller) -> None:
    one, other = poller.pair()
    with ExitStack() as stack:
        second: Any = Poller(poller.c, poller.name, stack)
        assert second.watch(one, 1) == 0
    other.send(b"x")
    assert one.recv(1) == b"x"
