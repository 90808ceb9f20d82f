"""The tables of a domain's parameters in the documents, made of the docstring and of the table.

``python -m tests.docs.parameter_tables`` writes them between their markers.  What a parameter does
is said in the docstring of :class:`~tlsmgm.Domain`; the table of parameters has the rest.
"""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from tests.docs.reference import entries
from tlsmgm import Domain
from tlsmgm._config.write_toml import toml_value
from tlsmgm._domains.defaults import DEFAULT_CA_DIR, DomainDefaults
from tlsmgm._domains.parameters import PARAMETERS, PEM, Parameter

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"

#: Columns of a text.
_WIDTH: Final = 115

#: What the docstring says of types in Python, and what that is in a configuration.
_TYPES: Final = {
    "; a path, or PEM as bytes or text": "",
    "; a path, or bytes": "; a path",
    "; a comma list or an iterable": "; a list",
    ", or a function that returns it and is called whenever the keys are read": "",
    "`DEFAULT_CA_DIR`": f"`{DEFAULT_CA_DIR}`",
}

#: What a column has, by the kind of its parameter.
_IN_ROWS: Final = {
    "filters": "filters, comma lists",
    "flag": "0 or 1",
    "text": "as in a script",
    "number": "as in a script",
    "PEM": "PEM, never paths; whole chains, leaf first, of any size",
    "folder": "folders on the machine that reads",
}

_OF_SERVERS: Final = DomainDefaults("").values("server")
_WORDS: Final = dict(entries(Domain.__doc__ or "", "Args"))
_DEFAULTS: Final = {item.name: item.default for item in dataclasses.fields(Domain)}


def words(item: Parameter) -> str:
    """Return what a parameter does, as configurations have it."""
    text = _WORDS[item.field]
    for python, written in _TYPES.items():
        text = text.replace(python, written)
    return text.removesuffix(".")


def default(item: Parameter, write: Callable[[str, Any], str]) -> str:
    """Return what counts where nothing is written; nothing if the words say it."""
    value = _OF_SERVERS.get(item.field, _DEFAULTS[item.field])
    if value is None or value == ():
        return ""
    return f"`{write(item.field, value)}`"


def _in_script(field: str, value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(int(value) if isinstance(value, bool) else value)


def toml() -> Iterator[str]:
    """Yield a row for each parameter: a key of TOML, what it does, and its default."""
    yield "| Key | | Not written |\n|---|---|---|"
    for item in PARAMETERS:
        yield f"| `{item.field}` | {words(item)} | {default(item, toml_value)} |"


def scripts() -> Iterator[str]:
    """Yield a row for each parameter of the manual, by its name in scripts."""
    yield "| Parameter | Default | |\n|---|---|---|"
    for item in PARAMETERS:
        if not item.ours:
            yield f"| `{item.names[0]}` | {default(item, _in_script)} | {words(item)} |"


def ours() -> Iterator[str]:
    """Yield the sentence about parameters that OpenSIPS does not know."""
    names = [f"`{item.names[0]}`" for item in PARAMETERS if item.ours]
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    yield textwrap.fill(
        f"Some parameters of a domain are ours, and OpenSIPS would refuse them: {listed}. "
        "[Configuration in TOML](configuration_toml.md) says what they do.",
        _WIDTH,
        break_long_words=False,
        break_on_hyphens=False,
    )


def columns() -> Iterator[str]:
    """Yield a row for each kind of column."""
    yield "| Column | |\n|---|---|"
    yield "| `id` | rows are read in this order; of equal filters the later row wins |"
    yield "| `domain`, `type` | name, and 2 for a server, 1 for a client domain; unique together |"
    found: dict[str, list[str]] = {}
    for item in PARAMETERS:
        if item.has_column:
            found.setdefault(_in_row(item), []).append(f"`{item.field}`")
    for told, names in found.items():
        yield f"| {', '.join(names)} | {told} |"


def _in_row(item: Parameter) -> str:
    if item.optional:
        return "ours, and read where the table has them; see below"
    if item.field == "method":
        return "TLS versions"
    return _IN_ROWS["PEM" if item.kind in PEM else item.kind.replace("hashed", "folder")]


#: The tables, by document and by name of their markers.
TABLES: Final[dict[str, dict[str, Callable[[], Iterator[str]]]]] = {
    "configuration_toml.md": {"parameters": toml},
    "opensips_scripts.md": {"parameters": scripts, "parameters of ours": ours},
    "databases.md": {"columns": columns},
}


def render(document: str) -> str:
    """Return the text of a document with its tables as they should be."""
    text = (DOCS / document).read_text(encoding="utf-8")
    for name, table in TABLES[document].items():
        begin, end = f"<!-- made of the code: {name} -->\n", f"<!-- end of {name} -->\n"
        before, found, rest = text.partition(begin)
        _, ended, after = rest.partition(end)
        assert found, f"{document} has no place for {name}"
        assert ended, f"{document} does not say where {name} end"
        text = f"{before}{begin}{chr(10).join(table())}\n{end}{after}"
    return text


def main() -> None:
    """Write all of them."""
    for document in TABLES:
        (DOCS / document).write_text(render(document), encoding="utf-8")


if __name__ == "__main__":
    main()
