"""From one configuration language to another, with the proof that nothing has changed.

What is written is read back before anybody gets it, and compared with its source: domains, sockets,
library, AVPs, times and database.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tlsmgm._config.database_settings import DatabaseSettings, opensips_url
from tlsmgm._config.model import PATH_FIELDS, Configuration, DomainTable
from tlsmgm._config.opensips import read_script_text
from tlsmgm._config.tables import holds_secret
from tlsmgm._config.toml import read_toml_text
from tlsmgm._config.write_opensips import DEFAULTS_NOTE, OURS_NOTE, write_script
from tlsmgm._config.write_toml import toml_library, write_toml
from tlsmgm._domains.defaults import DomainDefaults
from tlsmgm._domains.domain import Domain
from tlsmgm._material.keylog import FROM_ENVIRONMENT
from tlsmgm.errors import ConfigError

__all__ = ["Conversion", "Language", "convert", "differences"]

#: Languages of configurations.
Language = Literal["toml", "script"]

_NAMES = {"toml": "tlsmgm.toml", "script": "opensips.cfg"}
_SETTINGS = ("client_tls_domain_avp", "client_sip_domain_avp", "handshake_timeout", "send_timeout")


@dataclass(frozen=True, slots=True)
class Conversion:
    """A configuration in another language.

    Args:
        text: what to write; with ``surrogateescape`` where it is not UTF-8.
        configuration: what the text says, read back.
        is_secret: whether a key, a passphrase or a password stands in the text.
        warnings: sentences about what was decided.
    """

    text: str = dataclasses.field(repr=False)
    configuration: Configuration
    is_secret: bool
    warnings: tuple[str, ...]


def convert(
    source: Configuration, language: Language, output: str | os.PathLike[str] | None = None
) -> Conversion:
    """Write a configuration in another language, or anew in its own.

    Args:
        source: any configuration; its defaults stay defaults.
        language: to write.
        output: the file to be; relative paths mean the same files from its folder.  None: it
            will lie in the folder of the source.

    Returns:
        The text and what there is to say about it.  No file was written.

    Raises:
        ConfigError: the language cannot say a value; domain and parameter are named.
    """
    path = os.path.join(source.folder, _NAMES[language]) if output is None else os.fsdecode(output)
    folder = os.path.realpath(os.path.dirname(path))
    moves = folder != os.path.realpath(source.folder)
    moved = _moved(source, path, folder if moves else None)
    text = write_toml(moved) if language == "toml" else write_script(moved)
    back = read_toml_text(text, path) if language == "toml" else read_script_text(text, path)
    found = list(differences(source, back, language))
    if found:
        raise ConfigError(
            f"what was written does not say the same: {', '.join(found)}",
            origin=source.path,
            hint="this is a defect of tlsmgm; please report it",
        )
    warnings = [*_warnings(source, language, moves=moves)]
    if DEFAULTS_NOTE in text or OURS_NOTE in text:
        warnings.append("OpenSIPS refuses some of these parameters; comments above them say so")
    return Conversion(text, back, holds_secret(moved), tuple(warnings))


def differences(source: Configuration, back: Configuration, language: Language) -> Iterator[str]:
    """Compare a configuration with what was written of it.

    Args:
        source: the one.
        back: the other, as it was read back.
        language: in which it was written.

    Yields:
        What differs, by name; values may be secret.
    """
    for kind in ("server", "client"):
        ours, theirs = ([d for d in item.domains if d.kind == kind] for item in (source, back))
        if [domain.name for domain in ours] != [domain.name for domain in theirs]:
            yield f"{kind} domains"
            continue
        same_folder = source.folder == back.folder
        for one, other in zip(ours, theirs, strict=True):
            for field in dataclasses.fields(Domain):
                if field.compare and not _is_same(field.name, one, other, same_folder):
                    yield f"{field.name} of {kind} domain {one.name!r}"
    sockets, others = (
        [(socket.protocol, socket.host, socket.port) for socket in item.sockets]
        for item in (source, back)
    )
    if sockets != others:
        yield "sockets"
    if not _is_same_library(source, back, language):
        yield "library"
    yield from (name for name in _SETTINGS if getattr(source, name) != getattr(back, name))
    if _database_values(source.database, language) != _database_values(back.database, language):
        yield "database"


def _is_same(field: str, one: Domain, other: Domain, same_folder: bool) -> bool:
    values = [getattr(one, field), getattr(other, field)]
    if field in PATH_FIELDS and not same_folder:
        values = [os.path.realpath(item) if isinstance(item, str) else item for item in values]
    return bool(values[0] == values[1])


def _is_same_library(source: Configuration, back: Configuration, language: Language) -> bool:
    if language == "toml":
        return toml_library(source) == back.tls_library
    wanted, found = _library(source), _library(back)
    if source.loaded_modules is None and wanted == "auto":
        wanted = "openssl"
    return wanted == found


def _library(configuration: Configuration) -> str | None:
    try:
        return configuration.resolve_library()
    except ConfigError:
        return None


def _database_values(database: DatabaseSettings | None, language: Language) -> Any:
    if database is None:
        return None
    url = opensips_url(database.url) if language == "script" else database.url
    return url, database.table, dict(database.columns), database.timeout, database.watch


def _moved(source: Configuration, path: str, new: str | None) -> Configuration:
    """The configuration as it must be written to mean the same, there or in another folder.

    Of server domains, certificate and key are always written: where nothing is, OpenSIPS takes
    those of the folder that it was built for, and not of the script's.
    """
    shared = {} if source.defaults is None else source.defaults.values
    if new is None:
        tables = tuple(
            dataclasses.replace(table, values=table.values | _unwritten(table, shared))
            for table in source.tables
        )
        return dataclasses.replace(source, path=path, tables=tables)
    tables = tuple(
        _moved_table(table, _unwritten(table, shared), source.folder, new)
        for table in source.tables
    )
    defaults = source.defaults
    if defaults is not None:
        defaults = _moved_table(defaults, {}, source.folder, new)
    return dataclasses.replace(source, path=path, tables=tables, defaults=defaults)


def _unwritten(table: DomainTable, shared: dict[str, Any]) -> dict[str, Any]:
    """Paths that hold where nothing is written, and lie beside the configuration."""
    paths = DomainDefaults("").values(table.kind)
    return {name: path for name, path in paths.items() if name not in table.values | shared}


def _moved_table(
    table: DomainTable, more: dict[str, Any], folder: str, new_folder: str
) -> DomainTable:
    values = {
        name: _moved_path(value, folder, new_folder)
        if name in PATH_FIELDS and isinstance(value, str)
        else value
        for name, value in (table.values | more).items()
    }
    return dataclasses.replace(table, values=values)


def _moved_path(path: str, folder: str, new_folder: str) -> str:
    """A relative path from another folder, whatever links there are in between.

    Only the part up to the last ``..`` is resolved, so that a link such as ``current`` in the rest
    stays one.
    """
    if os.path.isabs(path) or path == FROM_ENVIRONMENT:
        return path
    parts = path.split("/")
    up = max((at + 1 for at, part in enumerate(parts) if part == os.pardir), default=0)
    base = os.path.realpath(os.path.join(folder, *parts[:up]))
    relative = os.path.relpath(os.path.join(base, *parts[up:]), new_folder)
    return relative + "/" if path.endswith("/") else relative


def _warnings(source: Configuration, language: Language, *, moves: bool) -> Iterator[str]:
    is_script = source.loaded_modules is not None
    if is_script and language == "toml" and _library(source) is None:
        library = toml_library(source)
        yield f"the script does not settle on a TLS library; library is {library!r} now"
    if not is_script and language == "script" and (source.tls_library or "auto") == "auto":
        yield "a script has to name the TLS library; tls_openssl is loaded in it"
    database = source.database
    if database is None:
        return
    if moves and "certificate" not in ({} if source.defaults is None else source.defaults.values):
        yield "rows of the database without certificate look for tls/cert.pem in the new folder"
