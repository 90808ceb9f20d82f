"""What a listener counts.

===================================== ======================================================
``connections_open``                  connections at this moment
``handshakes_open``                   those of them whose handshake is in progress
``connections_accepted_total``        by the listening sockets, refused ones included
``accept_errors_total``               attempts to take one that found no descriptor or memory
``connections_untrusted_total``       turned away: not from whom a PROXY header is taken
``connections_refused_total``         turned away by a limit, at once and without a word
``connections_ended_total``           that had been let in
``connections_ended_STATUS_total``    the same by status, ``-`` as ``_``
``handshakes_started_total``          with TLS clients that had been let in
``handshakes_completed_total``        and came to a good end
``handshakes_resumed_total``          of those that completed: sessions resumed
``handshakes_failed_total``           and came to none
``handshakes_failed_REASON_total``    the same by reason
``limit_NAME_total``                  how often a limit has struck, see :class:`~tlsmgm.Limit`
``bytes_from_clients_total``          application bytes, of connections that have ended
``bytes_to_clients_total``            the same in the other direction
``reads_without_record_total``        reads that brought no whole TLS record
``connections_handed_over_total``     to the program
``handovers_late_total``              which did not take them in time; they were reset
``questions_total``                   clients whom no domain answers, and for whom one is looked for
``questions_refused_total``           those for whom none was, because too many waited
``records_lost_total``                connections that have ended, and nobody was told in time
===================================== ======================================================

A handshake that was started has completed, failed, or is in progress.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from tlsmgm._core.worker import failure_words, status_words
from tlsmgm._serving.limits import Limit

__all__ = ["statistics"]

_PLAIN: Final = {
    "accepted": "connections_accepted_total",
    "accept_errors": "accept_errors_total",
    "untrusted": "connections_untrusted_total",
    "handshakes_started": "handshakes_started_total",
    "handshakes_completed": "handshakes_completed_total",
    "handshakes_resumed": "handshakes_resumed_total",
    "handed_over": "connections_handed_over_total",
    "asked": "questions_total",
    "bytes_in": "bytes_from_clients_total",
    "bytes_out": "bytes_to_clients_total",
    "flooded": "limit_records_without_data_total",
    "paused": "limit_buffered_bytes_total",
    "pieces": "reads_without_record_total",
}

#: Limits that are known by how they end a connection, and those that keep it out.
_BY_STATUS: Final = {
    Limit.HELLO_SIZE: "hello-too-large",
    Limit.FIRST_BYTE_TIMEOUT: "first-byte-timeout",
    Limit.HANDSHAKE_TIMEOUT: "handshake-timeout",
    Limit.IDLE_TIMEOUT: "idle-timeout",
    Limit.SEND_TIMEOUT: "send-timeout",
}
_REFUSALS: Final = (
    Limit.MAX_CONNECTIONS,
    Limit.MAX_HANDSHAKES,
    Limit.MAX_HANDSHAKES_PER_NETWORK,
)


def statistics(
    workers: Iterable[Mapping[str, int]], admission: Mapping[str, int]
) -> dict[str, int]:
    """Put together what workers and admission have counted.

    Args:
        workers: what each of them has seen.
        admission: who is in, and who was kept out.

    Returns:
        All numbers, by name.
    """
    seen: Counter[str] = Counter()
    for counts in workers:
        seen.update(counts)
    found = {
        "connections_open": admission["connections"],
        "handshakes_open": admission["handshakes"],
    }
    found.update({name: seen[key] for key, name in _PLAIN.items()})
    found["connections_refused_total"] = sum(admission[limit] for limit in _REFUSALS)
    found["connections_ended_total"] = sum(seen[f"ended_{word}"] for word in status_words())
    found["handshakes_failed_total"] = sum(seen[f"failed_{word}"] for word in failure_words())
    for word in status_words():
        name = f"connections_ended_{word.replace('-', '_')}_total"
        found[name] = seen[f"ended_{word}"]
    for word in failure_words():
        found[f"handshakes_failed_{word}_total"] = seen[f"failed_{word}"]
    found.update({f"limit_{limit}_total": admission[limit] for limit in _REFUSALS})
    for limit, word in _BY_STATUS.items():
        found[f"limit_{limit}_total"] = seen[f"ended_{word}"]
    return found
