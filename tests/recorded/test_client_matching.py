"""Which client domain the original chose."""

from __future__ import annotations

from typing import Any

import pytest

from tests.recorded.conftest import Configure
from tests.support.cases import load_cases


def avps(query: dict[str, Any], prefix: str) -> dict[str, str | None]:
    return {"sip_dom": query[f"{prefix}_sip"], "tls_dom": query[f"{prefix}_tls"]}


@pytest.mark.parametrize("index", range(len(load_cases("client_matching"))))
def test_recorded_domain_is_found(index: int, library: str, configure: Configure) -> None:
    case = load_cases("client_matching")[index]
    client = configure(case["params"], library)
    for query in case["queries"]:
        ip, _, port = query["dst"].rpartition(":")
        found = client.find_client_domain(
            ip.strip("[]"), int(port), avps(query, "avp"), avps(query, "bavp")
        )
        assert (found and found.name) == query["domain"], query
        if found:
            assert found.kind == "client"
            assert client.find_client_domain_by_name(found.name) is found


def test_recorded_rows_are_all_there() -> None:
    cases = load_cases("client_matching")
    assert (len(cases), sum(len(case["queries"]) for case in cases)) == (15, 240)
