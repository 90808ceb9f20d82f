"""Files of a domain that nobody else should be able to read."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping

from tlsmgm.domain import Domain

__all__ = ["open_secret_files", "secret_paths"]

_SECRET_FIELDS = {
    "private_key": "private key",
    "private_key2": "private key",
    "ticket_key_file": "secret of session tickets",
}


def secret_paths(domain: Domain) -> Iterator[str]:
    """Return the files of a domain that have secrets.

    Args:
        domain: any.

    Yields:
        Their paths.
    """
    for parameter in _SECRET_FIELDS:
        path = getattr(domain, parameter)
        if isinstance(path, str):
            yield path


def open_secret_files(domain: Domain, modes: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Find files with secrets to which group or others have access.

    Args:
        domain: any.
        modes: of the files; those that could not be looked at are passed over.

    Yields:
        The parameter, and a sentence.
    """
    for parameter, what in _SECRET_FIELDS.items():
        path = getattr(domain, parameter)
        mode = modes.get(path, 0) if isinstance(path, str) else 0
        if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield parameter, open_file(what, path, mode)


def open_file(what: str, path: str, mode: int) -> str:
    """Say that others have access to a file.

    Args:
        what: is in it.
        path: of the file.
        mode: of the file.
    """
    return f"{what} {path} is open to group or others (mode {stat.S_IMODE(mode):04o}); chmod 600 it"
