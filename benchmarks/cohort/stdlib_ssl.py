"""Python's ssl module, over MemoryBIO, and others that have its shape."""

from __future__ import annotations

import contextlib
import importlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Final

import tlsmgm
from benchmarks.cohort.memory import READ_SIZE, Accept, Connect, Entrant
from benchmarks.cohort.setting import HYBRID_GROUP, Absent, Facts, Identity, Setting
from benchmarks.identity import SERVER_NAME
from tlsmgm import adapters

__all__ = ["STOCK", "AdapterSSL", "ReplacedSSL", "Shape", "StdlibSSL", "server_context"]

_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


class _End:
    """An ``SSLObject`` and its two buffers."""

    __slots__ = ("_incoming", "_outgoing", "_tls")

    def __init__(
        self,
        context: ssl.SSLContext,
        session: Any = None,
        is_server: bool = True,
        memory: Callable[[], ssl.MemoryBIO] = ssl.MemoryBIO,
    ) -> None:
        self._incoming = memory()
        self._outgoing = memory()
        offered = {} if session is None else {"session": session}
        self._tls = context.wrap_bio(
            self._incoming,
            self._outgoing,
            is_server,
            server_hostname=None if is_server else SERVER_NAME,
            **offered,
        )

    def step(self, wire: bytes) -> tuple[bool, bytes]:
        """Go on with the handshake."""
        self._incoming.write(wire)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False, self._outgoing.read()
        return True, self._outgoing.read()

    def seal(self, data: bytes) -> bytes:
        """Send data; the buffer has no bound, so one call takes everything."""
        self._tls.write(data)
        return self._outgoing.read()

    def open(self, wire: bytes) -> bytes:
        """Take data, a record at a time; ``pending`` saves the exception where none is left."""
        tls, incoming = self._tls, self._incoming
        incoming.write(wire)
        pieces = []
        try:
            while incoming.pending or tls.pending():
                pieces.append(tls.read(READ_SIZE))
        except ssl.SSLWantReadError:
            pass
        return b"".join(pieces)

    def facts(self) -> Facts:
        """Say what was negotiated."""
        cipher = self._tls.cipher()
        group = self._tls.group() if hasattr(self._tls, "group") else None  # Python 3.15
        return Facts(
            self._tls.version(),
            None if cipher is None else cipher[0],
            group,
            self._tls.session_reused,
            self._tls.getpeercert(binary_form=True) is not None,
        )

    def close(self) -> None:
        """Say goodbye: without it, OpenSSL makes the session unusable."""
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()

    def session(self) -> object | None:
        """The client's session."""
        session = self._tls.session
        return session if getattr(session, "has_ticket", session is not None) else None


class _GreedyEnd(_End):
    """One whose library takes all that has come at once, and does not say in ``pending()``."""

    __slots__ = ()

    def seal(self, data: bytes) -> bytes:
        """Send data, as much as one call takes at a time."""
        rest, pieces = memoryview(data), []
        while rest:
            rest = rest[self._tls.write(rest) :]
            pieces.append(self._outgoing.read())
        return b"".join(pieces)

    def open(self, wire: bytes) -> bytes:
        """Take data until an exception says that there is no more."""
        self._incoming.write(wire)
        pieces = []
        with contextlib.suppress(ssl.SSLWantReadError):
            while True:
                pieces.append(self._tls.read(READ_SIZE))
        return b"".join(pieces)


@dataclass(frozen=True)
class Shape:
    """Who makes contexts and buffers.

    Attributes:
        context: takes a protocol.
        memory: makes a buffer.
        end: made of both.
    """

    context: Callable[[int], ssl.SSLContext]
    memory: Callable[[], ssl.MemoryBIO]
    end: type[_End]


#: Python's own.
STOCK: Final = Shape(ssl.SSLContext, ssl.MemoryBIO, _End)


class StdlibSSL(Entrant):
    """Python's ssl.

    Args:
        by_name: whether ``sni_callback`` chooses a context by the server's name, which is what
            comes closest to a proxy with domains.
    """

    shape = STOCK

    def __init__(self, *, by_name: bool = False) -> None:
        self._by_name = by_name
        self.name = "ssl, sni_callback" if by_name else "ssl"
        self.library = ssl.OPENSSL_VERSION

    def server(self, identity: Identity, setting: Setting) -> Accept:
        """A context, or two of them."""
        context = server_context(identity, setting, self.shape)
        if self._by_name:
            by_name = {SERVER_NAME: server_context(identity, setting, self.shape)}

            def choose(tls: Any, name: str | None, _: ssl.SSLContext) -> None:
                tls.context = by_name[name or ""]

            context.sni_callback = choose
        end, memory = self.shape.end, self.shape.memory
        return lambda: end(context, memory=memory)

    def client(self, identity: Identity, setting: Setting) -> Connect:
        """A context that does not verify."""
        context = self.shape.context(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        _pin(context, setting)
        if setting.mutual:
            context.load_cert_chain(identity.client_certificate, identity.client_key)
        end, memory = self.shape.end, self.shape.memory
        return lambda session: end(context, session, is_server=False, memory=memory)


class AdapterSSL(StdlibSSL):
    """``tlsmgm.adapters.SSLContext``, which is Python's ``SSLObject`` over one of our libraries.

    Args:
        library: ``openssl`` or ``wolfssl``.
        own_memory: whether its buffers are ``adapters.MemoryBIO``, and not Python's.

    Raises:
        Absent: the library is not installed.
    """

    def __init__(self, library: str, *, own_memory: bool = False) -> None:
        super().__init__()
        found = tlsmgm.libraries().get(library)
        if found is None:
            raise Absent(f"tlsmgm: {library} is not installed")
        memory: Any = adapters.MemoryBIO if own_memory else ssl.MemoryBIO
        self.shape = Shape(
            lambda protocol: adapters.SSLContext(protocol, library=library), memory, _End
        )
        buffers = " + MemoryBIO" if own_memory else ""
        self.name = f"adapters.SSLContext{buffers}, {library}"
        self.library = f"{library} {found.version}"


class ReplacedSSL(StdlibSSL):
    """Another module that stands in for ``ssl``.

    Args:
        module: ``rtls`` (rustls) or ``utls`` (BoringSSL, for clients).

    Raises:
        Absent: it is not installed.
    """

    def __init__(self, module: str) -> None:
        super().__init__()
        try:
            found = importlib.import_module(module)
        except ImportError:
            raise Absent(f"{module}: pip install {module}") from None
        self.shape = Shape(found.SSLContext, found.MemoryBIO, _GreedyEnd)
        self.name = module
        self.resumes = module != "rtls"  # its tickets are not taken again
        self.library = f"{module} {metadata.version(module)}, {found.OPENSSL_VERSION}"

    def server(self, identity: Identity, setting: Setting) -> Accept:
        """A context, if the module has one for servers that does what is pinned."""
        if setting.mutual:
            raise Absent(f"{self.name}: its servers let clients in that show no certificate")
        try:
            accept = super().server(identity, setting)
            accept()
        except (ssl.SSLError, ValueError, NotImplementedError, TypeError) as error:
            raise Absent(f"{self.name}: {error}") from None
        return accept


def server_context(identity: Identity, setting: Setting, shape: Shape = STOCK) -> ssl.SSLContext:
    """Return a server's context with all that Python lets one pin.

    Groups and the suites of TLS 1.3 can be set only since Python 3.15: in memory the client pins
    them, over loopback also OpenSSL's own configuration file.

    Args:
        identity: certificate and key; the CA of clients for mutual TLS.
        setting: what is pinned.
        shape: who makes the context.

    Raises:
        Absent: the OpenSSL below has no such group.
    """
    context = shape.context(ssl.PROTOCOL_TLS_SERVER)
    _pin(context, setting)
    context.load_cert_chain(identity.certificate, identity.key)
    try:
        context.num_tickets = 1 if setting.tickets else 0
    except (AttributeError, ValueError):
        if setting.is_tls13 and not setting.tickets:
            raise Absent("it cannot turn off tickets of TLS 1.3") from None
    if not setting.tickets:
        context.options |= ssl.OP_NO_TICKET
    if setting.mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(identity.ca)
    return context


def _pin(context: ssl.SSLContext, setting: Setting) -> None:
    has_stock = type(context) is ssl.SSLContext
    if has_stock and setting.group == HYBRID_GROUP and ssl.OPENSSL_VERSION_INFO < (3, 5):
        raise Absent(f"ssl: {ssl.OPENSSL_VERSION} has no {HYBRID_GROUP}; OpenSSL 3.5 has")
    context.minimum_version = context.maximum_version = _VERSIONS[setting.version]
    if not setting.is_tls13:
        context.set_ciphers(setting.cipher)
    elif hasattr(context, "set_ciphersuites"):
        context.set_ciphersuites(setting.cipher)
    if hasattr(context, "set_groups"):
        context.set_groups(setting.groups)
