"""What is counted: one handshake of each kind, data each way, and a certificate's fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from benchmarks.identity import SERVER_NAME, Identity, KeyType
from benchmarks.workloads.kinds import KINDS, Kind, native_words

__all__ = ["SIDES", "SUBJECTS", "Side", "Subject"]

Side = Literal["server", "client"]
SIDES: Final[tuple[Side, ...]] = ("server", "client")

#: Random numbers decide how often ML-KEM and ECDSA try again. The mean of so many handshakes stays
#: within 0.2% from run to run, see README.md.
_HANDSHAKES: Final = 4
_HYBRID_HANDSHAKES: Final = 12

Word = str | int | bool


@dataclass(frozen=True)
class Subject:
    """Something to count.

    Attributes:
        name: short.
        title: for people.
        words: of the program, but for paths; see ``native/memory/main.c``.
        operations: how many are done; counts are given for one.
        key_type: of the certificates.
        sides: the ends that have something to do.
    """

    name: str
    title: str
    words: dict[str, Word]
    operations: int
    key_type: KeyType = "ecdsa"
    sides: tuple[Side, ...] = field(default=SIDES)

    def words_for(self, side: Side, identity: Identity) -> dict[str, Word]:
        """Return the whole command.

        Args:
            side: whose instructions to count.
            identity: certificates, of the key type.
        """
        words: dict[str, Word] = {
            **self.words,
            "side": side,
            "server_name": SERVER_NAME,
            "certificate": identity.certificate,
            "key": identity.key,
            "ca": identity.ca,
        }
        if self.words.get("mutual"):
            words |= {
                "client_certificate": identity.client_certificate,
                "client_key": identity.client_key,
            }
        return words


def _handshake(kind: Kind) -> Subject:
    times = _HYBRID_HANDSHAKES if "MLKEM" in kind.setting.group else _HANDSHAKES
    words: dict[str, Word] = {
        **native_words(kind.setting, resumed=kind.resumed),
        **{"op": "handshake", "count": times, "warmup": 1},
    }
    return Subject(kind.name, kind.title, words, times, kind.key_type)


def _data(name: str, title: str, operations: int, **words: Word) -> Subject:
    # Each of these operations has a first round of its own, which is not counted.
    return Subject(name, title, {**words, "warmup": 0}, operations)


SUBJECTS: Final = (
    *(_handshake(kind) for kind in KINDS),
    _data("bulk-down", "1 MB to the client", 1, op="bulk", count=1, direction="down"),
    _data("bulk-up", "1 MB to the server", 1, op="bulk", count=1, direction="up"),
    _data("message", "1 KB there and back", 8, op="message", count=2, connections=4, bytes=1024),
    Subject(
        *("fields", "all fields of a certificate"),
        {"op": "fields", "count": 20, "warmup": 0},
        operations=20,
        sides=("client",),
    ),
)
