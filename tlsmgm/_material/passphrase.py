"""The passphrase of a domain's private keys, wherever it comes from."""

from __future__ import annotations

import shlex
import subprocess
from typing import Final

from tlsmgm._domains.domain import Domain, normalise
from tlsmgm.errors import ConfigError

__all__ = ["COMMAND_TIMEOUT", "passphrase_of"]

#: Seconds that a command may take to print a passphrase.
COMMAND_TIMEOUT: Final = 30.0

_COMMAND: Final = "private_key_passphrase_command"


def passphrase_of(domain: Domain) -> bytes | None:
    """Ask for the passphrase of a domain's private keys.

    Args:
        domain: any.  What it has for a passphrase is asked anew each time, so nothing secret stays.

    Returns:
        The passphrase; None if there is none.

    Raises:
        ConfigError: the command fails, or the callback returns no passphrase; the error holds
            nothing that either has said.
    """
    value = domain.private_key_passphrase
    if value is None and domain.private_key_passphrase_command is not None:
        return _printed_by(domain.private_key_passphrase_command)
    if not callable(value):
        return value
    try:
        answer = normalise("private_key_passphrase", value())
    except Exception as error:
        kind = type(error).__name__
        raise ConfigError(
            f"the callback gives none ({kind})", parameter="private_key_passphrase"
        ) from None
    if answer is not None and not isinstance(answer, bytes):
        raise ConfigError("the callback gives no text", parameter="private_key_passphrase")
    return answer


def _printed_by(command: str) -> bytes:
    """The first line that a command prints; it sees no terminal, and no shell reads it."""
    try:
        done = subprocess.run(
            shlex.split(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=COMMAND_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"takes more than {COMMAND_TIMEOUT:g} s", parameter=_COMMAND) from None
    except OSError as error:
        raise ConfigError(f"cannot be run: {error.strerror}", parameter=_COMMAND) from None
    if done.returncode != 0:
        raise ConfigError(f"ends with exit code {done.returncode}", parameter=_COMMAND)
    line = done.stdout.splitlines()[0] if done.stdout else b""
    if not line:
        raise ConfigError("prints nothing", parameter=_COMMAND)
    return line
