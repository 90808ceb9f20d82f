"""TLS domain management for Python proxies, over OpenSSL and wolfSSL.

Start with :class:`TLSManager`: give it domains, ask it for connections, carry their bytes.
"""

import typing as _typing

from tlsmgm._backends import BackendInfo, libraries
from tlsmgm._config.database_settings import DatabaseSettings
from tlsmgm._config.model import Configuration, DomainTable, Socket
from tlsmgm._config.reader import read_configuration
from tlsmgm._core.backend import Backend
from tlsmgm._core.certificate import Certificate
from tlsmgm._core.context import Context
from tlsmgm._core.session import Session
from tlsmgm._domains import domain as _domain
from tlsmgm._domains.domain import Domain, Origin
from tlsmgm._domains.methods import Method, TLSVersion
from tlsmgm._domains.report import ReloadEvent, ReloadReport
from tlsmgm._domains.variables import Variables
from tlsmgm._engine.accepted import AcceptedConnection
from tlsmgm._engine.ended import Ended
from tlsmgm._engine.listener import Listener
from tlsmgm._engine.on_demand import ClientHello, OnDemand
from tlsmgm._engine.upstreams import Upstream
from tlsmgm._manager import TLSManager
from tlsmgm._native.connection import Connection, PeerVerdict
from tlsmgm._pooling.pool import ConnectionPool, PoolStatistics
from tlsmgm._provisioning.watcher import DatabaseWatcher
from tlsmgm._serving.admission import Admission, Place
from tlsmgm._serving.counters import Counters
from tlsmgm._serving.limits import Limit, Limits
from tlsmgm._sockets.tls_socket import TLSSocket
from tlsmgm._stdlib import ssl_context as _ssl_context
from tlsmgm.embedding import get_include
from tlsmgm.errors import (
    AlertError,
    ConfigError,
    DatabaseError,
    HandshakeError,
    HelloTooLargeError,
    InternalError,
    NoDomainError,
    NoMemoryError,
    ProtocolError,
    TLSError,
    TruncatedError,
    UnsupportedError,
    VerificationError,
    WantReadError,
    WantWriteError,
)

__version__ = "0.1.0.dev0"

__all__ = [
    "AcceptedConnection",
    "Admission",
    "AlertError",
    "Backend",
    "BackendInfo",
    "Certificate",
    "ClientHello",
    "ConfigError",
    "Configuration",
    "Connection",
    "ConnectionPool",
    "Context",
    "Counters",
    "DatabaseError",
    "DatabaseSettings",
    "DatabaseWatcher",
    "Domain",
    "DomainTable",
    "Ended",
    "HandshakeError",
    "HelloTooLargeError",
    "InternalError",
    "Limit",
    "Limits",
    "Listener",
    "Method",
    "NoDomainError",
    "NoMemoryError",
    "OnDemand",
    "Origin",
    "PeerVerdict",
    "Place",
    "PoolStatistics",
    "ProtocolError",
    "ReloadEvent",
    "ReloadReport",
    "Session",
    "Socket",
    "TLSError",
    "TLSManager",
    "TLSSocket",
    "TLSVersion",
    "TruncatedError",
    "UnsupportedError",
    "Upstream",
    "Variables",
    "VerificationError",
    "WantReadError",
    "WantWriteError",
    "__version__",
    "get_include",
    "libraries",
    "read_configuration",
]

_domain.ssl_context_maker = _ssl_context

if not _typing.TYPE_CHECKING:  # type checkers shall know of nothing that is not there

    def __getattr__(name: str) -> object:
        """Say where a name went that was documented once."""
        if name == "backends":
            raise AttributeError("tlsmgm.backends() has become tlsmgm.libraries()")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
