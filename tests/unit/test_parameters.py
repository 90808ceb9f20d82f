"""The table of parameters has a row for every field of Domain, and each name and place once."""

from __future__ import annotations

import dataclasses

from tlsmgm import Domain
from tlsmgm._domains.parameters import COLUMNS, FIELD_PARAMETERS, PARAMETERS


def test_every_field_has_a_row() -> None:
    fields = {item.name for item in dataclasses.fields(Domain)} - {"name", "kind", "origin"}
    assert [item.field for item in PARAMETERS if item.field not in fields] == []
    assert fields == {item.field for item in PARAMETERS}


def test_defaults_of_columns_are_those_of_domains() -> None:
    server = Domain("a", "server", certificate="c", private_key="k")
    written = {item.field: item.default for item in PARAMETERS if item.default is not None}
    values = {field: getattr(server, field) for field in written}
    shown = {field: str(int(v)) if isinstance(v, bool) else v for field, v in values.items()}
    assert shown == written


def test_names_and_places_are_given_once() -> None:
    assert len(FIELD_PARAMETERS) == sum(len(item.names) for item in PARAMETERS)
    places = [item.column for item in PARAMETERS if item.column is not None]
    assert len(set(places)) == len(places)
    assert sorted([*places, 0, 1, 4]) == list(range(len(COLUMNS)))


def test_other_names_are_given_once() -> None:
    for names in (
        [item.friendly for item in PARAMETERS if item.friendly is not None],
        [name for item in PARAMETERS for name in item.old],
        [item.listed[1] for item in PARAMETERS if item.listed is not None],
    ):
        assert len(set(names)) == len(names)
    places = sorted(item.listed[0] for item in PARAMETERS if item.listed is not None)
    assert places == list(range(len(places)))


def test_whatever_is_a_secret_says_which() -> None:
    """So that files which others can read are told."""
    assert [item.field for item in PARAMETERS if item.secret is not None] == [
        *("private_key", "private_key_passphrase", "private_key2", "ticket_key_file")
    ]
    assert [item for item in PARAMETERS if item.kind in ("key", "secret") and not item.secret] == []
