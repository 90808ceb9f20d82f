"""Which server domain the original chose, asked with real handshakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.recorded.conftest import Configure
from tests.support.cases import load_cases
from tests.support.managers import client_domain
from tests.support.pairs import Managers, manager
from tlsmgm import AlertError, NoDomainError, TLSManager

CONFIGURATIONS = range(len(load_cases("server_matching")))
UNRECOGNIZED_NAME = 112


def listening(text: str) -> tuple[str, int]:
    ip, _, port = text.rpartition(":")
    return ip.strip("[]"), int(port)


def chosen(server: TLSManager, client: TLSManager, query: dict[str, Any]) -> str | None:
    """The name of the domain that answers; both ends must agree on it."""
    both = Managers(server, client)
    pair = both.pair(query["sni"], local=listening(query["listen"])).pump()
    if pair.errors:
        assert isinstance(pair.server_error, NoDomainError), query
        assert isinstance(pair.client_error, AlertError), query
        alerts = (pair.server_error.alert, pair.client_error.alert)
        assert alerts == (UNRECOGNIZED_NAME, UNRECOGNIZED_NAME), query
        return None
    name = pair.server.domain.name
    assert pair.client.peer_certificate.subject_cn == name, query
    return str(name)


@pytest.mark.parametrize("index", CONFIGURATIONS)
def test_handshake_ends_in_the_recorded_domain(
    index: int, library: str, client_library: str, configure: Configure
) -> None:
    case = load_cases("server_matching")[index]
    server = configure(case["params"], library)
    client = manager(client_library, client_domain(danger_skip_hostname_check=True))
    wrong = [
        (query, found)
        for query in case["queries"]
        if (found := chosen(server, client, query)) != query["domain"]
    ]
    assert not wrong


@pytest.mark.parametrize("index", CONFIGURATIONS)
def test_lookup_without_a_connection_agrees(index: int, library: str, configure: Configure) -> None:
    case = load_cases("server_matching")[index]
    server = configure(case["params"], library)
    for query in case["queries"]:
        found = server.select_server_domain(*listening(query["listen"]), query["sni"])
        assert (found and found.name) == query["domain"], query


@pytest.mark.parametrize("index", CONFIGURATIONS)
def test_list_equals_the_recorded_reply(
    index: int, library: str, configure: Configure, config_dir: Path
) -> None:
    case = load_cases("server_matching")[index]
    reply = configure(case["params"], library).list_domains()
    for entry in reply["Domains"]:
        for name in ("CERT_FILE", "PKEY_FILE"):  # ours makes paths absolute
            entry[name] = entry[name].removeprefix(f"{config_dir}/")
    assert reply == case["tls_list"]


def test_recorded_rows_are_all_there() -> None:
    cases = load_cases("server_matching")
    assert (len(cases), sum(len(case["queries"]) for case in cases)) == (20, 488)
