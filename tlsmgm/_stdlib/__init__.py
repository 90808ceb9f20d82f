"""From a domain to a context of Python's own ``ssl``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

    from tlsmgm._domains.domain import Domain

__all__ = ["ssl_context"]


def ssl_context(domain: Domain) -> ssl.SSLContext:
    """Make a context; see :meth:`tlsmgm.Domain.ssl_context`."""
    # Most programs never ask, and need not load Python's OpenSSL.
    from tlsmgm._stdlib import context

    return context.ssl_context(domain)
