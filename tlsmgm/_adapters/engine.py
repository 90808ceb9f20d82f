"""One connection where ``ssl.SSLSocket`` and ``ssl.SSLObject`` have their ``_ssl._SSLSocket``.

Those two keep their own semantics, and ask what is here.  This is the part that needs no I/O: what
was negotiated, the session, and who may change what when.
"""

from __future__ import annotations

import contextlib
import functools
import ssl
import weakref
from collections.abc import Callable
from typing import Any, Concatenate, Final, NoReturn, ParamSpec, TypeVar

from tlsmgm._adapters.certificates import PeerCertificate, verified_chain
from tlsmgm._adapters.errors import UnsupportedError, as_stock, refuse
from tlsmgm._adapters.maker import Maker
from tlsmgm._adapters.session import SSLSession
from tlsmgm._core.memory_end import End
from tlsmgm._native.connection import Connection
from tlsmgm._stdlib.peer_certificates import as_dict
from tlsmgm.errors import TLSError

__all__ = ["CHANNEL_BINDINGS", "Engine"]

#: Channel bindings that there are; ``tls-unique`` ends with TLS 1.2 (RFC 8446 appendix C.5).
CHANNEL_BINDINGS: Final = ("tls-unique", "tls-exporter", "tls-server-end-point")

#: Bytes that pending() looks at.
_AHEAD: Final = 1 << 16


_P = ParamSpec("_P")
_T = TypeVar("_T")


def _question(
    look: Callable[Concatenate[Engine, _P], _T],
) -> Callable[Concatenate[Engine, _P], _T]:
    """Have a question wait while another thread is in a step of the connection, not in a wait."""

    @functools.wraps(look)
    def ask(self: Engine, /, *args: _P.args, **options: _P.kwargs) -> _T:
        if not self._is_open:  # then it looks at no connection, or nobody else does
            return look(self, *args, **options)
        self._hold()
        try:
            return look(self, *args, **options)
        finally:
            self._let_go()

    return ask


class Engine(End):
    """What both kinds of ends have in common.

    Args:
        context: whose connection it is.
        is_server: which side.
        server_hostname: that a client asks for and compares, or None.
        owner: the object of ``ssl`` that shows the connection to the program, or None.
        session: to offer, or None.

    Raises:
        TypeError: the session is none of ours.
        ValueError: it belongs to another context, or this is a server.
    """

    __slots__ = ()

    _context: Maker
    _connection: Connection | None
    _session: SSLSession | None

    # --- the connection ------------------------------------------------------------------

    def _as_stock(self, error: TLSError) -> Exception:
        """What stands for an error of ours."""
        connection = self._connection
        chain = 0 if connection is None else len(connection.peer_chain)
        return as_stock(error, name=self.server_hostname, chain=chain)

    # --- who shows it --------------------------------------------------------------------

    @property
    def owner(self) -> object:
        """The object of ``ssl`` that shows the connection."""
        return None if self._owner is None else self._owner()

    @owner.setter
    def owner(self, value: object) -> None:
        self._owner = None if value is None else weakref.ref(value)

    @property
    def context(self) -> Maker:
        """Whose connection it is; ``sni_callback`` may set another one."""
        return self._context

    @context.setter
    def context(self, value: Maker) -> None:
        if not isinstance(value, Maker):
            raise TypeError("The value must be a SSLContext of tlsmgm.adapters")
        self._context = value

    # --- what was negotiated -------------------------------------------------------------

    @_question
    def version(self) -> str | None:
        """Return such as ``"TLSv1.3"``; None before the handshake is complete."""
        return self._connection.version if self._is_open and self._connection else None

    @_question
    def cipher(self) -> tuple[str, str, int] | None:
        """Return name, version and secret bits; None before the handshake is complete."""
        connection = self._connection
        if connection is None or not self._is_open:
            return None
        name, bits = connection.cipher, connection.cipher_bits
        if name is None or bits is None:
            return None
        # OpenSSL says with which version a suite came.
        return name, "TLSv1.3" if name.startswith("TLS_") else "TLSv1.2", bits

    def shared_ciphers(self) -> list[tuple[str, str, int]] | None:
        """Return the one that both ends use; our libraries do not tell which others they share."""
        found = self.cipher()
        return [found] if self.server_side and found is not None else None

    @_question
    def group(self) -> str | None:
        """Return the name of the key exchange's group."""
        return None if self._connection is None else self._connection.group

    def server_sigalg(self) -> str | None:
        """Return by which algorithm the server has signed, as far as the library tells."""
        return self._signature(of_server=True)

    def client_sigalg(self) -> str | None:
        """Return by which algorithm the client has signed, as far as the library tells."""
        return self._signature(of_server=False)

    @_question
    def _signature(self, *, of_server: bool) -> str | None:
        connection = self._connection
        if connection is None or not self._is_open:
            return None
        is_own = of_server == self.server_side
        return connection.own_signature if is_own else connection.peer_signature

    def compression(self) -> None:
        """Return None: nobody compresses."""

    @_question
    def selected_alpn_protocol(self) -> str | None:
        """Return the protocol agreed on by ALPN."""
        return None if self._connection is None else self._connection.alpn

    def selected_npn_protocol(self) -> None:
        """Return None: NPN is of the past."""

    # --- certificates --------------------------------------------------------------------

    @_question
    def getpeercert(self, binary_form: bool = False) -> dict[str, Any] | bytes | None:
        """Return the peer's certificate.

        Args:
            binary_form: as DER; if not, its fields, and none of a peer that was not verified.

        Raises:
            ValueError: the handshake is not complete.
        """
        if not self._is_open or self._connection is None:
            raise ValueError("handshake not done yet")
        certificate = self._connection.peer_certificate
        if certificate is None:
            return None
        if binary_form:
            return certificate.der
        return as_dict(certificate) if self._connection.peer_verified else {}

    @_question
    def get_unverified_chain(self) -> list[PeerCertificate] | None:
        """Return what the peer has sent, leaf first."""
        connection = self._connection
        if connection is None:
            return None
        return [PeerCertificate(one) for one in connection.peer_chain] or None

    @_question
    def get_verified_chain(self) -> list[PeerCertificate] | None:
        """Return the chain up to a trusted certificate; None: the peer is not verified."""
        connection = self._connection
        if connection is None or not connection.peer_verified:
            return None
        anchors = self._context._anchors()
        return [PeerCertificate(one) for one in verified_chain(connection.peer_chain, anchors)]

    def verify_client_post_handshake(self) -> None:
        """Refuse: our libraries ask for certificates in the handshake or not at all."""
        if not self.server_side:
            refuse("NOT_SERVER", "not server")
        if self.version() != "TLSv1.3":
            refuse("WRONG_SSL_VERSION", "wrong ssl version")
        raise UnsupportedError(
            "certificates after the handshake (RFC 8446 section 4.6.2) cannot be had",
            hint="ask in the handshake: verify_mode = CERT_OPTIONAL, or a name of its own by SNI",
        )

    @_question
    def get_channel_binding(self, cb_type: str = "tls-unique") -> bytes | None:
        """Return what ties a login to this connection.

        Args:
            cb_type: ``"tls-unique"``, which a peer can forge up to TLS 1.2 without the extended
                master secret; ``"tls-exporter"`` or ``"tls-server-end-point"``.

        Returns:
            The same bytes on both ends; None: there are none.

        Raises:
            ValueError: there is no such type.
        """
        if cb_type not in CHANNEL_BINDINGS:
            raise ValueError(f"{cb_type} channel binding type not implemented")
        if not self._is_open or self._connection is None:
            return None
        if cb_type == "tls-unique":
            # Whoever says so first: the client, or the server of a resumed session.
            is_own = self._connection.session_reused == self.server_side
            return self._connection._finished_message(of_peer=not is_own)
        binding: Any = cb_type
        try:
            return self._connection.channel_binding(binding)
        except TLSError:
            return None

    # --- session -------------------------------------------------------------------------

    @property
    @_question
    def session(self) -> SSLSession | None:
        """Client: what to offer next time; None while the server has given nothing."""
        if self.server_side:
            # Nobody offers it again, but programs look whether it is there.
            return None
        if not self._is_open or self._connection is None:
            return self._session
        native = self._connection.session
        if native is None:
            return None
        goes_on = self._connection.session_reused and self._connection.version != "TLSv1.3"
        return SSLSession(native, self._context, self._session if goes_on else None)

    @session.setter
    def session(self, value: object) -> None:
        if not isinstance(value, SSLSession):
            raise TypeError("Value is not a SSLSession.")
        if value.maker is not self._context:
            raise ValueError("Session refers to a different SSLContext.")
        if self.server_side:
            raise ValueError("Cannot set session for server-side SSLSocket.")
        if self._connection is not None:
            raise ValueError("Cannot set session after handshake.")
        self._session = value

    @property
    @_question
    def session_reused(self) -> bool:
        """Whether a session was resumed."""
        return self._connection is not None and self._connection.session_reused

    # --- data that is there already ------------------------------------------------------

    def pending(self) -> int:
        """Return how many bytes of data are there already."""
        if self._maybe_more and not self._ahead and self._connection is not None:
            with contextlib.suppress(TLSError):  # the connection says it again when it is read
                self._ahead = self._connection.read(_AHEAD) or b""
            self._maybe_more = len(self._ahead) == _AHEAD
        return len(self._ahead)

    def _from_ahead(self, size: int) -> bytes:
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return data

    def _at_end(self) -> bytes:
        """The peer has said goodbye; who has done so, too, reads no more."""
        if self._shut:
            raise ssl.SSLZeroReturnError(
                ssl.SSLErrorNumber.SSL_ERROR_ZERO_RETURN, "TLS/SSL connection has been closed (EOF)"
            )
        return b""

    # --- the end -------------------------------------------------------------------------

    def _say_goodbye(self) -> bool:
        """Send close_notify once; True when the peer's has come, too."""
        connection = self._connection
        if connection is None or not self._is_open:
            refuse("SHUTDOWN_WHILE_IN_INIT", "shutdown while in init")
        self._shut = True
        try:
            return connection.shutdown()
        except TLSError as error:
            raise self._as_stock(error) from None

    def _refuse_data(self) -> NoReturn:
        refuse("APPLICATION_DATA_AFTER_CLOSE_NOTIFY", "application data after close notify")

    def _refuse_write(self) -> NoReturn:
        refuse("PROTOCOL_IS_SHUTDOWN", "protocol is shutdown")
