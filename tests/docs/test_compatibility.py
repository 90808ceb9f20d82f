"""The table of compatibility names everything, and every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tlsmgm._config.model import DOMAIN_PARAMETERS, OUR_PARAMETERS
from tlsmgm._config.parameters import DATABASE_PARAMETERS
from tlsmgm._domains.variables import VARIABLE_NAMES

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "tls_mgm_compatibility.md").read_text(encoding="utf-8")

#: The manual's numbered items: section, first number, last number.
ITEMS = (("1.7", 1, 1), ("1.8", 1, 2), ("1.9", 1, 36), ("1.10", 1, 23), ("2.1", 1, 4))
ITEMS += (("2.3", 1, 6), ("2.4", 1, 10))

#: Parameters of ours, which the manual does not have.
OURS = set(OUR_PARAMETERS)


def test_every_numbered_item_of_the_manual_has_a_row() -> None:
    for section, first, last in ITEMS:
        for number in range(first, last + 1):
            item = re.escape(f"{section}.{number}")
            assert re.search(rf"^\|.*\b{item} ", TEXT, re.MULTILINE), f"{section}.{number}"


def test_every_parameter_has_a_row() -> None:
    named = set(re.findall(r"`(\w+)`", TEXT))
    assert (DOMAIN_PARAMETERS.keys() | DATABASE_PARAMETERS) - OURS <= named


def test_every_kind_of_variable_has_a_row() -> None:
    named = set(re.findall(r"\b(tls_\w+)`", TEXT))
    for name in VARIABLE_NAMES:
        assert name.replace("_my_", "_peer_").replace("_issuer", "_subject") in named


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", TEXT))))
def test_the_test_is_there(name: str) -> None:
    path, _, function = name.partition("::")
    source = (ROOT / path).read_text(encoding="utf-8")
    assert not function or f"def {function}(" in source


def test_nothing_is_left_for_later() -> None:
    assert "not yet" not in TEXT.lower()
