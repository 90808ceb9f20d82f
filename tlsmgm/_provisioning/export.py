"""Writes the domains of a table into a folder: a configuration, and files for what is PEM."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any, Final

from tlsmgm._config.model import PATH_FIELDS, Configuration, DomainTable
from tlsmgm._domains.domain import Domain, Origin
from tlsmgm.errors import ConfigError

__all__ = ["export_domains"]

_FIELDS: Final = tuple(
    item.name for item in fields(Domain) if item.name not in ("name", "kind", "origin")
)
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


def export_domains(
    domains: Iterable[Domain],
    folder: str,
    name: str,
    write: Callable[[Configuration], str],
    *,
    absolute: bool = False,
) -> Configuration:
    """Write domains into a folder that only we can read.

    Args:
        domains: what to write, in order.
        folder: is created; if it is there it must be empty.
        name: of the configuration file.
        write: gives the text of a configuration.
        absolute: whether paths in it are, as OpenSIPS needs them; else the folder can be moved.

    Returns:
        The configuration that was written.

    Raises:
        ConfigError: the folder is not empty, or cannot be written.
    """
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if os.listdir(folder):
            raise ConfigError("is not empty", origin=folder, hint="choose another folder")
        shown = os.path.abspath(folder) if absolute else ""
        tables = [_table(domain, number, folder, shown) for number, domain in enumerate(domains, 1)]
        made = Configuration.of_tables(os.path.join(folder, name), None, tables)
        _write_file(made.path, write(made).encode("utf-8", "surrogateescape"))
    except OSError as error:
        reason = f"cannot write {error.filename!r}: {error.strerror}"
        raise ConfigError(reason, origin=folder) from None
    return made


def _table(domain: Domain, number: int, folder: str, shown: str) -> DomainTable:
    """The domain as it would be written, with its PEM in files."""
    plain = Domain(domain.name, domain.kind)
    values: dict[str, Any] = {}
    for field in _FIELDS:
        value = getattr(domain, field)
        if value == getattr(plain, field):
            continue
        if field in PATH_FIELDS and isinstance(value, bytes):
            # The number keeps names apart that look alike once they are safe.
            label = _UNSAFE.sub("_", domain.name)[:64]
            path = f"{number:04d}-{domain.kind}-{label}.{field}.pem"
            _write_file(os.path.join(folder, path), value)
            value = os.path.join(shown, path)
        values[field] = value
    origin = domain.origin or Origin(folder)
    return DomainTable(domain.name, domain.kind, origin, values, dict.fromkeys(values, origin))


def _write_file(path: str, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
