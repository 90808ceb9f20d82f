"""A process may end at any moment, whatever is alive in it, and says nothing about it."""

from __future__ import annotations

import pytest

from tests.support.process import assert_silent, run_python

HALF = """
client = manager.client_connection("client", server_name="dom1.test")
server = manager.server_connection(LOCAL)
client.handshake(); carry(client, server); server.handshake()
"""

ENDINGS = {
    "live connections": """
        kept = [connect(manager, manager) for _ in range(3)]
        session = session_of(kept[0][0])
    """,
    "a waiting handshake": HALF,
    "exit in a handshake": HALF + "sys.exit()",
    "exit with an error latched": """
        server = manager.server_connection(LOCAL)
        server.feed(b"GET / HTTP/1.0")
        try:
            server.handshake()
        except tlsmgm.ProtocolError as error:
            kept = error
    """,
    "reference cycles": """
        client, server = connect(manager, manager)
        class Cycle: pass
        cycle = Cycle()
        cycle.all = [cycle, client, server, manager, client.session, manager.domains]
        gc.disable()
    """,
    "objects in sys.modules": """
        sys.kept = connect(manager, manager), manager
        sys.modules["kept"] = sys.kept
    """,
    "after a reload": """
        kept = connect(manager, manager)
        manager.reload()
    """,
    "atexit uses a connection": """
        import atexit
        client, server = connect(manager, manager)
        atexit.register(assert_echo, client, server)
    """,
    "a finalizer uses a connection": """
        class Late:
            def __init__(self): self.pair = connect(manager, manager)
            def __del__(self): self.pair[0].shutdown(); self.pair[0].drain()
        late = Late()
    """,
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_exit_is_silent(library: str, ending: str) -> None:
    program = "\n".join(line.removeprefix("        ") for line in ending.splitlines())
    done = run_python("manager = manager_of(library)\n" + program, library, options=["-Xdev"])
    assert_silent(done)


def test_exit_code_is_the_programs(library: str) -> None:
    done = run_python("manager = manager_of(library)\n" + HALF + "sys.exit(7)", library)
    assert_silent(done, 7)


def test_exit_while_daemon_threads_shake_hands(library: str) -> None:
    program = """
        manager = manager_of(library)
        started = threading.Barrier(5)

        def work():
            connect(manager, manager)
            started.wait(30)
            while True:
                connect(manager, manager)

        for _ in range(4):
            threading.Thread(target=work, daemon=True).start()
        started.wait(30)
    """
    for _ in range(3):
        assert_silent(run_python(program, library))


def test_collected_cycles_free_everything(library: str) -> None:
    """The collector may clear a context's fields in any order before it frees it."""
    program = """
        import weakref
        from tlsmgm._core.context import Context
        from tlsmgm._backends import load

        for _ in range(20):
            holder = {}
            context = Context(
                load(library), is_server=True, domain=holder, scope=b"s",
                certificate=pki("dom1.pem"), private_key=pki("dom1.key"),
            )
            holder["context"] = context
            del holder, context
            gc.collect()
            manager = manager_of(library)
            client, server = connect(manager, manager)
            cycle = {"session": session_of(client), "client": client, "server": server}
            cycle["manager"] = manager
            cycle["cycle"] = cycle
            ended = weakref.ref(manager)
            del client, server, manager, cycle
            gc.collect()
            assert ended() is None
    """
    assert_silent(run_python(program, library))
