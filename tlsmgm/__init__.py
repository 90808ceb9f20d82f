"""TLS domain management for Python proxies, over OpenSSL and wolfSSL.

Start with :class:`TLSManager`: give it domains, ask it for connections, carry their bytes.
"""

from tlsmgm._core.backend import Backend
from tlsmgm._core.certificate import Certificate
from tlsmgm._core.context import Context
from tlsmgm._core.session import Session
from tlsmgm._watcher import DatabaseWatcher
from tlsmgm.backends import BackendInfo, backends
from tlsmgm.config.model import Configuration, DomainTable, Socket
from tlsmgm.connection import Connection, PeerVerdict
from tlsmgm.domain import Domain, Origin
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
)
from tlsmgm.manager import TLSManager
from tlsmgm.methods import Method, TLSVersion
from tlsmgm.pool import ConnectionPool, PoolStatistics
from tlsmgm.provisioning.settings import DatabaseSettings
from tlsmgm.report import ReloadEvent, ReloadReport
from tlsmgm.variables import Variables

__version__ = "0.1.0.dev0"

__all__ = [
    "AlertError",
    "Backend",
    "BackendInfo",
    "Certificate",
    "ConfigError",
    "Configuration",
    "Connection",
    "ConnectionPool",
    "Context",
    "DatabaseError",
    "DatabaseSettings",
    "DatabaseWatcher",
    "Domain",
    "DomainTable",
    "HandshakeError",
    "HelloTooLargeError",
    "InternalError",
    "Method",
    "NoDomainError",
    "NoMemoryError",
    "Origin",
    "PeerVerdict",
    "PoolStatistics",
    "ProtocolError",
    "ReloadEvent",
    "ReloadReport",
    "Session",
    "Socket",
    "TLSError",
    "TLSManager",
    "TLSVersion",
    "TruncatedError",
    "UnsupportedError",
    "Variables",
    "VerificationError",
    "__version__",
    "backends",
    "get_include",
]
