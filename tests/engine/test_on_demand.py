"""Domains that are looked for while a client waits."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support import hello
from tests.support.listeners import (
    ANYWHERE,
    Ends,
    Greeter,
    ask,
    greeting,
    leave,
    listening,
    port_of,
)
from tests.support.managers import client_domain, manager_of, method_of, pki, server_domain
from tests.support.pki import Authority
from tests.support.proxy import TIMEOUT, connect, read_to_end, wait_until
from tlsmgm import ClientHello, ConfigError, Domain, Limits, Listener, OnDemand, TLSManager

UNRECOGNIZED_NAME = 112


class Loader:
    """Knows ``dom1``, and keeps what it was asked for."""

    def __init__(self, answer: Any = None) -> None:
        self.asked: list[ClientHello] = []
        self._answer = server_domain() if answer is None else answer

    def __call__(self, client: ClientHello) -> Any:
        self.asked.append(client)
        return self._answer if client.server_name == "dom1.test" else "reject"

    async def later(self, client: ClientHello) -> Any:
        """The same for a loop."""
        await asyncio.sleep(0)
        return self(client)

    async def too_late(self, client: ClientHello) -> Any:
        """The same, but for the answer."""
        self(client)
        await asyncio.Event().wait()


@pytest.fixture
def manager(library: str) -> TLSManager:
    """Knows ``dom2`` alone."""
    return manager_of(library, server_domain("dom2"), client_domain())


def alert_of(listener: Listener, name: bytes) -> int:
    """Ask for a name with a hello of our own, and return the alert."""
    with socket.create_connection(("127.0.0.1", port_of(listener)), TIMEOUT) as sock:
        sock.sendall(hello.records(hello.message(hello.server_name(name))))
        answer = read_to_end(sock)
    assert answer[:1] == b"\x15", answer
    return answer[6]


def is_refused(listener: Listener, name: str) -> bool:
    """Whether a client is told that nobody has this name."""
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        connect(port_of(listener), name)
    return True


def outcome(listener: Listener, name: str) -> bytes | str | None:
    """What the server says, or the word of what went wrong."""
    try:
        return ask(listener, name)
    except ssl.SSLError as error:
        return error.reason


@contextlib.contextmanager
def running_loop() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """A loop in a thread of its own; what is given runs in it, and its result is returned."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(TIMEOUT)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(TIMEOUT)
        loop.close()


@pytest.mark.parametrize("is_coroutine", [False, True])
def test_it_is_found_once(
    manager: TLSManager, version: str, greeter: Greeter, is_coroutine: bool
) -> None:
    loader = Loader(server_domain(method=method_of(version)))
    load = loader.later if is_coroutine else loader
    with (
        listening(manager, greeter.address, on_client_hello=load) as (listener, ends),
        ThreadPoolExecutor(8) as threads,
    ):
        answers = list(threads.map(lambda _: ask(listener), range(8)))
        assert ask(listener, "dom2.test") == b"hello"  # nobody is asked for that
        assert listener.statistics()["questions_total"] == 8
        found = ends.wait_for(9)
    assert answers == [b"hello"] * 8
    assert [client.server_name for client in loader.asked] == ["dom1.test"]
    assert loader.asked[0].local == ("127.0.0.1", port_of(listener))
    names = sorted(str(end.domain and end.domain.name) for end in found)
    assert names == ["dom1"] * 8 + ["dom2"]
    assert {end.status for end in found} == {"ok"}


def test_workers_and_the_program(manager: TLSManager) -> None:
    """Whichever worker asks; and what is handed over knows its domain."""
    loader = Loader()
    with (
        listening(manager, None, workers=3, on_client_hello=loader) as (listener, _),
        ThreadPoolExecutor(6) as threads,
    ):
        clients = [threads.submit(connect, port_of(listener)) for _ in range(6)]
        for _ in range(6):
            connection = listener.accept(TIMEOUT)
            assert connection is not None
            assert connection.domain is not None
            assert (connection.domain.name, connection.server_name) == ("dom1", "dom1.test")
            connection.close()
        for client in clients:
            client.result().close()
    assert len(loader.asked) == 1


def test_the_loop_of_the_program(manager: TLSManager, greeter: Greeter) -> None:
    """A coroutine function runs where the listener was made."""
    threads = []

    async def load(client: ClientHello) -> Domain:
        threads.append(threading.current_thread())
        return server_domain()

    async def listen() -> tuple[Listener, threading.Thread]:
        made = manager.listen(ANYWHERE, greeter.address, on_client_hello=load)
        return made, threading.current_thread()

    with running_loop() as run:
        listener, thread = run(listen())
        with listener:
            assert ask(listener) == b"hello"
    assert threads == [thread]


def test_a_refusal_is_remembered(manager: TLSManager, greeter: Greeter) -> None:
    loader = Loader()
    with listening(manager, greeter.address, on_client_hello=loader) as (listener, ends):
        assert is_refused(listener, "else.test")
        assert is_refused(listener, "ELSE.test")
        found = ends.wait_for(2)
    assert len(loader.asked) == 1
    assert {(end.status, end.domain) for end in found} == {("no-domain", None)}
    assert {end.server_name for end in found} == {"else.test", "ELSE.test"}


def test_nothing_is_remembered_for_ever(manager: TLSManager, greeter: Greeter) -> None:
    loader = Loader()
    said = OnDemand(loader, seconds=0, refused_seconds=0)
    with listening(manager, greeter.address, on_client_hello=said) as (listener, _):
        assert [outcome(listener, "dom1.test") for _ in range(2)] == [b"hello"] * 2
        assert is_refused(listener, "else.test")
        assert is_refused(listener, "else.test")
    assert len(loader.asked) == 4


def test_only_so_many_are_remembered(manager: TLSManager, greeter: Greeter) -> None:
    """Those that were refused are counted by themselves, so strangers push nobody out."""
    loader = Loader()
    said = OnDemand(loader, remembered=1)
    names = ["dom1.test", "else.test", "more.test", "else.test", "dom1.test"]
    with listening(manager, greeter.address, on_client_hello=said) as (listener, _):
        for name in names:
            outcome(listener, name)
    assert [client.server_name for client in loader.asked] == names[:4]


def test_a_name_can_be_forgotten(manager: TLSManager, greeter: Greeter) -> None:
    loader = Loader()
    with listening(manager, greeter.address, on_client_hello=loader) as (listener, _):
        for name in ("DOM1.test", None):
            assert ask(listener) == b"hello"
            listener.forget_domain(name)
        assert ask(listener) == b"hello"
        listener.forget_domain("other.test")
        assert ask(listener) == b"hello"
    assert len(loader.asked) == 3


def test_a_route_of_its_own(manager: TLSManager, greeter: Greeter) -> None:
    with (
        Greeter(b"other") as other,
        listening(
            manager, {"dom1": other.address, "*": greeter.address}, on_client_hello=Loader()
        ) as (listener, _),
    ):
        assert ask(listener) == b"other"
        assert ask(listener, "dom2.test") == b"hello"


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError()])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_whatever_the_program_raises(
    manager: TLSManager, greeter: Greeter, error: BaseException
) -> None:
    """The next one is asked, and a name is refused for a while only."""
    outcomes: list[Any] = [error, server_domain()]

    def load(client: ClientHello) -> Any:
        found = outcomes.pop(0)
        if isinstance(found, BaseException):
            raise found
        return found

    said = OnDemand(load, refused_seconds=0)
    with listening(manager, greeter.address, on_client_hello=said) as (listener, _):
        assert is_refused(listener, "dom1.test")
        assert ask(listener) == b"hello"


def test_a_task_that_is_cancelled(manager: TLSManager, greeter: Greeter) -> None:
    outcomes = [True, False]

    async def load(client: ClientHello) -> Domain:
        if outcomes.pop(0):
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)
        return server_domain()

    said = OnDemand(load, refused_seconds=0)
    with listening(manager, greeter.address, on_client_hello=said) as (listener, _):
        assert is_refused(listener, "dom1.test")
        assert ask(listener) == b"hello"


def test_look_ups_that_hang_keep_nobody_from_others(manager: TLSManager, greeter: Greeter) -> None:
    loader, may_end = Loader(), threading.Event()

    def load(client: ClientHello) -> Any:
        if client.server_name == "dom1.test":
            return loader(client)
        return may_end.wait(TIMEOUT) and None

    limits = Limits(handshake_timeout=TIMEOUT)
    with (
        listening(manager, greeter.address, on_client_hello=load, limits=limits) as (listener, _),
        contextlib.ExitStack() as stack,
    ):
        stack.callback(may_end.set)
        for number in range(40):
            address = ("127.0.0.1", port_of(listener))
            sock = stack.enter_context(socket.create_connection(address, TIMEOUT))
            sock.sendall(hello.real_hello(f"hangs{number}.test"))
        wait_until(lambda: listener.statistics()["questions_total"] == 40)
        assert ask(listener) == b"hello"


def test_a_loop_that_is_closed(manager: TLSManager, greeter: Greeter) -> None:
    """Who asks is refused at once, and told why."""
    loader = Loader()

    async def listen() -> Listener:
        return manager.listen(ANYWHERE, greeter.address, on_client_hello=loader.later)

    with running_loop() as run:
        listener = run(listen())
    with listener:
        assert is_refused(listener, "dom1.test")
    assert loader.asked == []


@pytest.mark.parametrize("is_coroutine", [False, True])
def test_who_may_be_looked_for(manager: TLSManager, greeter: Greeter, is_coroutine: bool) -> None:
    loader = Loader()

    def may(client: ClientHello) -> bool:
        return client.server_name == "dom1.test"

    async def may_later(client: ClientHello) -> bool:
        return may(client)

    said = OnDemand(loader, ask=may_later if is_coroutine else may)
    with listening(manager, greeter.address, on_client_hello=said) as (listener, _):
        assert is_refused(listener, "else.test")
        assert ask(listener) == b"hello"
    assert [client.server_name for client in loader.asked] == ["dom1.test"]


@pytest.mark.parametrize("name", [b"../dom1.test", b"dom1..test", b".dom1", b"a/b", b"caf\xc3\xa9"])
def test_what_is_no_name_is_refused_unasked(manager: TLSManager, name: bytes) -> None:
    """It might name a file, for whoever looks domains up in a folder."""
    loader = Loader()
    with listening(manager, None, on_client_hello=loader) as (listener, _):
        assert alert_of(listener, name) == UNRECOGNIZED_NAME
    assert loader.asked == []


def _fails(client: ClientHello) -> Domain:
    raise LookupError("no such row")


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (_fails, "LookupError: no such row"),
        (lambda client: 7, "must return a Domain, 'reject' or None, not 7"),
        (lambda client: client_domain(), "is no server domain"),
        (lambda client: server_domain(certificate=pki("nowhere.pem")), "nowhere.pem"),
    ],
)
def test_what_cannot_be_used_is_told_and_refused(
    manager: TLSManager, load: Any, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING, logger="tlsmgm"),
        listening(manager, None, on_client_hello=load) as (listener, _),
    ):
        assert is_refused(listener, "dom1.test")
    assert [words in record.getMessage() for record in caplog.records] == [True]
    assert "'dom1.test'" in caplog.text


def test_a_certificate_that_has_expired_is_told(
    manager: TLSManager, greeter: Greeter, caplog: pytest.LogCaptureFixture
) -> None:
    """The client is answered all the same, and judges by itself."""
    old = Authority("root").issue("old", names=["dom1.test"], days=(-30, -1)).fields()
    with (
        caplog.at_level(logging.WARNING, logger="tlsmgm"),
        listening(
            manager, greeter.address, on_client_hello=lambda client: server_domain(**old)
        ) as (listener, _),
        pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        ask(listener)
    (record,) = caplog.records
    words = "domain 'dom1': parameter 'certificate': it expired on "
    assert record.getMessage().startswith(words)
    assert record.exc_info is None


async def _fails_later(client: ClientHello) -> Domain:
    return _fails(client)


@pytest.mark.parametrize("is_asked", [False, True])
@pytest.mark.parametrize("callback", [_fails, _fails_later])
def test_the_log_shows_where_it_has_failed_but_not_again_and_again(
    manager: TLSManager, callback: Any, is_asked: bool, caplog: pytest.LogCaptureFixture
) -> None:
    said = OnDemand(Loader(), ask=callback) if is_asked else callback
    with (
        caplog.at_level(logging.WARNING, logger="tlsmgm"),
        listening(manager, None, on_client_hello=said) as (listener, _),
    ):
        assert is_refused(listener, "dom1.test")
        assert is_refused(listener, "else.test")
    (record,) = caplog.records
    assert record.getMessage() == "the domain for 'dom1.test': LookupError: no such row"
    assert f"in {callback.__name__}\n" in caplog.text
    assert 'raise LookupError("no such row")' in caplog.text


def test_a_domain_for_another_name_does_not_answer(manager: TLSManager) -> None:
    """The matched domain's rules hold, and its filters are among them."""
    with listening(manager, None, on_client_hello=lambda _: server_domain("dom2")) as (listener, _):
        assert is_refused(listener, "dom1.test")


def test_too_many_names_at_a_time(manager: TLSManager) -> None:
    loader = Loader()
    said = OnDemand(loader.too_late, max_waiting=1)
    with listening(manager, None, on_client_hello=said) as (listener, ends):
        with socket.create_connection(("127.0.0.1", port_of(listener)), TIMEOUT) as waiting:
            waiting.sendall(hello.real_hello("dom1.test"))
            wait_until(lambda: len(loader.asked) == 1)
            assert is_refused(listener, "else.test")
            assert listener.statistics()["questions_refused_total"] == 1
        found = ends.wait_for(2)  # now that it has gone
    assert {end.status for end in found} == {"no-domain", "handshake-failed"}


def test_nobody_waits_longer_than_for_a_handshake(manager: TLSManager) -> None:
    loader = Loader()
    limits = Limits(handshake_timeout=0.2)
    with (
        listening(manager, None, on_client_hello=loader.too_late, limits=limits) as (
            listener,
            ends,
        ),
        pytest.raises((ConnectionResetError, ssl.SSLEOFError)),
    ):
        connect(port_of(listener))
    assert [end.status for end in ends.all] == ["handshake-timeout"]


def test_a_client_that_has_gone(manager: TLSManager, greeter: Greeter) -> None:
    """Its answer meets nobody, and holds for the next."""
    loader, may_go_on = Loader(), threading.Event()

    def load(client: ClientHello) -> Any:
        assert may_go_on.wait(TIMEOUT)
        return loader(client)

    limits = Limits(handshake_timeout=5.0)
    with listening(manager, greeter.address, on_client_hello=load, limits=limits) as (listener, _):
        with socket.create_connection(("127.0.0.1", port_of(listener)), TIMEOUT) as sock:
            sock.sendall(hello.real_hello("dom1.test"))
            wait_until(lambda: listener.statistics()["questions_total"] == 1)
        may_go_on.set()
        assert ask(listener) == b"hello"
    assert len(loader.asked) == 1


def test_new_routes_hold_for_it_too(manager: TLSManager, greeter: Greeter) -> None:
    loader = Loader()
    with (
        Greeter(b"other") as other,
        listening(manager, greeter.address, on_client_hello=loader) as (listener, _),
    ):
        assert ask(listener) == b"hello"
        listener.set_routes(other.address)
        assert ask(listener) == b"other"
    assert len(loader.asked) == 1


def test_a_domain_that_is_added_later_answers_itself(manager: TLSManager, greeter: Greeter) -> None:
    loader = Loader("reject")
    with listening(manager, greeter.address, on_client_hello=loader) as (listener, _):
        assert is_refused(listener, "dom1.test")
        manager.add_domain(server_domain())
        assert ask(listener) == b"hello"


def test_sessions_are_resumed_in_it(manager: TLSManager, greeter: Greeter) -> None:
    """All who ask for a name get one context, with one ring of ticket keys."""
    with listening(manager, greeter.address, on_client_hello=Loader()) as (listener, ends):
        with connect(port_of(listener)) as first:
            greeting(first)
            context, session = first.context, first.session
            leave(first)
        sock = socket.create_connection(("127.0.0.1", port_of(listener)), TIMEOUT)
        with context.wrap_socket(sock, server_hostname="dom1.test", session=session) as again:
            assert greeting(again) == b"hello"
            assert again.session_reused
            leave(again)
        ends.wait_for(2)


def test_the_end_does_not_wait_for_a_look_up(manager: TLSManager) -> None:
    loader, ends = Loader(), Ends()
    listener = manager.listen(ANYWHERE, on_client_hello=loader.too_late, on_end=ends)
    with socket.create_connection(("127.0.0.1", port_of(listener)), TIMEOUT) as sock:
        sock.sendall(hello.real_hello("dom1.test"))
        wait_until(lambda: len(loader.asked) == 1)
        listener.close()
    assert [end.status for end in ends.all] == ["drained"]


def test_clients_without_a_name(manager: TLSManager, greeter: Greeter) -> None:
    asked: list[ClientHello] = []

    def load(client: ClientHello) -> Domain:
        asked.append(client)
        return server_domain(match_sip_domain="*")

    with listening(manager, greeter.address, on_client_hello=load) as (listener, _):
        assert ask(listener, None) == b"hello"
    assert [client.server_name for client in asked] == [None]


@pytest.mark.parametrize(
    ("values", "parameter"),
    [
        ({"load": 1}, "load"),
        ({"ask": 1}, "ask"),
        ({"max_waiting": 0}, "max_waiting"),
        ({"remembered": "many"}, "remembered"),
        ({"seconds": -1}, "seconds"),
        ({"refused_seconds": "1"}, "refused_seconds"),
    ],
)
def test_what_makes_no_sense(values: dict[str, Any], parameter: str) -> None:
    with pytest.raises(ConfigError, match=parameter):
        OnDemand(**({"load": _fails} | values))


def test_neither_a_function_nor_that(manager: TLSManager) -> None:
    with pytest.raises(TypeError, match="on_client_hello must be a function or OnDemand"):
        manager.listen(ANYWHERE, on_client_hello="dom1")  # type: ignore[arg-type]
