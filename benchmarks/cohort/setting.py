"""What is pinned for everybody who is compared, and what was negotiated in the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

__all__ = ["HYBRID_GROUP", "Absent", "Facts", "Identity", "MismatchError", "Setting", "check_facts"]

#: The group that needs OpenSSL 3.5 or a wolfSSL with ML-KEM.
HYBRID_GROUP: Final = "X25519MLKEM768"


class Absent(Exception):  # noqa: N818  # it is no error: the entrant does not take part
    """An entrant cannot take part; the text says why and what to install."""


class MismatchError(RuntimeError):
    """Something else was negotiated than what is pinned, so nothing may be compared."""


@dataclass(frozen=True)
class Setting:
    """What every entrant has to do alike.

    Args:
        version: the only TLS version, ``TLSv1.2`` or ``TLSv1.3``.
        cipher: the only cipher suite, by its name in OpenSSL.
        group: the only key exchange group.
        tickets: whether the server gives session tickets: one, where the number can be set.
        mutual: whether the server demands a client certificate and verifies it.
        backlog: connections that may wait to be accepted, where it can be set.
    """

    version: str = "TLSv1.3"
    cipher: str = "TLS_AES_128_GCM_SHA256"
    group: str = "X25519"
    tickets: bool = True
    mutual: bool = False
    backlog: int = 1024

    def __post_init__(self) -> None:
        if self.version not in ("TLSv1.2", "TLSv1.3"):
            raise ValueError(f"the version must be TLSv1.2 or TLSv1.3, not {self.version!r}")

    @property
    def is_tls13(self) -> bool:
        """Whether the version is TLS 1.3."""
        return self.version == "TLSv1.3"

    @property
    def groups(self) -> str:
        """The groups to allow, best first, separated by colons.

        In TLS 1.2 the list is also that of the curves that certificates may have (RFC 8422
        section 5.1), so P-256 must be in it for the sake of ours. X25519 still wins.
        """
        return self.group if self.is_tls13 or self.group == "P-256" else f"{self.group}:P-256"


class Identity(Protocol):
    """Paths of PEM files."""

    @property
    def certificate(self) -> str:
        """The server's certificate, then its chain."""

    @property
    def key(self) -> str:
        """The key of the server's certificate."""

    @property
    def ca(self) -> str:
        """The CA of client certificates."""

    @property
    def client_certificate(self) -> str:
        """A client's certificate."""

    @property
    def client_key(self) -> str:
        """The key of the client's certificate."""


@dataclass(frozen=True)
class Facts:
    """What one end says was negotiated; None where it cannot say.

    Attributes:
        version: as in the setting.
        cipher: by its name in OpenSSL.
        group: key exchange group.
        reused: whether a session was resumed.
        has_peer: whether the other end showed a certificate; unknown on resumption with some.
    """

    version: str | None
    cipher: str | None
    group: str | None
    reused: bool | None
    has_peer: bool | None


#: Names that libraries have for the groups that are pinned here.
_GROUP_NAMES: Final = {"prime256v1": "p-256", "secp256r1": "p-256", "secp384r1": "p-384"}


def check_facts(facts: Facts, setting: Setting, who: str, *, reused: bool | None = None) -> None:
    """Refuse what is not as pinned; what the end could not say is let through.

    Args:
        facts: of one end. Of both, the client's say more.
        setting: what is pinned.
        who: for the message.
        reused: whether the session must have been resumed; None does not matter.

    Raises:
        MismatchError: something differs.
    """
    resumed_tls12 = bool(facts.reused) and not setting.is_tls13  # there is no key exchange in it
    pairs = {
        "version": (facts.version, setting.version),
        "cipher": (facts.cipher, setting.cipher),
        "group": (None if resumed_tls12 else _plain(facts.group), _plain(setting.group)),
        "resumed": (facts.reused, facts.reused if reused is None else reused),
    }
    for name, (found, wanted) in pairs.items():
        if found is not None and found != wanted:
            raise MismatchError(f"{who}: the {name} is {found}, but {wanted} is pinned")


def _plain(group: str | None) -> str | None:
    if group is None:
        return None
    lower = group.lower()
    return _GROUP_NAMES.get(lower, lower)
