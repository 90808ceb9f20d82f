"""on_reload(), and what a manager says of itself."""

from __future__ import annotations

import functools
import logging
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.managers import LOCAL, client_domain, manager_of, server_domain
from tests.support.scripts import Site, client, server
from tests.support.sockets import TIMEOUT
from tests.support.tables import DomainTable, server_row
from tlsmgm import ConfigError, DatabaseWatcher, ReloadEvent, ReloadReport, TLSManager
from tlsmgm._provisioning.transfer import init_database


def empty() -> TLSManager:
    """A manager for what has nothing to do with a TLS library."""
    return TLSManager("none")


def test_every_change_is_told(site: Site, tmp_path: Path) -> None:
    site.write(server("dom1"), client())
    manager = site.load()
    heard: list[ReloadEvent] = []
    remove = manager.on_reload(heard.append)

    def last() -> tuple[str, ReloadReport]:
        event = heard.pop()
        assert not heard
        assert event.generation == manager.generation
        return event.cause, event.report

    assert last_of(manager.reload, last) == "reload"
    site.write(server("dom1", key="dom3"), client())
    report = manager.reload()
    assert last() == ("reload", report)
    assert report.changed == ("dom1",)
    table = DomainTable(f"sqlite:///{tmp_path}/db", server_row("dom2", domain="dom2"))
    report = manager.attach_database(table.url)
    assert last() == ("attach_database", report)
    assert report.added == ("dom2",)
    table.update("dom2", match_sip_domain="other.test")
    report = manager.reload_database()
    assert last() == ("reload_database", report)
    assert report.changed == ("dom2",)
    manager.add_domains([server_domain("dom3"), client_domain("other")])
    assert last() == ("add_domains", ReloadReport(added=("dom3", "other")))
    manager.add_domain(server_domain("dom4"))
    assert last() == ("add_domains", ReloadReport(added=("dom4",)))
    report = manager.replace_domain(server_domain("dom4", match_sip_domain="four.test"))
    assert last() == ("replace_domain", report)
    report = manager.remove_domain("dom4", "server")
    assert last() == ("remove_domain", report)
    manager.hello_size = 5000
    assert heard == []
    remove()
    remove()
    manager.reload()
    assert heard == []


def last_of(
    change: Callable[[], ReloadReport], last: Callable[[], tuple[str, ReloadReport]]
) -> str:
    """Make a change that finds nothing new; return what was said of its cause."""
    report = change()
    assert report == ReloadReport()
    cause, told = last()
    assert told is report
    return cause


def test_what_a_watcher_finds_is_told(tmp_path: Path) -> None:
    table = DomainTable(f"sqlite:///{tmp_path}/db", server_row("dom1", domain="dom1"))
    init_database(table.settings, notices=True)
    manager = empty()
    manager.attach_database(table.url)
    heard: queue.Queue[tuple[ReloadEvent, str]] = queue.Queue()
    manager.on_reload(lambda event: heard.put((event, threading.current_thread().name)))
    with manager.watch_database(watch=0.05) as watcher:
        assert isinstance(watcher, DatabaseWatcher)
        assert watcher.wait_until_watching(TIMEOUT)
        table.insert(server_row("dom2", domain="dom2"))
        while True:
            event, thread = heard.get(timeout=TIMEOUT)
            assert (event.cause, thread) == ("reload_database", "tlsmgm-watch")
            if event.report.added:
                break
    assert event.report == ReloadReport(added=("dom2",))


def test_a_change_that_fails_is_not_told(site: Site) -> None:
    site.write(server("dom1"))
    manager = site.load()
    manager.on_reload(lambda _event: pytest.fail("nothing has changed"))
    before = manager.generation
    site.write(server("dom1", certificate="absent.pem"))
    for change in (
        manager.reload,
        manager.reload_database,
        functools.partial(manager.add_domain, server_domain("dom2", certificate="absent.pem")),
        functools.partial(manager.replace_domain, server_domain("dom2")),
        functools.partial(manager.remove_domain, "dom2", "server"),
    ):
        with pytest.raises(ConfigError):
            change()
    assert manager.generation == before


def test_the_new_state_is_there(library: str) -> None:
    """A callback meets what the change has made, in the thread that has made it."""
    manager = manager_of(library, server_domain())
    seen: list[object] = []

    def look(event: ReloadEvent) -> None:
        assert event.generation == manager.generation
        seen.append((manager.server_context(LOCAL, b"dom1.test"), threading.get_ident()))

    manager.on_reload(look)
    before = manager.server_context(LOCAL, b"dom1.test")
    manager.replace_domain(server_domain(verify_depth=2))
    assert seen == [(manager.server_context(LOCAL, b"dom1.test"), threading.get_ident())]
    assert seen[0] != (before, threading.get_ident())


def test_a_failing_callback_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    manager = empty()
    heard: list[int] = []

    def fail(_secret: str, _event: ReloadEvent) -> None:
        raise ValueError("out of order")

    manager.on_reload(lambda _event: heard.append(1))
    manager.on_reload(functools.partial(fail, "SECRET"))
    manager.on_reload(lambda _event: heard.append(2))
    with caplog.at_level(logging.ERROR, "tlsmgm"):
        manager.add_domain(client_domain())
    assert heard == [1, 2]
    assert [record.name for record in caplog.records] == ["tlsmgm"]
    assert "partial" in caplog.text
    assert "out of order" in caplog.text
    assert "SECRET" not in caplog.records[0].getMessage()
    assert len(manager.domains) == 1


def test_callbacks_may_change_the_manager() -> None:
    """Their changes are told behind the one that is being told, to all."""
    manager = empty()
    heard: list[tuple[str, int, str]] = []

    def hear(who: str, event: ReloadEvent) -> None:
        heard.append((who, event.generation, event.cause))

    def follow(event: ReloadEvent) -> None:
        hear("first", event)
        if event.cause == "add_domains":
            manager.remove_domain("client", "client")

    manager.on_reload(follow)
    manager.on_reload(functools.partial(hear, "second"))
    manager.add_domain(client_domain())
    assert heard == [
        ("first", 1, "add_domains"),
        ("second", 1, "add_domains"),
        ("first", 2, "remove_domain"),
        ("second", 2, "remove_domain"),
    ]
    assert manager.domains == ()


def test_a_callback_may_take_itself_and_others_off() -> None:
    manager = empty()
    heard: list[str] = []
    removes: list[Callable[[], None]] = []

    def once(_event: ReloadEvent) -> None:
        heard.append("once")
        for remove in removes:
            remove()

    removes += [manager.on_reload(once), manager.on_reload(lambda _event: heard.append("other"))]
    manager.add_domain(client_domain())
    manager.remove_domain("client", "client")
    assert heard == ["once"]


def test_the_same_callback_twice() -> None:
    manager = empty()
    heard: list[ReloadEvent] = []
    remove = manager.on_reload(heard.append)
    manager.on_reload(heard.append)
    manager.add_domain(client_domain())
    assert len(heard) == 2
    remove()
    manager.remove_domain("client", "client")
    assert len(heard) == 3


def test_another_thread_does_not_wait_for_a_callback() -> None:
    """Who tells when the second change is made tells it, too: in order, and one at a time."""
    manager = empty()
    begun, go_on = threading.Event(), threading.Event()
    heard: list[tuple[int, int]] = []

    def slow(event: ReloadEvent) -> None:
        begun.set()
        assert go_on.wait(TIMEOUT)
        heard.append((event.generation, threading.get_ident()))

    manager.on_reload(slow)
    thread = threading.Thread(target=manager.add_domain, args=(client_domain(),))
    thread.start()
    assert begun.wait(TIMEOUT)
    manager.remove_domain("client", "client")  # comes back at once
    assert heard == []
    go_on.set()
    thread.join(TIMEOUT)
    assert heard == [(1, thread.ident), (2, thread.ident)]


def test_many_threads_hear_all_in_order() -> None:
    manager = empty()
    heard: list[int] = []
    inside = threading.Lock()

    def hear(event: ReloadEvent) -> None:
        assert inside.acquire(blocking=False), "two callbacks at once"
        heard.append(event.generation)
        inside.release()

    manager.on_reload(hear)

    def work(name: str) -> None:
        for _ in range(50):
            manager.add_domain(client_domain(name))
            manager.remove_domain(name, "client")

    threads = [threading.Thread(target=work, args=(f"c{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
        assert not thread.is_alive()
    assert heard == list(range(1, 401))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_in_the_middle_of_a_callback() -> None:
    """The thread that tells is not in the child, which tells by itself."""
    manager = empty()
    begun, go_on = threading.Event(), threading.Event()
    heard: list[int] = []

    def hear(event: ReloadEvent) -> None:
        heard.append(event.generation)
        if event.generation == 1:
            begun.set()
            assert go_on.wait(TIMEOUT)

    manager.on_reload(hear)
    thread = threading.Thread(target=manager.add_domain, args=(client_domain(),))
    thread.start()
    assert begun.wait(TIMEOUT)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            manager.remove_domain("client", "client")
            code = 0 if heard == [1, 2] else 2
        finally:
            os._exit(code)
    go_on.set()
    thread.join(TIMEOUT)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert heard == [1]


@pytest.mark.parametrize("callback", [None, "name", 7])
def test_what_is_no_function(callback: object) -> None:
    with pytest.raises(TypeError, match="must be a function"):
        empty().on_reload(callback)  # type: ignore[arg-type]


def test_a_coroutine_function_would_never_run() -> None:
    async def hear(_event: ReloadEvent) -> None:
        """Do nothing."""

    with pytest.raises(TypeError, match="call_soon_threadsafe"):
        empty().on_reload(hear)


def test_an_event_holds_no_state() -> None:
    """Names only: who keeps events keeps no contexts, keys or domains."""
    event = ReloadEvent("reload", 3, ReloadReport(changed=("dom1",)))
    assert hash(event) == hash(ReloadEvent("reload", 3, ReloadReport(changed=("dom1",))))
    with pytest.raises(AttributeError):
        event.generation = 4  # type: ignore[misc]


def test_what_a_manager_says_of_itself(site: Site, tmp_path: Path) -> None:
    assert repr(empty()) == (
        "<TLSManager: no TLS library; 0 server domains, 0 client domains; generation 0>"
    )
    site.write(server("dom1", private_key_passphrase="SECRET"), client())
    manager = site.load()
    backend = manager.client_connection("client").context
    assert backend is not None
    library = f"{site.library} {backend.backend.version}"
    assert repr(manager) == (
        f"<TLSManager: {library}; 1 server domain, 1 client domain ({str(site.script)!r}: 2); "
        "generation 1>"
    )
    table = DomainTable(f"sqlite:///{tmp_path}/SECRET", server_row("dom2", domain="dom2"))
    manager.attach_database(table.url)
    manager.add_domain(server_domain("dom3", private_key_passphrase="SECRET"))
    assert repr(manager) == (
        f"<TLSManager: {library}; 3 server domains, 1 client domain ({str(site.script)!r}: 2, "
        "table 'tls_mgm': 1, program: 1); generation 3>"
    )
    assert "SECRET" not in repr(manager)
