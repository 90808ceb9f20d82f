"""What does TLS where Python's own ``ssl`` is expected.

:class:`SSLContext` passes as ``ssl.SSLContext`` and runs on OpenSSL or wolfSSL of tlsmgm; it is
filled by the usual calls.  :func:`ssl_context` makes one of a manager's domains::

    context = tlsmgm.adapters.ssl_context(manager)
    server = await asyncio.start_server(handle, port=443, ssl=context)

``docs/adapters.md`` says what is different from Python's own.
"""

from __future__ import annotations

from tlsmgm._adapters.context import SSLContext
from tlsmgm._adapters.errors import (
    AlertError,
    ConfigError,
    HandshakeError,
    HelloTooLargeError,
    InternalError,
    NoDomainError,
    ProtocolError,
    SSLCertVerificationError,
    SSLEOFError,
    UnsupportedError,
)
from tlsmgm._adapters.managed import ssl_context
from tlsmgm._adapters.session import SSLSession
from tlsmgm._core.memory_bio import MemoryBIO

__all__ = [
    "AlertError",
    "ConfigError",
    "HandshakeError",
    "HelloTooLargeError",
    "InternalError",
    "MemoryBIO",
    "NoDomainError",
    "ProtocolError",
    "SSLCertVerificationError",
    "SSLContext",
    "SSLEOFError",
    "SSLSession",
    "UnsupportedError",
    "ssl_context",
]
