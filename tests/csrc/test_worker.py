"""The worker: one thread of the engine over real sockets, in C from accept to the last byte."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support import programs, worker
from tests.support.contract import Rig
from tests.support.tls_sockets import wrap
from tests.support.worker import (
    ANY,
    RESET,
    Engine,
    Place,
    Upstream,
    ask,
    goodbye,
    is_cut,
    plain_client,
    tls_client,
    until,
    who,
)

PLAIN = (("127.0.0.1", True),)
NO_DOMAIN = 0xFFFFFFFF


def open_descriptors() -> set[str]:
    """Return the numbers of what the process has open; one of them is the folder that says so."""
    return set(os.listdir("/dev/fd"))


@pytest.fixture(autouse=True)
def no_descriptor_is_left(rig: Rig) -> Iterator[None]:
    """Whatever runs in a test closes what it has opened; the rig is opened before."""
    del rig
    before = len(open_descriptors())
    yield
    until(lambda: len(open_descriptors()) <= before)


@pytest.fixture
def upstreams(no_descriptor_is_left: None) -> Iterator[Callable[..., Upstream]]:
    del no_descriptor_is_left
    made: list[Upstream] = []

    def make(name: str = "up", path: str | None = None) -> Upstream:
        made.append(Upstream(name, path))
        return made[-1]

    yield make
    for upstream in made:
        upstream.close()


@pytest.fixture
def engines(rig: Rig, no_descriptor_is_left: None) -> Iterator[Callable[..., Engine]]:
    del no_descriptor_is_left
    made: list[Engine] = []

    def make(routes: dict[int, Sequence[Place]], **options: Any) -> Engine:
        made.append(Engine(rig, routes, **options).start())
        return made[-1]

    yield make
    for engine in made:
        engine.close()


def nobody() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def test_a_connection_is_relayed_and_recorded(engines: Any, upstreams: Any) -> None:
    engine = engines({ANY: [upstreams().place]})
    with tls_client(engine.port, "dom2.test") as client:
        port = client.getsockname()[1]
        assert ask(client) == b"up:question"
        assert engine.counts().connections == 1
        goodbye(client)
    [record] = engine.records()
    assert record == worker.Record("ok", 1, 1, 8, 11, 0, port, 7)
    counts = engine.counts()
    assert (counts.accepted, counts.accept_errors, counts.connections) == (1, 0, 0)
    assert engine.inside() == (0, 0)


def test_an_end_that_nobody_wants_to_hear_of(engines: Any, upstreams: Any) -> None:
    """It is counted, and leaves no record."""
    engine = engines({ANY: [upstreams().place]}, tells_ends=False)
    with tls_client(engine.port, "dom2.test") as client:
        assert ask(client) == b"up:question"
        goodbye(client)
    until(lambda: engine.counts().connections == 0)
    assert engine.taken() == []
    assert engine.counts().bytes_in == 8


def test_clients_of_the_contract(rig: Rig, peer: Rig, engines: Any, upstreams: Any) -> None:
    engine = engines({ANY: [upstreams().place]})
    for version in ("1.2", "1.3"):
        context = peer.client_context(version=version)
        client = peer.connection(context, server_name=b"dom1.test")
        with plain_client(engine.port) as sock:

            def pull(client: Any = client, sock: socket.socket = sock) -> None:
                sock.sendall(client.drain())
                assert client.feed(sock.recv(65536)).status == "OK"

            while client.handshake().status == "WANT_READ":
                pull()
            assert client.write(b"hello").count == 5
            while (got := client.read()).status == "WANT_READ":
                pull()
            assert got.data == b"up:hello"
            client.shutdown()
            while client.read().status != "CLOSED":
                pull()
    assert [record.status for record in engine.records(2)] == ["ok", "ok"]


@programs.needs("openssl")
def test_the_program_of_openssl(engines: Any, upstreams: Any) -> None:
    engine = engines({ANY: [upstreams().place]})
    options = ("-servername", "dom1.test", "-brief", "-ign_eof")
    done = programs.s_client(engine.port, *options, text=b"hello\nquit\n")
    assert "up:hello" in done.stdout


def test_a_name_without_a_domain(engines: Any, upstreams: Any) -> None:
    engine = engines({ANY: [upstreams().place]})
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        tls_client(engine.port, "nobody.test")
    [record] = engine.records()
    assert (record.status, record.domain) == ("no-domain", NO_DOMAIN)


def test_a_wildcard_listener_asks_for_the_address(engines: Any, upstreams: Any) -> None:
    """The only domain answers on 127.0.0.2, so the address must be the connection's own."""
    engine = engines({ANY: [upstreams().place]}, listeners=(("0.0.0.0", False),))
    address = bytes(10) + b"\xff\xff\x7f\0\0\2"
    routes = {ANY: [upstreams().place]}
    engine.post(engine.plan(("dom1.test",), 5, routes, address, engine.port))
    until(lambda: _plan_of(engine, "127.0.0.2") == 5)
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        wrap(worker.client_context(), plain_client(engine.port), server_hostname="dom1.test")
    assert engine.records()[0].status == "no-domain"


def _plan_of(engine: Engine, host: str) -> int:
    """Return the number of the plan that holds for a new connection."""
    sock = plain_client(engine.port, host)
    with wrap(worker.client_context(), sock, server_hostname="dom1.test") as client:
        assert ask(client)
        goodbye(client)
    return engine.records()[0].plan


def test_a_plain_listener(engines: Any, upstreams: Any) -> None:
    """Its connections have no domain, so they take the route for all."""
    wrong, right = upstreams("wrong"), upstreams("right")
    engine = engines({0: [wrong.place], ANY: [right.place]}, listeners=PLAIN)
    with plain_client(engine.port) as client:
        assert who(client) == "right"
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    [record] = engine.records()
    assert (record.status, record.domain, record.bytes_in) == ("ok", NO_DOMAIN, 1)


def test_two_listeners(engines: Any, upstreams: Any) -> None:
    listeners = (("127.0.0.1", False), ("127.0.0.1", True))
    engine = engines({ANY: [upstreams().place]}, listeners=listeners)
    with plain_client(engine.ports[1]) as plain, tls_client(engine.ports[0]) as secure:
        assert (who(plain), who(secure)) == ("up", "up")
    assert {record.listener for record in engine.records(2)} == {7, 8}


def test_each_domain_has_its_route(engines: Any, upstreams: Any) -> None:
    engine = engines({1: [upstreams("second").place], ANY: [upstreams("any").place]})
    for name, answer in (("dom1.test", "any"), ("dom2.test", "second")):
        with tls_client(engine.port, name) as client:
            assert who(client) == answer


def test_addresses_take_turns(engines: Any, upstreams: Any) -> None:
    group = [upstreams(name).place for name in "abc"]
    engine = engines({ANY: group})
    seen = []
    for _ in range(6):
        with tls_client(engine.port) as client:
            seen.append(who(client))
    assert seen == [*"abc", *"abc"]


def test_an_address_that_refuses_is_asked_last(engines: Any, upstreams: Any) -> None:
    good = [upstreams(name) for name in "ab"]
    engine = engines({ANY: [nobody(), *(up.place for up in good)]}, listeners=PLAIN)
    seen = []
    for _ in range(9):
        with plain_client(engine.port) as client:
            seen.append(who(client))
    assert set(seen) == {"a", "b"}
    assert all(status.status != "upstream-failed" for status in engine.records(9))


def test_nobody_answers(engines: Any) -> None:
    engine = engines({ANY: [nobody(), nobody()]})
    with tls_client(engine.port) as client:
        assert is_cut(client)
    [record] = engine.records()
    assert (record.status, record.error) == ("upstream-failed", errno.ECONNREFUSED)


def test_a_domain_without_a_route(engines: Any, upstreams: Any) -> None:
    engine = engines({0: [upstreams().place]})
    with tls_client(engine.port, "dom2.test") as client:
        assert is_cut(client)
    [record] = engine.records()
    assert (record.status, record.domain, record.error) == ("upstream-failed", 1, 0)


def test_an_upstream_with_a_path(engines: Any, upstreams: Any, tmp_path: Path) -> None:
    missing, path = str(tmp_path / "missing"), str(tmp_path / "socket")
    upstreams("unix", path)
    engine = engines({0: [missing, path], ANY: [missing]})
    for _ in range(2):
        with tls_client(engine.port) as client:
            assert who(client) == "unix"
            goodbye(client)
    with tls_client(engine.port, "dom2.test") as client:
        assert is_cut(client)
    last = engine.records(3)[-1]
    assert (last.status, last.error) == ("upstream-failed", errno.ENOENT)


def test_a_refused_address_tells_nothing_about_the_next(
    engines: Any, upstreams: Any, tmp_path: Path
) -> None:
    """A unix socket answers at once, within the event of the address before it."""
    path = str(tmp_path / "socket")
    upstreams("unix", path)
    engine = engines({ANY: [nobody(), path]}, listeners=PLAIN)
    with plain_client(engine.port) as client:
        assert who(client) == "unix"
        assert ask(client, b"x" * 50_000).endswith(b"x" * 50_000)


def test_a_plan_that_is_posted(engines: Any, upstreams: Any) -> None:
    routes = {ANY: [upstreams().place]}
    engine = engines(routes, number=1)
    with tls_client(engine.port, "dom1.test") as old:
        assert who(old) == "up"
        engine.post(engine.plan(("dom3.test", "dom1.test"), 2, routes))
        # The mailbox is opened between two events, so this one may still find the old domains.
        until(lambda: _try(engine, "dom3.test"))
        assert who(old) == "up"
        with tls_client(engine.port, "dom1.test") as new:
            assert who(new) == "up"
            goodbye(new)
        goodbye(old)
    until(lambda: engine.counts().connections == 0)
    ends = [(record.domain, record.plan) for record in engine.taken()]
    assert ends[-2:] == [(1, 2), (0, 1)]
    assert (0, 2) in ends


def _try(engine: Engine, name: str) -> bool:
    """Tell whether a name is answered."""
    try:
        with tls_client(engine.port, name) as client:
            assert who(client) == "up"
            goodbye(client)
    except ssl.SSLError:
        return False
    return True


def client_hello(name: str) -> tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]:
    """Begin a handshake in memory; what is to be sent is in the last one."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = worker.client_context().wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return tls, incoming, outgoing


def test_numbers_of_domains_and_routes_belong_together(engines: Any, upstreams: Any) -> None:
    """Who has come in before is routed by the table of the selector that has chosen for it."""
    one, two = upstreams("one"), upstreams("two")
    engine = engines({0: [one.place], 1: [two.place]}, names=("dom1.test", "dom2.test"))
    tls, incoming, outgoing = client_hello("dom1.test")
    with plain_client(engine.port) as sock:
        sock.sendall(outgoing.read(20))
        until(lambda: engine.counts().connections == 1)
        routes = {0: [two.place], 1: [one.place]}
        engine.post(engine.plan(("dom2.test", "dom1.test"), 2, routes))
        until(lambda: _plan_of(engine, "127.0.0.1") == 2)

        def go_on(step: Callable[[], Any]) -> Any:
            while True:
                try:
                    done = step()
                except ssl.SSLWantReadError:
                    done = None
                sock.sendall(outgoing.read())
                if done is not None:
                    return done
                incoming.write(sock.recv(65536))

        def shake() -> bool:
            tls.do_handshake()
            return True

        go_on(shake)
        go_on(lambda: tls.write(b"?"))
        assert go_on(lambda: tls.read(100)) == b"one:?"


def test_new_routes(engines: Any, upstreams: Any) -> None:
    engine = engines({ANY: [upstreams("old").place]}, listeners=PLAIN)
    with plain_client(engine.port) as old:
        assert who(old) == "old"
        engine.post(engine.plan(("dom1.test",), 2, {ANY: [upstreams("new").place]}))

        def ask_new() -> bool:
            with plain_client(engine.port) as client:
                return who(client) == "new"

        until(ask_new)
        assert who(old) == "old"


@pytest.mark.parametrize(
    ("limit", "struck"),
    [
        ("max_connections", (1, 0, 0)),
        ("max_handshakes", (0, 1, 0)),
        ("max_handshakes_per_network", (0, 0, 1)),
    ],
)
def test_limits(engines: Any, upstreams: Any, limit: str, struck: tuple[int, ...]) -> None:
    engine = engines({ANY: [upstreams().place]}, limits={limit: 2})
    with plain_client(engine.port), plain_client(engine.port):
        until(lambda: engine.counts().connections == 2)
        assert _is_turned_away(engine.port)
        assert engine.refused() == struck
    until(lambda: engine.inside() == (0, 0))
    with tls_client(engine.port) as client:  # there is room again
        assert who(client) == "up"


def _is_turned_away(port: int) -> bool:
    """Tell whether a connection is reset at once; that may come before connect() returns."""
    try:
        with plain_client(port) as client:
            return is_cut(client)
    except ConnectionResetError:
        return True


def test_a_finished_handshake_gives_its_place_back(engines: Any, upstreams: Any) -> None:
    engine = engines({ANY: [upstreams().place]}, limits={"max_handshakes": 1})
    with tls_client(engine.port) as one:
        assert who(one) == "up"
        with tls_client(engine.port) as two:
            assert who(two) == "up"
        assert engine.inside()[1] == 0


def test_the_backlog_is_served_while_it_drains(engines: Any, upstreams: Any, rig: Rig) -> None:
    """Whoever has connected before run() begins waits in the backlog, as in a busy moment."""
    upstream = upstreams()
    engine = Engine(rig, {ANY: [upstream.place]}, listeners=PLAIN)
    try:
        clients = [plain_client(engine.port) for _ in range(100)]
        engine.drain(20_000)
        engine.start()
        for client in clients:
            assert who(client) == "up"
            client.close()
        engine.join()
        assert engine.counts().accepted == 100
        with pytest.raises(ConnectionRefusedError):
            plain_client(engine.port)
    finally:
        engine.close()


def test_an_open_connection_finishes_while_it_drains(engines: Any, upstreams: Any) -> None:
    engine = engines({ANY: [upstreams().place]})
    with tls_client(engine.port) as client:
        assert who(client) == "up"
        engine.drain(20_000)
        until(lambda: _is_refused(engine.port))
        assert ask(client, b"still here") == b"up:still here"
        assert engine.is_running
        goodbye(client)
    engine.join()
    assert engine.taken()[-1].status == "ok"  # the others are those that knocked in between


def _is_refused(port: int) -> bool:
    try:
        plain_client(port).close()
    except ConnectionRefusedError:
        return True
    return False


def test_who_does_not_finish_is_stopped(engines: Any, upstreams: Any) -> None:
    engine = engines({ANY: [upstreams().place]})
    with tls_client(engine.port) as client, plain_client(engine.port) as silent:
        assert who(client) == "up"
        until(lambda: engine.counts().connections == 2)
        engine.drain(50)
        engine.join()
        assert is_cut(client)
        assert is_cut(silent)
    assert [record.status for record in engine.taken()] == ["drained", "drained"]


def test_it_drains_with_nobody_there(engines: Any, upstreams: Any) -> None:
    engine = engines({ANY: [upstreams().place]})
    engine.drain(20_000)
    engine.join()


def test_it_stops_at_once(engines: Any, upstreams: Any) -> None:
    engine = engines({ANY: [upstreams().place]})
    with tls_client(engine.port) as client, plain_client(engine.port) as silent:
        assert who(client) == "up"
        until(lambda: engine.counts().connections == 2)
        engine.stop()
        engine.join()
        assert is_cut(client)
        assert is_cut(silent)
    assert engine.counts().connections == 0
    assert [record.status for record in engine.taken()] == ["drained", "drained"]


def test_it_is_stopped_while_it_drains(engines: Any, upstreams: Any) -> None:
    engine = engines({ANY: [upstreams().place]})
    with tls_client(engine.port) as client:
        assert who(client) == "up"
        engine.drain(4_000_000_000)
        engine.stop()
        engine.join()
        assert is_cut(client)


def test_it_never_runs(rig: Rig, upstreams: Any) -> None:
    engine = Engine(rig, {ANY: [upstreams().place]})
    engine.post(engine.plan(("dom3.test",), 2, {ANY: [1]}))
    engine.post(engine.plan(("dom4.test",), 3, {ANY: [2]}))
    engine.close()


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
def test_five_hundred_at_once(engines: Any, upstreams: Any) -> None:
    engine = engines({ANY: [upstreams().place]})
    context = worker.client_context()
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(tls_client(engine.port, context=context)) for _ in range(500)
        ]
        for number, client in enumerate(clients):
            client.sendall(b"%d." % number)
        for number, client in enumerate(clients):
            expected = b"up:%d." % number
            assert client.recv(len(expected)) == expected
        assert engine.counts().connections == 500
        for client in clients:
            goodbye(client)
    assert {record.status for record in engine.records(500)} == {"ok"}


def test_clients_that_come_and_go(engines: Any, upstreams: Any) -> None:
    engine = engines({ANY: [upstreams().place]}, listeners=(*PLAIN, ("127.0.0.1", False)))
    for number in range(200):
        client = plain_client(engine.ports[number % 2])
        if number % 4 > 1:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()
    until(lambda: engine.counts().accepted == 200 and engine.counts().connections == 0)
    with plain_client(engine.ports[0]) as client:
        assert who(client) == "up"


def test_reloads_during_a_storm(engines: Any, upstreams: Any) -> None:
    """Not one of many short connections fails while selectors and routes change all the time."""
    place = upstreams().place
    engine = engines({ANY: [place]})
    over, failures, served = threading.Event(), [], []
    context = worker.client_context()

    def work(name: str) -> None:
        while not over.is_set():
            try:
                with tls_client(engine.port, name, context) as client:
                    assert who(client) == "up"
                    goodbye(client)
                served.append(name)
            except Exception as error:  # whatever it is, it is one too many
                failures.append(error)

    threads = [threading.Thread(target=work, args=(f"dom{n}.test",)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    for number in range(2, 202):
        names = ("dom1.test", "dom2.test") if number % 2 else ("dom2.test", "dom1.test")
        engine.post(engine.plan(names, number, {ANY: [place]}))
        over.wait(0.005)
    over.set()
    for thread in threads:
        thread.join()
    assert failures == []
    records = engine.records(len(served))
    assert {record.status for record in records} == {"ok"}
    assert len({record.plan for record in records}) > 10


def test_early_bytes_are_not_forgotten(engines: Any, upstreams: Any) -> None:
    """Megabytes that wait for the upstream come through without another event."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        engine = engines(
            {ANY: [listener.getsockname()[1]]}, settings={"high_water": 64 << 20}, listeners=PLAIN
        )
        data = os.urandom(4 << 20)
        with plain_client(engine.port) as client:
            sender = threading.Thread(target=client.sendall, args=(data,))
            sender.start()
            far, _ = listener.accept()
            with far:
                far.settimeout(worker.PATIENCE)
                got = bytearray()
                while len(got) < len(data):
                    got += far.recv(1 << 20)
            sender.join()
        assert got == data


@contextlib.contextmanager
def free_descriptors(spare: int) -> Iterator[None]:
    """Leave the process only so many descriptors above the highest that is open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, open_descriptors()))
    holes = [os.open(os.devnull, os.O_RDONLY)]
    while holes[-1] < highest:
        holes.append(os.open(os.devnull, os.O_RDONLY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (holes[-1] + 1 + spare, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for hole in holes:
            os.close(hole)


def test_descriptors_run_out(rig: Rig, upstreams: Any) -> None:
    """It pauses, counts that once for each pause, and goes on when there are some again."""
    engine = Engine(rig, {ANY: [upstreams().place]}, listeners=PLAIN)
    try:
        clients = [plain_client(engine.port) for _ in range(10)]
        with free_descriptors(0):
            engine.start()
            until(lambda: engine.counts().accept_errors >= 2)
            assert engine.counts().accepted == 0
            assert engine.counts().accept_errors < 10
        for client in clients:
            assert who(client) == "up"
            client.close()
        until(lambda: engine.counts().connections == 0)
        assert engine.counts().accepted == 10
    finally:
        engine.close()


def test_our_own_shortage_says_nothing_about_upstreams(rig: Rig, upstreams: Any) -> None:
    """Neither of two addresses is asked last because we had no descriptor for it."""
    bad, good = upstreams("a"), upstreams("b")
    engine = Engine(rig, {ANY: [bad.place, good.place, nobody()]}, listeners=PLAIN)
    try:
        client = plain_client(engine.port)
        with free_descriptors(1):
            engine.start()
            assert is_cut(client)
        client.close()
        assert engine.records()[0].error == errno.EMFILE
        seen = []
        for _ in range(3):
            with plain_client(engine.port) as client:
                seen.append(who(client))
        assert seen[0] == "b"
        assert seen[2] == "a"
    finally:
        engine.close()


def test_an_address_that_does_not_answer_in_time_is_asked_last(
    engines: Any, upstreams: Any
) -> None:
    """It has its share of the time, then the next one has its turn."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as stack:
        place = full.getsockname()[1]
        for _ in range(3):  # whoever comes behind these is not answered at all
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", place))
        settings = {"connect_timeout": 300}
        engine = engines({ANY: [place, upstreams().place]}, listeners=PLAIN, settings=settings)
        with plain_client(engine.port) as client:
            assert who(client) == "up"
        for _ in range(4):
            with plain_client(engine.port) as client:
                assert who(client) == "up"


def test_a_domain_that_cannot_begin_is_told(rig: Rig, engines: Any, upstreams: Any) -> None:
    """The domain is known, though no version of the client's is allowed there."""
    engine = engines({ANY: [upstreams().place]}, versions="1.3")
    context = worker.client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        tls_client(engine.port, "dom2.test", context)
    [record] = engine.records()
    assert (record.status, record.domain, record.plan) == ("handshake-failed", 1, 1)


def test_a_drain_ends_though_nobody_takes_the_rest(engines: Any) -> None:
    """Both have ended well, there is no idle timeout, and the client takes nothing more."""
    settings = {"idle_timeout": 0, "linger_timeout": 100, "high_water": 64 << 20}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        places = [listener.getsockname()[1]]
        engine = engines({ANY: places}, listeners=PLAIN, settings=settings)
        with plain_client(engine.port) as client:
            client.shutdown(socket.SHUT_WR)
            far, _ = listener.accept()
            with far:
                far.sendall(bytes(20 << 20))
            # That was more than the system takes for a client that does not read.
            engine.drain(100)
            engine.join()
    [record] = engine.taken()
    assert record.bytes_out == 20 << 20


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_no_memory_for_a_worker(rig: Rig, allowed: int) -> None:
    """The listening sockets are closed in any case."""
    shortage = lambda: rig.c.lib.tlsmgm_test_fail_after(allowed)  # noqa: E731
    with pytest.raises(AssertionError, match="memory"):
        Engine(rig, {}, before=shortage)
