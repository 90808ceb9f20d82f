"""CPU time of the server's side of a full TLS 1.3 handshake.

All entrants are called by the same client, which pins the cipher suite and the key exchange group
and offers no session, so each of them does the same cryptography. Only what the server does is
timed, by the clock of this thread's CPU time.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import tlsmgm
from benchmarks.cohort import Entrant
from benchmarks.identity import SERVER_NAME

__all__ = ["CIPHER", "GROUP", "Result", "make_client", "measure"]

CIPHER = "TLS_AES_128_GCM_SHA256"
GROUP = "X25519"


@dataclass
class Result:
    """Times of one entrant.

    Attributes:
        entrant: whose.
        rounds: microseconds per handshake, one value for each round.
    """

    entrant: Entrant
    rounds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Median of the rounds, in microseconds."""
        return statistics.median(self.rounds)

    @property
    def spread(self) -> float:
        """Half of the distance between the quartiles, as a part of the median."""
        if len(self.rounds) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.rounds, n=4)
        return (high - low) / 2 / self.median


def make_client() -> tlsmgm.TLSManager:
    """Return a manager whose client domain ``client`` pins what is to be negotiated."""
    manager = tlsmgm.TLSManager()
    manager.add_domain(
        tlsmgm.Domain(
            "client",
            "client",
            method="TLSv1_3",
            cipher_list=CIPHER,
            ec_curve=GROUP,
            verify_cert=False,
        )
    )
    return manager


def measure(entrants: Sequence[Entrant], rounds: int, handshakes: int) -> list[Result]:
    """Let the entrants take turns.

    Args:
        entrants: the servers.
        rounds: turns of each; the first of a round changes.
        handshakes: how many each does in a turn.

    Returns:
        Results in the order of the entrants.

    Raises:
        RuntimeError: something else than the pinned values was negotiated.
    """
    client = make_client()
    results = [Result(entrant) for entrant in entrants]
    for entrant in entrants:  # warm-up
        _turn(entrant, client, max(1, handshakes // 10))
    for number in range(rounds):
        shift = number % len(results)
        for result in results[shift:] + results[:shift]:
            result.rounds.append(_turn(result.entrant, client, handshakes))
    return results


def _turn(entrant: Entrant, client: tlsmgm.TLSManager, handshakes: int) -> float:
    """Microseconds per handshake."""
    gc.collect()
    gc.disable()
    try:
        return sum(_handshake(entrant, client) for _ in range(handshakes)) / handshakes / 1000
    finally:
        gc.enable()


def _handshake(entrant: Entrant, client: tlsmgm.TLSManager) -> int:
    """Nanoseconds of CPU time that the server took."""
    connection = client.client_connection("client", server_name=SERVER_NAME)
    connection.handshake()
    data = connection.drain()

    begin = time.thread_time_ns()
    server = entrant.accept()
    complete, answer = server.step(data)
    spent = time.thread_time_ns() - begin

    while not complete:
        connection.feed(answer)
        connection.handshake()
        data = connection.drain()
        begin = time.thread_time_ns()
        complete, answer = server.step(data)
        spent += time.thread_time_ns() - begin

    found = (connection.version, connection.cipher, (connection.group or "").upper())
    if found != ("TLSv1.3", CIPHER, GROUP) or connection.session_reused:
        raise RuntimeError(f"{entrant.name} negotiated {found}")
    return spent
