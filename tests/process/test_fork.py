"""Prefork servers: a manager made before fork() serves in every child."""

from __future__ import annotations

import json
import os
import textwrap

import pytest

from tests.support.process import assert_silent, run_python

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

FORK = """
import json

def fork_all(work, count=3):
    '''Run work() in children; return what each returned, in order.'''
    found = []
    ends = [os.pipe() for _ in range(count)]
    children = []
    for reader, writer in ends:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                data = json.dumps(work()).encode()
                assert len(data) < 60000
                os.write(writer, data)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    for child, (reader, writer) in zip(children, ends):
        os.close(writer)
        with open(reader, "rb") as file:
            found.append(file.read())
        assert os.waitpid(child, 0)[1] == 0
    return [json.loads(data) for data in found]

def method(version):
    return version.replace(".", "_")
"""

RANDOMS = """
version = sys.argv[2]
manager = manager_of(
    library, server_domain(method=method(version)), client_domain(method=method(version))
)
if sys.argv[3] == "warm":
    connect(manager, manager)

def work():
    client = manager.client_connection("client", server_name="dom1.test")
    server = manager.server_connection(LOCAL)
    client.handshake()
    hello = client.drain()
    server.feed(hello)
    server.handshake()
    answer = server.drain()
    assert (hello[5], answer[5]) == (1, 2)
    client.feed(answer)
    shake_hands(client, server)
    assert_echo(client, server)
    again, other = connect(manager, manager, session=session_of(client))
    assert other.session_reused
    return {"client": hello[11:43].hex(), "server": answer[11:43].hex()}

print(json.dumps(fork_all(work) + [work()]))
"""


@pytest.mark.parametrize("state", ["cold", "warm"])
def test_children_have_randoms_of_their_own(library: str, version: str, state: str) -> None:
    done = run_python(FORK + RANDOMS, library, version, state)
    assert_silent(done)
    rows = json.loads(done.stdout)
    assert len(rows) == 4
    for side in ("client", "server"):
        assert len({row[side] for row in rows}) == 4
        # Not the same pool with a few bytes mixed in: 8 byte pieces differ, too.
        pieces = [row[side][at : at + 16] for row in rows for at in range(0, 48, 16)]
        assert len(set(pieces)) == len(pieces)


#: A ticket is the name of its key, an IV of as many bytes, and what is sealed (RFC 5077 section 4).
TICKETS = """
from tlsmgm._material.ticket_schedule import OwnSchedule

version = sys.argv[2]
names = set()
turn = OwnSchedule.turn

def remember(self):
    keys, wait = turn(self)
    names.update(key[:16] for key in keys)
    return keys, wait

OwnSchedule.turn = remember
manager = manager_of(
    library, server_domain(method=method(version)), client_domain(method=method(version))
)
sizes = {}

def work():
    sessions, ivs = [], []
    for _ in range(3):
        client = manager.client_connection("client", server_name="dom1.test")
        server = manager.server_connection(LOCAL)
        shake_hands(client, server)
        session = session_of(client).export()
        ivs.extend(session[at + 16:at + 32].hex() for at in map(session.find, names) if at >= 0)
        sessions.append(session.hex())
    return sessions, ivs

found = fork_all(work)
# A session of one child resumes in the parent and in any other child: the key ring is shared.
session = tlsmgm.Session.load(tlsmgm.backends_load(library), bytes.fromhex(found[0][0][0]))
def resume():
    client, server = connect(manager, manager, session=session)
    return server.session_reused
print(json.dumps({"ivs": [ivs for _, ivs in found], "resumed": fork_all(resume) + [resume()]}))
"""


def test_children_share_ticket_keys_and_no_nonces(library: str, version: str) -> None:
    """Two tickets under one key with one nonce would give both away."""
    program = (FORK + TICKETS).replace("tlsmgm.backends_load", "load")
    done = run_python("from tlsmgm._backends import load\n" + program, library, version)
    assert_silent(done)
    found = json.loads(done.stdout)
    assert found["resumed"] == [True] * 4
    assert [len(ivs) for ivs in found["ivs"]] == [3] * 3
    assert len({iv for ivs in found["ivs"] for iv in ivs}) == 9


def test_a_connection_begun_before_fork_goes_on_in_one_child(library: str, version: str) -> None:
    program = """
        manager = manager_of(library)
        pair = connect(manager, manager)

        def work():
            assert_echo(*pair)
            return True

        assert fork_all(work, 1) == [True]
        assert_echo(*connect(manager, manager))
    """
    assert_silent(run_python(FORK + textwrap.dedent(program), library))


def test_children_of_children(library: str) -> None:
    program = (
        FORK
        + """
manager = manager_of(library)

def grandchild():
    client = manager.client_connection("client", server_name="dom1.test")
    client.handshake()
    return client.drain()[11:43].hex()

print(json.dumps(sum(fork_all(lambda: fork_all(grandchild, 2) + [grandchild()], 2), [])))
"""
    )
    done = run_python(program, library)
    assert_silent(done)
    assert len(set(json.loads(done.stdout))) == 6
