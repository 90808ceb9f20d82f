"""Files of a domain that nobody else should be able to read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from tlsmgm.domain import Domain

__all__ = ["open_secret_files"]

_SECRET_FIELDS = {
    "private_key": "private key",
    "private_key2": "private key",
    "ticket_key_file": "secret of session tickets",
}


def open_secret_files(domain: Domain) -> Iterator[tuple[str, str]]:
    """Find files with secrets to which group or others have access.

    Args:
        domain: any.

    Yields:
        The parameter, and a sentence; files that cannot be looked at are passed over.
    """
    for parameter, what in _SECRET_FIELDS.items():
        path = getattr(domain, parameter)
        if not isinstance(path, str):
            continue
        try:
            mode = os.stat(path).st_mode
        except OSError:
            continue  # Loading complains about this.
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield (
                parameter,
                f"{what} {path} is open to group or others (mode {stat.S_IMODE(mode):04o}); "
                "chmod 600 it",
            )
