"""What does TLS where Python's own ``ssl`` is expected.

:class:`SSLContext` passes as ``ssl.SSLContext`` and runs on OpenSSL or wolfSSL of tlsmgm; it is
filled by the usual calls.
"""

from __future__ import annotations

from tlsmgm._adapters.context import SSLContext

__all__ = ["SSLContext"]
