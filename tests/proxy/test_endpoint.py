"""Endpoints alone, with a connection and a transport made of nothing."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

import pytest

from tests.support.proxy import TIMEOUT
from tlsmgm._domains.addresses import host_and_port, join_host_port
from tlsmgm._service.addresses import Target, parse_target
from tlsmgm._service.endpoint import LINGER_BYTES, Buffers, Endpoint, Hold, TLSEndpoint
from tlsmgm._service.listening import bind
from tlsmgm._service.options import UncleanEnd
from tlsmgm.errors import ConfigError, InternalError, ProtocolError, TLSError, TruncatedError


class FakeTransport(asyncio.Transport):
    """Keeps what is written; never sends it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.reading = True
        self.state = "open"

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high, self.low = high, low

    def get_write_buffer_size(self) -> int:
        return len(self.written)

    def write(self, data: Any) -> None:
        assert self.state == "open", "write after the end"
        assert isinstance(data, bytes), "the transport would keep a shared buffer"
        self.written += data

    def write_eof(self) -> None:
        if self.state == "open":
            self.state = "ended"

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.state in ("closed", "aborted")

    def close(self) -> None:
        self.state = "closed"

    def abort(self) -> None:
        self.state = "aborted"


class FakeConnection:
    """Hands out what a script says; each read may make an answer, as KeyUpdate does."""

    def __init__(self) -> None:
        self.reads: list[bytes | TLSError | None] = []
        self.answer = b""
        self.output = b""
        self.shut = False
        self.takes_data = True

    def feed(self, data: memoryview) -> None:
        self.output += self.answer

    def feed_eof(self) -> None: ...

    def handshake(self) -> bool:
        return True

    def read_into(self, buffer: memoryview) -> int | None:
        item = self.reads.pop(0) if self.reads else None
        if isinstance(item, TLSError):
            raise item
        if item is None:
            return None
        buffer[: len(item)] = item
        return len(item)

    def write(self, data: memoryview) -> int:
        if self.takes_data:
            self.output += bytes(data[:100])
            return min(len(data), 100)
        return 0

    def shutdown(self) -> bool:
        self.shut = True
        self.output += b"close_notify"
        return False

    def drain(self) -> bytes:
        data, self.output = self.output, b""
        return data


class Log:
    """Notes what an endpoint reports."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def established(self, endpoint: Endpoint) -> None:
        self.events.append("established")

    def failed(self, endpoint: Endpoint, error: TLSError) -> None:
        self.events.append(error)

    def input_ended(self, endpoint: Endpoint) -> None:
        self.events.append("ended")

    def writing_paused(self, endpoint: Endpoint) -> None:
        assert endpoint.write_paused
        self.events.append("paused")

    def lost(self, endpoint: Endpoint, error: BaseException | None) -> None:
        self.events.append("lost")


class Side:
    """A TLS endpoint whose sink is a plain one."""

    def __init__(self) -> None:
        self.log = Log()
        self.tls = FakeConnection()
        buffers = Buffers()
        self.endpoint = TLSEndpoint(self.log, buffers, lambda _: cast("Any", self.tls))
        self.sink = Endpoint(Log(), buffers)
        self.endpoint.sink, self.sink.sink = self.sink, self.endpoint
        self.transport, self.sink_transport = FakeTransport(), FakeTransport()
        self.sink.connection_made(self.sink_transport)
        self.endpoint.connection_made(self.transport)
        assert self.log.events == ["established"]
        self.log.events.clear()
        self.sink.release(Hold.START)
        self.endpoint.release(Hold.START)

    def receive(self, *reads: bytes | TLSError) -> None:
        self.tls.reads += reads
        self.endpoint.get_buffer(-1)[0] = 0
        self.endpoint.buffer_updated(1)


def test_reading_stops_when_the_sink_is_full_and_nothing_is_lost() -> None:
    side = Side()
    side.sink.pause_writing()
    assert not side.transport.reading
    side.receive(b"one", b"two")
    assert side.sink_transport.written == b""
    side.sink.resume_writing()
    assert side.sink_transport.written == b"onetwo"
    assert side.transport.reading


def test_sink_that_fills_up_in_the_middle() -> None:
    side = Side()
    write = side.sink_transport.write

    def write_and_pause(data: bytes) -> None:
        write(data)
        side.sink.pause_writing()

    side.sink_transport.write = write_and_pause  # type: ignore[method-assign]
    side.receive(b"one", b"two", b"three")
    assert side.sink_transport.written == b"one"
    side.sink.resume_writing()
    assert side.sink_transport.written == b"onetwo"
    assert not side.transport.reading


def test_peer_that_makes_us_answer_and_does_not_listen_is_not_read() -> None:
    """A flood of KeyUpdate requests must not fill our memory."""
    side = Side()
    side.tls.answer = b"KeyUpdate"
    side.receive()
    assert side.transport.reading
    side.endpoint.pause_writing()
    side.receive()
    assert not side.transport.reading
    side.endpoint.resume_writing()
    assert side.transport.reading


def test_a_full_sink_is_told_and_what_was_taken_can_be_seen() -> None:
    side = Side()
    side.endpoint.send(b"x" * 1000)
    assert (side.endpoint.pending, side.endpoint.bytes_taken) == (1000, 0)
    side.endpoint.pause_writing()
    assert side.log.events == ["paused"]
    del side.transport.written[:400]  # the system takes them
    assert side.endpoint.bytes_taken == 400
    side.sink.send(b"y" * 50)
    side.sink_transport.written.clear()
    assert side.sink.bytes_taken == 50
    side.endpoint.resume_writing()
    assert not side.endpoint.write_paused


@pytest.mark.parametrize("high_water", [16384, 131072])
def test_how_much_may_wait(high_water: int) -> None:
    buffers, transport = Buffers(high_water), FakeTransport()
    Endpoint(Log(), buffers).connection_made(transport)
    assert (transport.high, transport.low) == (high_water, high_water // 4)


def test_large_writes_go_in_pieces() -> None:
    side = Side()
    side.endpoint.send(b"x" * 1234)
    assert side.transport.written == b"x" * 1234


def test_connection_that_takes_nothing_does_not_spin() -> None:
    side = Side()
    side.tls.takes_data = False
    side.endpoint.send(b"x")
    assert isinstance(side.log.events[0], InternalError)


def test_nothing_is_read_behind_close_notify() -> None:
    side = Side()
    side.receive(b"data", b"")
    side.receive(b"more")
    assert side.sink_transport.written == b"data"
    assert side.log.events == ["ended"]
    assert side.endpoint.eof_received()
    assert side.log.events == ["ended"]


def test_end_without_close_notify() -> None:
    side = Side()
    assert side.endpoint.eof_received()
    (error,) = side.log.events
    assert isinstance(error, TruncatedError)


def test_errors_are_reported_once() -> None:
    side = Side()
    side.receive(ProtocolError("broken"))
    side.receive(ProtocolError("broken"))
    side.endpoint.eof_received()
    side.endpoint.send_end()
    assert len(side.log.events) == 1
    assert not side.tls.shut


def test_close_notify_is_sent_once_and_nothing_after_it() -> None:
    side = Side()
    side.endpoint.send_end()
    side.endpoint.send_end()
    side.endpoint.send(b"late")
    assert side.transport.written == b"close_notify"


def test_an_unclean_end_says_nothing() -> None:
    side = Side()
    side.endpoint.end_uncleanly()
    assert not side.tls.shut
    assert (bytes(side.transport.written), side.transport.state) == (b"", "aborted")


def test_an_alert_arrives_before_an_unclean_end() -> None:
    async def run() -> None:
        side = Side()
        side.tls.answer = b"alert"
        side.receive(ProtocolError("broken"))
        side.endpoint.end_uncleanly()
        assert not side.tls.shut
        assert (bytes(side.transport.written), side.transport.state) == (b"alert", "ended")
        side.endpoint.connection_lost(None)

    asyncio.run(run())


@pytest.mark.parametrize(("waits", "state"), [(b"", "closed"), (b"rest", "aborted")])
def test_a_spared_reset_comes_if_the_data_is_not_taken(
    waits: bytes, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlsmgm._service.endpoint.LINGER_TIME", 0)

    async def run() -> None:
        endpoint, transport = Endpoint(Log(), Buffers(), UncleanEnd.FIN), FakeTransport()
        endpoint.connection_made(transport)
        endpoint.send(waits)
        endpoint.end_uncleanly()
        assert transport.state == "ended"
        async with asyncio.timeout(TIMEOUT):
            while transport.state == "ended":
                await asyncio.sleep(0)
        assert transport.state == state

    asyncio.run(run())


def test_clean_close_throws_input_away_but_not_for_ever() -> None:
    async def run() -> None:
        side = Side()
        side.endpoint.close_cleanly()
        assert side.transport.written == b"close_notify"
        assert side.transport.state == "ended"
        for _ in range(LINGER_BYTES // 65536):
            side.endpoint.buffer_updated(65536)
            side.endpoint.hold(Hold.SINK)
            assert side.transport.reading
        assert side.transport.state == "ended"
        side.endpoint.buffer_updated(1)
        assert side.transport.state == "aborted"
        side.endpoint.connection_lost(None)
        assert side.sink_transport.written == b""

    asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("tls:10.0.0.1:5061", Target(True, "10.0.0.1", 5061)),
        ("TCP:[::1]:80", Target(False, "::1", 80)),
        ("tls:*:0", Target(True, "*", 0)),
        ("tcp:a-b.test:65535", Target(False, "a-b.test", 65535)),
        ("tcp:[fe80::1%eth0]:1", Target(False, "fe80::1%eth0", 1)),
    ],
)
def test_targets(text: str, target: Target) -> None:
    assert parse_target(text, listening=True) == target
    assert parse_target(str(target), listening=True) == target


@pytest.mark.parametrize(
    "text",
    ["", "tls", "tls:", "tls:1", "udp:a:1", "tls:a:", "tls:a:65536", "tls:::1:5", "tls:[a]:5",
     "tls:a:1:2", "tls:a b:1", "tls:[::1]", "tls:a:\uff11"],
)  # fmt: skip
def test_bad_targets(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_target(text, listening=True)


def test_host_and_port() -> None:
    assert host_and_port("[::1]:5") == ("::1", 5)
    assert join_host_port("::1", 5) == "[::1]:5"
    assert join_host_port("::ffff:10.0.0.1", 5) == "10.0.0.1:5"


def test_small_answers_do_not_wait_for_acknowledgements() -> None:
    """asyncio sets TCP_NODELAY on accepted sockets only if their protocol number says TCP."""

    async def nodelay() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        class Accepted(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                sock = transport.get_extra_info("socket")
                found.set_result(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

        (listener,) = bind([Target(True, "127.0.0.1", 0)])
        server = await asyncio.get_running_loop().create_server(Accepted, sock=listener.sock)
        async with server:
            _, writer = await asyncio.open_connection("127.0.0.1", listener.target.port)
            value = await found
            writer.close()
            await writer.wait_closed()
        return value

    assert asyncio.run(nodelay()) == 1
