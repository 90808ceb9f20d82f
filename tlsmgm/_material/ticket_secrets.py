"""Secrets from which the keys of session tickets follow, so that a whole fleet has the same.

A file of secrets is text with one secret a line, such as ``openssl rand -hex 32`` prints; lines
that begin with ``#`` are comments.  The first secret seals tickets, the others only open them: to
change the secret, put the new one below the old one everywhere, then move it up, then drop the
old one.  A file that is no text, such as nginx's ``ssl_session_ticket_key``, is one secret.
"""

from __future__ import annotations

from tlsmgm._core.material import Material
from tlsmgm._material.ticket_schedule import SECRET_SIZE_MIN, SECRETS_MAX
from tlsmgm.errors import ConfigError

__all__ = ["parse_secrets", "secrets_of"]

_FILE_SIZE_MAX = 4096
_HINT = "make one with: openssl rand -hex 32"


def secrets_of(file: Material) -> tuple[bytes, ...]:
    """Take the secrets out of a file.

    Args:
        file: that was read.

    Returns:
        At least one secret, the one that seals first.

    Raises:
        ConfigError: the file holds nothing that can be used.
    """
    if len(file) > _FILE_SIZE_MAX:
        raise ConfigError(f"{file.path!r} is larger than {_FILE_SIZE_MAX} bytes", hint=_HINT)
    return parse_secrets(bytes(file))


def parse_secrets(data: bytes) -> tuple[bytes, ...]:
    """Take the secrets out of what a file or a column holds.

    Args:
        data: all of it.

    Returns:
        At least one secret, the one that seals first.

    Raises:
        ConfigError: there is none, one is too short, or there are too many.
    """
    secrets = [data]
    if data.isascii() and data.decode().translate(str.maketrans("", "", "\t\r\n")).isprintable():
        lines = [line.strip() for line in data.splitlines()]
        secrets = [line for line in lines if line and not line.startswith(b"#")]
    if not secrets or not all(secrets):
        raise ConfigError("holds no secret", hint=_HINT)
    if min(map(len, secrets)) < SECRET_SIZE_MIN:
        raise ConfigError(
            f"holds a secret of less than {SECRET_SIZE_MIN} bytes, which can be guessed", hint=_HINT
        )
    if len(secrets) > SECRETS_MAX:
        raise ConfigError(f"holds {len(secrets)} secrets; at most {SECRETS_MAX} are in use at once")
    if len(set(secrets)) < len(secrets):
        raise ConfigError("holds a secret twice")
    return tuple(secrets)
