"""Reads a configuration in whichever language it is written."""

from __future__ import annotations

import os

from tlsmgm._config.model import Configuration
from tlsmgm._config.opensips import read_script
from tlsmgm._config.toml import read_toml

__all__ = ["is_toml", "read_configuration"]


def is_toml(path: str | os.PathLike[str]) -> bool:
    """Say whether a file is TOML, by its name.

    Args:
        path: of the file.
    """
    return os.fsdecode(path).lower().endswith(".toml")


def read_configuration(path: str | os.PathLike[str]) -> Configuration:
    """Read TOML if the name ends in ``.toml``, else an OpenSIPS script.

    Args:
        path: of the file.

    Returns:
        What it says; no file that it names was looked at, but scripts that it includes.

    Raises:
        ConfigError: it cannot be read or used; the message says where.
    """
    return read_toml(path) if is_toml(path) else read_script(path)
