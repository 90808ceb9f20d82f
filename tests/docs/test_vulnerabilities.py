"""The table of published faults in docs/security.md is the one in the package."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tlsmgm._checks.vulnerabilities import OLDEST, VULNERABILITIES, Vulnerability

ROOT = Path(__file__).resolve().parents[2]
TITLES = {"openssl": "OpenSSL", "wolfssl": "wolfSSL"}
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def row(item: Vulnerability) -> str:
    """Return the row of the document for one fault."""
    fixed = f"{TITLES[item.library]} {', '.join(item.fixed.values())}"
    why = item.why or "nothing but a newer release"
    if item.patch:
        why += f", `wheels/patches/{item.patch}`"
    if item.test:
        why += f"; `{item.test}`"
    return f"| {item.name} | {fixed} | {item.what} | {item.reach} | {why} |"


def test_the_table_is_that_of_the_package() -> None:
    _, _, rest = TEXT.partition("| Fault | First release without it |")
    rows = rest.partition("\n\n")[0].splitlines()[2:]
    assert rows == [row(item) for item in VULNERABILITIES]


def test_the_document_says_where_the_table_begins() -> None:
    section = TEXT.partition("## Published faults")[2].partition("\n|")[0]
    for series in OLDEST.values():
        for oldest in series.values():
            assert oldest in section


@pytest.mark.parametrize("item", VULNERABILITIES, ids=lambda item: item.name)
def test_what_an_entry_names_is_there(item: Vulnerability) -> None:
    assert re.fullmatch(r"CVE-\d{4}-\d{4,}|[^|`]+", item.name)
    assert not item.test or (ROOT / item.test).is_file()
    assert item.patch is None or (ROOT / "wheels" / "patches" / item.patch).is_file()
    assert item.reach != "no" or item.why
    assert (item.reach == "some domains") == (item.concerns is not None)
    for series, release in item.fixed.items():
        assert release.startswith(f"{series}.")
        assert series in OLDEST[item.library]


def test_each_is_named_once() -> None:
    names = [item.name for item in VULNERABILITIES]
    assert len(set(names)) == len(names)
