"""TLS domain management for Python proxies, over OpenSSL and wolfSSL.

Start with :class:`TLSManager`: give it domains, ask it for connections, carry their bytes.
"""

from tlsmgm._backends import BackendInfo, libraries
from tlsmgm._core.certificate import Certificate
from tlsmgm._core.session import Session
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.report import ReloadReport
from tlsmgm._manager import TLSManager
from tlsmgm._native.connection import Connection
from tlsmgm._pooling.pool import ConnectionPool
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

__version__ = "0.1.0.dev0"

__all__ = [
    "AlertError",
    "BackendInfo",
    "Certificate",
    "ConfigError",
    "Connection",
    "ConnectionPool",
    "DatabaseError",
    "Domain",
    "HandshakeError",
    "HelloTooLargeError",
    "InternalError",
    "NoDomainError",
    "NoMemoryError",
    "ProtocolError",
    "ReloadReport",
    "Session",
    "TLSError",
    "TLSManager",
    "TruncatedError",
    "UnsupportedError",
    "VerificationError",
    "__version__",
    "get_include",
    "libraries",
]
