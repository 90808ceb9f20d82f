"""Files of a domain that nobody else should be able to read."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping

from tlsmgm._config.model import Configuration
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.parameters import PARAMETERS, PATHS, of_kind
from tlsmgm._material.reading import Reader
from tlsmgm.errors import ConfigError

__all__ = ["open_files_of_config", "open_secret_files", "secret_paths"]

#: Fields that name a file with a secret, and which secret that is.
_SECRET_FIELDS = {
    item.field: item.secret for item in PARAMETERS if item.secret is not None and item.kind in PATHS
}
_SECRETS = of_kind("key", "secret")


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
        if _is_open(mode):
            yield parameter, open_file(what, path, mode)


def open_files_of_config(config: Configuration, reader: Reader) -> Iterator[str]:
    """Find out whether others have access to a configuration or a database that has secrets.

    Args:
        config: the configuration.
        reader: looks at the files.

    Yields:
        Sentences.
    """
    wanted = {}
    if _has_secrets(config):
        wanted[config.path] = "with its secrets,"
    if config.database is not None and config.database.file is not None:
        wanted[config.database.file] = "with the private keys of its rows, database"
    try:
        modes = reader.modes(wanted)
    except ConfigError:
        return
    for path, what in wanted.items():
        if _is_open(modes.get(path, 0)):
            yield open_file(what, path, modes[path])


def _has_secrets(config: Configuration) -> bool:
    """Whether a key or a passphrase is written in the configuration itself, or a password."""
    if config.database is not None and config.database.has_password:
        return True
    tables = config.tables if config.defaults is None else (config.defaults, *config.tables)
    return any(isinstance(table.values.get(name), bytes) for table in tables for name in _SECRETS)


def _is_open(mode: int) -> bool:
    return stat.S_ISREG(mode) and bool(mode & (stat.S_IRWXG | stat.S_IRWXO))


def open_file(what: str, path: str, mode: int) -> str:
    """Say that others have access to a file.

    Args:
        what: is in it.
        path: of the file.
        mode: of the file.
    """
    return f"{what} {path} is open to group or others (mode {stat.S_IMODE(mode):04o}); chmod 600 it"
