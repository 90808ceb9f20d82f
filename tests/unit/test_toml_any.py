"""Reader of TOML: whatever stands there, it is read or refused."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsmgm._config import toml
from tlsmgm._config.model import Configuration
from tlsmgm._config.toml import read_toml_text
from tlsmgm._config.toml_lines import Lines
from tlsmgm._config.write_toml import toml_string
from tlsmgm.errors import ConfigError

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(st.characters(codec="utf-8"), max_size=10),
    st.sampled_from(["*", "none", "tls:1.2.3.4:5", "1.2.3.4:5", "TLSv1_3-", "sqlite:///x", PEM]),
    st.dates(datetime.date(1, 1, 1)),
    st.times(),
    st.datetimes(),
)
KEYS = st.one_of(
    st.sampled_from([*toml._TOP, *toml._DATABASE, *toml._FIELDS, "a", "id"]), st.text(max_size=3)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(toml._TOP), VALUES, max_size=4))
def test_any_values_are_read_or_refused(content: dict[str, Any]) -> None:
    _read_content(content)


@given(st.sampled_from(["server", "client"]), st.sampled_from([*toml._FIELDS]), VALUES)
def test_any_value_of_a_domain_is_read_or_refused(kind: str, field: str, value: Any) -> None:
    _read_content({kind: {"a": {field: value}}})


@given(st.sampled_from(toml._DATABASE), VALUES)
def test_any_value_of_a_database_is_read_or_refused(key: str, value: Any) -> None:
    _read_content({"database": {"url": "sqlite:////x"} | {key: value}})


@pytest.mark.parametrize("field", [*toml._FIELDS, *toml._TOP, *toml._DATABASE])
def test_huge_numbers_are_refused(field: str) -> None:
    value = "0x" + "f" * 5000  # which Python refuses to print in decimals
    table = "[server.a]\n" if field in toml._FIELDS else ""
    table = "[database]\n" if field in toml._DATABASE else table
    with pytest.raises(ConfigError) as caught:
        read_toml_text(f"{table}{field} = {value}")
    assert "fff" not in str(caught.value)


def _read_content(content: dict[str, Any]) -> None:
    try:
        config = toml._Reader("x.toml", Lines("")).read(content)
    except ConfigError:
        return
    assert isinstance(config, Configuration)
    repr(config)


FRAGMENTS = st.sampled_from(
    ["[", "]", "[[", "]]", "{", "}", "=", ".", ",", "\n", '"', "'", '"""', "\'\'\'", "\\", "#",
     "server", "client", "database", "defaults", "a", "certificate", "1", "true", '"x"', "listen"]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(FRAGMENTS, max_size=30).map("".join)))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        config = read_toml_text(text)
    except ConfigError:
        return
    assert isinstance(config, Configuration)


KEYS_AND_VALUES = st.dictionaries(
    st.sampled_from(["a", "b", "a.b", "[a]", "a b", "#", "'", '"', "=", "{"]),
    st.recursive(
        st.sampled_from(["x", '"""', "\n[a]\nb = 1", "'''", "\\", "#", 7]),
        lambda inner: st.one_of(
            st.lists(inner, max_size=2),
            st.dictionaries(st.sampled_from(["a", "b.c", '"']), inner, max_size=2),
        ),
        max_leaves=5,
    ),
    max_size=4,
)


@given(KEYS_AND_VALUES)
def test_every_key_has_its_line(content: dict[str, Any]) -> None:
    lines = Lines(
        "\n".join(f"{toml_string(key)} = {_in_one_line(content[key])}" for key in content)
    )
    assert [lines.of([key]) for key in content] == list(range(1, len(content) + 1))
    assert all(path in lines._found for path in _paths(content))


def _in_one_line(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{toml_string(key)} = {_in_one_line(value[key])}" for key in value)
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_in_one_line, value)) + "]"
    return str(value) if isinstance(value, int) else toml_string(value)


def _paths(content: Any) -> Iterator[tuple[str, ...]]:
    """The keys of all tables, also of those in lists."""
    for item in content if isinstance(content, list) else []:
        yield from _paths(item)
    for key, value in content.items() if isinstance(content, dict) else []:
        yield (key,)
        yield from ((key, *path) for path in _paths(value))


def test_large_files_take_reasonable_time() -> None:
    text = "".join(
        f'[server.d{n}]\nmatch_sip_domain = ["h{n}.example"]\ncertificate = """{PEM}"""\n'
        for n in range(2000)
    )
    config = read_toml_text(text)
    assert len(config.domains) == 2000
    assert config.domains[-1].origin is not None
    assert config.domains[-1].origin.line == 1 + 1999 * 6
    Lines('a = "' + "\\\\" * 100_000)
    Lines("a = [" + "'''x'''," * 50_000 + "]")
