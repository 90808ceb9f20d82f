"""Where the secrets of a domain's connections are logged, if anybody has asked for it."""

from __future__ import annotations

import os

from tlsmgm._domains.domain import Domain

__all__ = ["FROM_ENVIRONMENT", "keylog_path", "keylog_warning"]

#: As ``keylog_file``: the file that the environment names, as browsers and curl do it, if any.
FROM_ENVIRONMENT = "$SSLKEYLOGFILE"


def keylog_path(domain: Domain) -> str | None:
    """Return the file, or None.

    The environment alone decides nothing: a domain must ask for it.

    Args:
        domain: any.
    """
    if domain.keylog_file == FROM_ENVIRONMENT:
        return os.environ.get("SSLKEYLOGFILE") or None
    return domain.keylog_file


def keylog_warning(domain: Domain) -> str | None:
    """Return a sentence for the log if there is a file, else None.

    Args:
        domain: any.
    """
    path = keylog_path(domain)
    if path is None:
        return None
    return (
        f"{domain.kind} domain {domain.name!r}: the secrets of all its connections are written to "
        f"{path!r}; who can read that file can read the connections"
    )
