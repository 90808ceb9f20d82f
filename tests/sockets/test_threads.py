"""Several threads at one socket."""

from __future__ import annotations

import hashlib
import os
import random
import select
import threading
from functools import partial

import pytest

from tests.sockets.talk import Pair, Running, facing_client, read_all
from tests.support.threads import many_switches, run_together
from tlsmgm import TLSManager, TLSSocket

SIZE = 20_000_000
PIECE = os.urandom(100_000)


def send_much(sock: TLSSocket) -> str:
    """Send many pieces of all sizes; return their digest."""
    chance, digest, left = random.Random(1), hashlib.sha256(), SIZE
    while left:
        piece = PIECE[: min(left, chance.choice((1, 100, 16384, 65537, len(PIECE))))]
        sock.sendall(piece)
        digest.update(piece)
        left -= len(piece)
    return digest.hexdigest()


def receive_much(sock: TLSSocket) -> str:
    """Receive as much; return its digest."""
    digest, left, buffer = hashlib.sha256(), SIZE, bytearray(30_000)
    while left:
        count = sock.recv_into(buffer, min(left, len(buffer)))
        assert count
        digest.update(memoryview(buffer)[:count])
        left -= count
    return digest.hexdigest()


def test_both_ways_at_the_same_time(pair: Pair) -> None:
    """Each end has a thread that sends and one that receives, and both sockets get full."""
    sending = [Running(partial(send_much, sock)) for sock in (pair.client, pair.server)]
    receiving = [Running(partial(receive_much, sock)) for sock in (pair.server, pair.client)]
    assert [item.result() for item in sending] == [item.result() for item in receiving]


def test_a_sender_that_waits_keeps_nobody_from_reading(pair: Pair) -> None:
    sending = Running(lambda: pair.client.sendall(bytes(SIZE)))
    while select.select([], [pair.client], [], 0)[1]:
        pass  # until it is stuck
    for _ in range(10):
        pair.server.sendall(b"question")
        assert read_all(pair.client, 8) == b"question"
    assert read_all(pair.server, SIZE) == bytes(SIZE)
    sending.result()


def test_what_is_sent_in_one_call_stays_together(pair: Pair) -> None:
    def send(mark: int) -> None:
        for _ in range(20):
            pair.client.sendall(bytes([mark]) * 200_000)

    with many_switches():
        senders = [Running(partial(send, mark)) for mark in range(4)]
        for _ in range(4 * 20):
            message = read_all(pair.server, 200_000)
            assert len(set(message)) == 1
        for sender in senders:
            sender.result()


def test_many_read_one_socket(pair: Pair) -> None:
    """Each byte arrives once."""
    lock, counts = threading.Lock(), [0] * 256

    def read() -> None:
        while data := pair.server.recv(1000):
            with lock:
                for byte in data:
                    counts[byte] += 1

    with many_switches():
        readers = [Running(read) for _ in range(3)]
        for _ in range(200):
            pair.client.sendall(bytes(range(256)))
        pair.client.close()
        for reader in readers:
            reader.result()
    assert counts == [200] * 256


@pytest.mark.parametrize("timeout", [None, 60])
def test_close_wakes_who_waits(pair: Pair, timeout: float | None) -> None:
    pair.client.settimeout(timeout)
    reading = Running(lambda: pair.client.recv(1))
    sending = Running(lambda: pair.client.sendall(bytes(SIZE)))
    while select.select([], [pair.client], [], 0)[1]:
        pass
    pair.client.close()
    for waiting in (reading, sending):
        assert isinstance(waiting.error(), OSError)
    assert pair.client.fileno() == -1


def test_close_with_a_reader_is_clean(pair: Pair) -> None:
    reading = Running(lambda: pair.client.recv(1))
    pair.client.sendall(b"bye")
    pair.client.close()
    assert pair.server.recv(10) == b"bye"
    assert pair.server.recv(10) == b""
    pair.server.close()
    assert reading.error() is None or isinstance(reading.error(), OSError)


def test_one_looks_while_another_reads(manager: TLSManager, version: str) -> None:
    with facing_client(manager, version) as (ours, peer):
        looking = threading.Event()

        def look() -> int:
            times = 0
            while not looking.is_set():
                with ours.hold() as connection:
                    assert connection.version == version
                    assert "established" in repr(ours)
                times += 1
            return times

        with many_switches():
            other = Running(look)
            sending = Running(lambda: peer.sendall(bytes(3_000_000)))
            assert read_all(ours, 3_000_000) == bytes(3_000_000)
            looking.set()
            assert other.result()
            sending.result()


def test_the_timeout_changes_while_others_wait(pair: Pair) -> None:
    """Without an interpreter lock, too, each wait has one of the timeouts that were set."""

    def set_some(chance: random.Random) -> None:
        for _ in range(100):
            pair.client.settimeout(1e-9 + chance.random() * 1e-5)

    def wait(_: random.Random) -> None:
        with pytest.raises(TimeoutError):
            pair.client.recv(1)

    def fill(_: random.Random) -> None:
        """Other objects come where a timeout was that has gone."""
        assert len([str(number) for number in range(100)]) == 100

    pair.client.settimeout(1e-6)
    with many_switches():
        run_together([set_some, wait, wait, set_some, fill], turns=500)
