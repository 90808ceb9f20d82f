"""Scripts with one idiom each, as OpenSIPS 3.6.8 read them: does it start, with what domains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.cases import load_cases
from tlsmgm import TLSManager
from tlsmgm._config.model import Configuration
from tlsmgm._config.opensips import read_script_text
from tlsmgm.errors import ConfigError

CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in load_cases("script_idioms")}
STARTED = [name for name, case in CASES.items() if case["starts"]]

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "tls_mgm_compatibility.md"

#: What the program refuses and ours reads; docs/tls_mgm_compatibility.md has the reasons.
KINDER = {
    "sock:quoted",  # socket="tls:127.0.0.1:6743"
    "sock:send_proxy",  # a flag of OpenSIPS 4
    "regex-module",  # "tls_mgm|proto_tls" for a parameter that only one of them has
    "space-after-bracket",
    "space-in-bracket",
    "number-value",
    "global-verify-str",
    "global-cert",
    "comment-slashes",
    "cipher-param",  # the manual's section 1.5 calls it so
    "import-missing",
    "loadmodule-nosuffix",
    "loadmodule-paren",
    "name-space",
    "escape-quote",
}


def script(case: dict[str, Any]) -> str:
    parts = ('loadmodule "tls_openssl.so"', case["before"], case["sockets"], case["body"])
    return "\n".join(parts) + "\n"


def read(name: str, path: Path) -> Configuration:
    return read_script_text(script(CASES[name]), path / "opensips.cfg")


@pytest.mark.parametrize("name", STARTED)
def test_what_starts_has_the_same_domains(name: str, library: str, config_dir: Path) -> None:
    configuration = read(name, config_dir)
    path = config_dir / "opensips.cfg"
    path.write_text(script(CASES[name]), encoding="utf-8")
    manager = TLSManager.from_config(path, library=library)
    reply = manager.list_domains()
    assert len(reply["Domains"]) == len(configuration.domains)
    for entry in reply["Domains"]:
        for field in ("CERT_FILE", "PKEY_FILE", "CA_FILE"):  # ours makes paths absolute
            entry[field] = entry[field].removeprefix(f"{config_dir}/")
    recorded = {"Domains": CASES[name]["tls_list"]}
    for entry in recorded["Domains"]:  # An empty filter matches nothing; ours leaves it out.
        entry["SIP DOMAIN FILTERS"] = list(filter(None, entry["SIP DOMAIN FILTERS"]))
    assert reply == recorded


@pytest.mark.parametrize("name", [name for name in STARTED if CASES[name]["listens"]])
def test_what_starts_has_the_same_ports(name: str, config_dir: Path) -> None:
    ours = {socket.port for socket in read(name, config_dir).sockets if socket.is_tls}
    assert ours == {int(entry.split()[1].rpartition(":")[2]) for entry in CASES[name]["listens"]}


@pytest.mark.parametrize("name", [name for name in CASES if name not in STARTED])
def test_what_is_refused_is_refused_or_read_on_purpose(name: str, config_dir: Path) -> None:
    try:
        read(name, config_dir)
    except ConfigError:
        assert name not in KINDER
    else:
        assert name in KINDER


def test_each_difference_has_its_reason() -> None:
    text = DOCUMENT.read_text(encoding="utf-8").partition("## Scripts that OpenSIPS refuses")[2]
    section = text.partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert {name.strip(" `") for row in rows for name in row.split(",")} == KINDER


def test_recorded_rows_are_all_there() -> None:
    assert (len(CASES), len(STARTED)) == (86, 59)
