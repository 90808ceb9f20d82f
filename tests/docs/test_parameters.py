"""The documents name every parameter of a domain, and none that there is not."""

from __future__ import annotations

import dataclasses
import re

import pytest

from tests.docs.parameter_tables import DOCS, TABLES, render
from tlsmgm import Domain
from tlsmgm._domains.parameters import COLUMNS, OUR_COLUMNS, PARAMETERS


@pytest.mark.parametrize("document", TABLES)
def test_tables_are_made_of_the_code(document: str) -> None:
    """``python -m tests.docs.parameter_tables`` writes them."""
    assert render(document) == (DOCS / document).read_text(encoding="utf-8")


def section(name: str, title: str) -> str:
    """What stands under a title, up to the next one of the same depth."""
    text = (DOCS / name).read_text(encoding="utf-8")
    _, found, rest = text.partition(f"\n## {title}\n")
    assert found, f"{name} has no section {title!r}"
    return rest.partition("\n## ")[0]


def words(text: str) -> list[str]:
    return re.findall(r"`(\w+)`", text)


def first_cells(text: str) -> list[str]:
    return [word for line in re.findall(r"^\|([^|]*)\|", text, re.M) for word in words(line)]


def test_toml_has_a_row_for_each() -> None:
    named = first_cells(section("configuration_toml.md", "`[server.NAME]` and `[client.NAME]`"))
    assert sorted(named) == sorted(item.field for item in PARAMETERS)


def test_scripts_are_told_which_are_ours() -> None:
    text = (DOCS / "opensips_scripts.md").read_text(encoding="utf-8")
    told = re.search(r"^Some parameters of a domain are ours, .*?: (.*?)\. \[", text, re.M | re.S)
    assert told is not None
    assert sorted(words(told[1])) == sorted(item.field for item in PARAMETERS if item.ours)


def test_databases_have_a_row_for_each_column() -> None:
    text = section("databases.md", "What a row means")
    assert sorted(first_cells(text)) == sorted((*COLUMNS, *OUR_COLUMNS))
    for name in OUR_COLUMNS:
        assert f"ADD COLUMN {name} " in text


def test_the_reference_describes_each() -> None:
    text = (DOCS / "reference.md").read_text(encoding="utf-8")
    table = text.partition("\n### Domain\n")[2].partition("| Member |")[0]
    fields = [item.name for item in dataclasses.fields(Domain)]
    assert sorted(first_cells(table)) == sorted(fields)
