"""Connections as programs see them: the native core, plus names that Python gives to things."""

from __future__ import annotations

from tlsmgm._core.connection import Connection as CoreConnection
from tlsmgm._domains import variables
from tlsmgm._domains.domain import Domain
from tlsmgm._native import channel_binding

__all__ = ["Connection", "PeerVerdict"]


class PeerVerdict(int):
    """What ``is_peer_verified()`` of a script returns: 1, or -1, which is false all the same."""

    __slots__ = ()

    def __bool__(self) -> bool:
        """Whether the peer is verified."""
        return self > 0


class Connection(CoreConnection):
    """One TLS connection without I/O, inside a TLS domain.

    See the methods of the native class: ``feed``, ``drain``, ``handshake``, ``read``, ``write``,
    ``shutdown``.
    """

    __slots__ = ()

    @property
    def domain(self) -> Domain | None:
        """The TLS domain; None on a server until the ClientHello has chosen it."""
        return None if self.context is None else self.context.domain

    @property
    def variables(self) -> variables.Variables:
        """Every ``$tls_*`` variable by name, without the dollar sign (manual 1.10)."""
        return variables.Variables(self)

    def expand(self, text: str) -> str:
        """Put ``$tls_*`` variables into a text, as an OpenSIPS script does in its logs.

        Args:
            text: such as ``"cn=$tls_peer_subject_cn"``; ``$$`` is a dollar sign.

        Returns:
            The text; an absent value becomes ``<null>``.

        Raises:
            ConfigError: there is no such variable.
        """
        return variables.expand(text, self.variables)

    def channel_binding(self, kind: channel_binding.BindingType = "tls-exporter") -> bytes:
        """What ties a login to this connection, so that nobody can relay it to another one.

        Args:
            kind: ``"tls-exporter"`` (RFC 9266) or ``"tls-server-end-point"`` (RFC 5929 section 4).

        Returns:
            The same bytes on both ends, on no other connection (``tls-exporter``) or with no
            other server (``tls-server-end-point``).

        Raises:
            ValueError: there is no such kind, or the handshake is not complete.
            UnsupportedError: the connection has no such binding.
        """
        return channel_binding.channel_binding(self, kind)

    def is_peer_verified(self) -> PeerVerdict:
        """1 when the peer showed a certificate that verified, else -1 (manual 1.7.1).

        This is the number that scripts know; -1 is false here.  Programs ask ``peer_verified``.
        """
        return PeerVerdict(1 if self.peer_verified else -1)
