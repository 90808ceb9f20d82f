"""The bearer token of the HTTP interface, kept in a file so that no list of processes shows it."""

from __future__ import annotations

import logging
import os
import re
import stat
from typing import Final

from tlsmgm.errors import ConfigError

__all__ = ["check_token", "read_token"]

logger = logging.getLogger("tlsmgm.mi")

#: RFC 6750 section 2.1.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")

_MAX_SIZE: Final = 4096


def check_token(token: str, *, origin: str | None = None) -> str:
    """See whether a token can be sent in a header.

    Args:
        token: is in no message.
        origin: where it was written.

    Returns:
        The token.

    Raises:
        ConfigError: it is empty, or has a character that a bearer token cannot have.
    """
    if not token:
        raise ConfigError("the token is empty", origin=origin)
    if len(token) > _MAX_SIZE or not _TOKEN.fullmatch(token):
        raise ConfigError(
            "is no bearer token",
            origin=origin,
            hint="letters, digits and . _ ~ + / - on one line; try: openssl rand -hex 32",
        )
    return token


def read_token(path: str) -> str:
    """Read a token from a file; warn if others can read it.

    Args:
        path: a file with the token on its only line.

    Returns:
        The token.

    Raises:
        ConfigError: the file cannot be read, or it has no token.
    """
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_MAX_SIZE + 2)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", origin=path) from None
    if stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH):
        logger.warning("%s: others can read or write this file; try: chmod 600", path)
    return check_token(data.decode("ascii", "replace").removesuffix("\n").rstrip("\r"), origin=path)
