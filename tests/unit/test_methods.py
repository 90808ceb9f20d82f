"""The method parameter: every recorded row, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cases import load_cases
from tlsmgm._domains.methods import ANY_METHOD, Method, TLSVersion, parse_method
from tlsmgm.errors import ConfigError

ROWS: list[dict[str, Any]] = load_cases("tls_method")

# A range that is the wrong way round starts in the original and accepts nothing; ours is refused.
EMPTY_RANGE = "TLSv1_3-TLSv1_2"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: repr(row["method"]))
def test_recorded_rows(row: dict[str, Any]) -> None:
    if not row["starts"] or row["method"] == EMPTY_RANGE:
        with pytest.raises(ConfigError):
            parse_method(row["method"])
        return
    method = parse_method(row["method"])
    assert method.text == row["tls_list_method"]
    accepted = {name for name, accepts in row["accepts"].items() if accepts}
    assert {version.name for version in method.versions} == accepted
    assert parse_method(method.text) == method


def test_wire_values() -> None:
    assert [int(version) for version in TLSVersion] == [0x0301, 0x0302, 0x0303, 0x0304]
    assert ANY_METHOD == Method(None, None) == parse_method("  sslV23 ")
    assert parse_method("-") == Method(TLSVersion.TLSv1, TLSVersion.TLSv1_3)
    assert parse_method("tlsv1_2 -") == Method(TLSVersion.TLSv1_2, TLSVersion.TLSv1_3)
    assert not parse_method("TLSv1_2").allows(0x0304)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("TLSv1_1", "TLSv1-TLSv1_2 includes TLS 1.1"),
        ("TLSv1_1-TLSv1_2", "unknown method 'TLSv1_1'"),
        ("TLSv1_2-SSLv23", "'SSLv23' cannot be an end of a range"),
        ("TLSv1-TLSv1_2-TLSv1_3", "unknown method 'TLSv1_2-TLSv1_3'"),
        (EMPTY_RANGE, "write TLSv1_2-TLSv1_3"),
        ("TLSv12", "did you mean"),
        ("bogus", "known: SSLv23, TLSany, TLSv1, TLSv1_2, TLSv1_3"),
    ],
)
def test_refused_with_a_reason(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_method(text)
    assert message in str(caught.value)


@given(st.text(max_size=20))
def test_any_text_is_a_method_or_refused(text: str) -> None:
    try:
        method = parse_method(text)
    except ConfigError:
        return
    assert method.versions
