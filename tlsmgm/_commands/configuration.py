"""What the commands read: a configuration file, and the database that it names."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

from tlsmgm.errors import PlacedError

if TYPE_CHECKING:
    from tlsmgm._config.model import Configuration

__all__ = ["CONFIG_HELP", "add_config", "read_all"]

CONFIG_HELP = "OpenSIPS script, or TOML if its name ends in .toml"


def add_config(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add the option that names a configuration.

    Args:
        parser: of a command.
        required: whether the command needs one.
    """
    parser.add_argument("--config", required=required, metavar="FILE", help=CONFIG_HELP)


def read_all(path: str) -> tuple[Configuration, tuple[PlacedError, ...]]:
    """Read a configuration with the domains of its database, without loading any certificate.

    Args:
        path: of the file.

    Returns:
        The configuration, whose domains are those of the file and then those of the database; and
        why rows of the database make no domain.

    Raises:
        ConfigError: the file cannot be used.
        DatabaseError: the database cannot be read.
    """
    from tlsmgm._manager import TLSManager

    manager = TLSManager.from_config(path, library="none")
    assert manager.config is not None
    return dataclasses.replace(manager.config, domains=manager.domains), manager.failures
