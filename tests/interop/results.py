"""What was observed: one cell for each peer, side, library, version and question."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["QUESTIONS", "SIDES", "TITLES", "Cell", "Presence"]

TITLES = {"openssl": "OpenSSL", "wolfssl": "wolfSSL"}

#: Which side the peer is.
SIDES = ("client", "server")

#: What is asked, by side, in the order of the tables. Each is explained in ``document.py``.
QUESTIONS = {
    "client": (
        "suite",
        "group",
        "1 MB each way",
        "end, ours first",
        "end, its first",
        "resumed",
        "distrusts us",
        "its words then",
        "no certificate",
        "its words without",
        "certificate",
    ),
    "server": (
        "suite",
        "group",
        "1 MB each way",
        "end",
        "resumed",
        "we distrust it",
        "no certificate",
        "certificate",
        "distrusts us",
    ),
}


@dataclass(frozen=True)
class Cell:
    """One observation.

    Attributes:
        peer: its name.
        side: which one the peer was.
        library: ours.
        version: of TLS.
        question: one of QUESTIONS.
        value: what was seen.
    """

    peer: str
    side: str
    library: str
    version: str
    question: str
    value: str


@dataclass(frozen=True)
class Presence:
    """Whether a peer is installed.

    Attributes:
        peer: its name.
        version: what it says; None: it is not installed.
    """

    peer: str
    version: str | None
