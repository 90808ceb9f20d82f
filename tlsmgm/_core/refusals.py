"""Why a peer's certificate was refused, for people: the same words whatever the library.

Names come out of certificates of strangers.  So there are few of them, each is cut off, and what
cannot be printed is escaped.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:  # which raises errors itself
    from tlsmgm._core.certificate import Certificate

__all__ = ["Peer", "explained"]

#: Of a list of names, those that are told, and the characters of each.
_NAMES: Final = 4
_LENGTH: Final = 100

#: Alternative names with which peers are compared.
_KINDS: Final = ("hostname", "ip", "uri")

#: How csrc/base/error.c begins.
_TOLD: Final = "the peer's certificate was refused: "


class Peer:
    """What is known of a peer that was refused.

    Args:
        is_client: whether it has come to us.
        chain: the certificates that it has sent, its own first.
        wanted: the name that it must have, or None.
        domain: the TLS domain, or whatever a context has in its place.
    """

    def __init__(
        self, *, is_client: bool, chain: Sequence[Certificate], wanted: str | None, domain: Any
    ) -> None:
        name = getattr(domain, "name", None)
        self.domain = f"domain {_shown(name)}" if isinstance(name, str) else "this context"
        self.wanted = wanted
        self.one_of: tuple[str, ...] = getattr(domain, "peer_identity", ())
        self.role = "client" if is_client else "server"
        self.path = _path(chain)
        self.its = _subject(self.path[0]) if self.path else "its certificate"
        self.now = datetime.datetime.now(datetime.UTC)

    @property
    def any_of(self) -> str:
        """Names all that may be meant where nobody says which certificate it is."""
        return f"{self.its}, or a CA above it,"


def explained(reason: str, peer: Peer, told: str) -> str:
    """Say why a peer was refused.

    Args:
        reason: the word for it.
        peer: what is known of the peer.
        told: what the library says, for where nobody else knows more than the reason.
    """
    say = _WORDS.get(reason)
    why = told.removeprefix(_TOLD) if say is None else say(peer)
    return f"the peer's certificate is refused: {reason}: {why}"


def _path(chain: Sequence[Certificate]) -> list[Certificate]:
    """Those certificates of a chain that lead upwards from the first, as far as they do."""
    path = list(chain[:1])
    left = list(chain[1:])
    while path and not path[-1].is_self_issued:
        above = next((one for one in left if one.subject == path[-1].issuer), None)
        if above is None:
            break
        left.remove(above)
        path.append(above)
    return path


def _expired(peer: Peer) -> str:
    for one in peer.path:
        if one.not_after is not None and one.not_after < peer.now:
            return f"{_subject(one)} ended at {_time(one.not_after)}, {_now(peer)}"
    return f"a CA above {peer.its} has ended, {_now(peer)}"


def _not_yet_valid(peer: Peer) -> str:
    for one in peer.path:
        if one.not_before is not None and one.not_before > peer.now:
            return f"{_subject(one)} begins at {_time(one.not_before)}, {_now(peer)}"
    return f"{peer.any_of} has not begun yet, {_now(peer)}"


def _unknown_ca(peer: Peer) -> str:
    if not peer.path:
        return f"no CA of {peer.domain} vouches for it"
    last = peer.path[-1]
    if last.is_self_issued:
        return f"{_subject(last)} is signed by itself, and is no CA of {peer.domain}"
    return (
        f"its chain leads to no CA of {peer.domain}: {_shown(last.issuer)} was looked for, "
        f"the issuer of {_subject(last)}"
    )


def _name_mismatch(peer: Peer) -> str:
    wanted = [] if peer.wanted is None else [f"{_shown(peer.wanted)} was expected"]
    if peer.one_of:
        which = "" if len(peer.one_of) == 1 else "one of "
        wanted.append(f"peer_identity of {peer.domain} asks for {which}{_listed(peer.one_of)}")
    names = [name for kind in _KINDS for name in _names(peer, kind)]
    has = f"it is for {_listed(names)}" if names else "it names no host, address or URI"
    return ", and ".join([*wanted, has])


def _names(peer: Peer, kind: str) -> tuple[str, ...]:
    return peer.path[0].alt_names(kind) if peer.path else ()


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMES
    text = ", ".join(map(_shown, names[:_NAMES]))
    return f"{text} and {more} more" if more > 0 else text


def _subject(certificate: Certificate) -> str:
    """Name a certificate; the subject may be empty (RFC 5280 section 4.1.2.6)."""
    return _shown(certificate.subject) if certificate.subject else "a certificate without a subject"


def _shown(text: str) -> str:
    return repr(text) if len(text) <= _LENGTH else repr(text[:_LENGTH]) + "..."


def _now(peer: Peer) -> str:
    return f"and it is {_time(peer.now)} now"


def _time(when: datetime.datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


_WORDS: Final[dict[str, Callable[[Peer], str]]] = {
    "missing": lambda peer: f"the {peer.role} has sent none, and {peer.domain} requires one",
    "expired": _expired,
    "not_yet_valid": _not_yet_valid,
    "revoked": lambda peer: f"{peer.any_of} has been revoked",
    "crl_missing": lambda peer: (
        f"{peer.domain} has no CRL that could say whether {peer.any_of} is revoked"
    ),
    "crl_expired": lambda peer: (
        f"the CRL that could say whether {peer.any_of} is revoked has expired, {_now(peer)}"
    ),
    "crl_invalid": lambda peer: (
        f"the CRL that could say whether {peer.any_of} is revoked is not good"
    ),
    "staple_missing": lambda peer: (
        f"the server has stapled no OCSP response, and {peer.domain} requires one"
    ),
    "staple_invalid": lambda peer: (
        f"the OCSP response that the server has stapled is not good for {peer.its}"
    ),
    "self_signed": _unknown_ca,
    "unknown_ca": _unknown_ca,
    "not_a_ca": lambda peer: f"an issuer above {peer.its} is no CA",
    "too_deep": lambda peer: (
        f"the chain of {peer.its} is longer than {peer.domain}, or a CA, allows"
    ),
    "purpose": lambda peer: f"{peer.any_of} is not for TLS {peer.role}s",
    "name_mismatch": _name_mismatch,
    "signature": lambda peer: f"the signature of {peer.any_of} is not that of its issuer",
    "weak_key": lambda peer: (
        f"a key or a signature in the chain of {peer.its} is too weak for {peer.domain}"
    ),
}
