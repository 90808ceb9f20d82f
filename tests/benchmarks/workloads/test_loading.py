"""Domains are loaded in processes of their own, and only complete loads count."""

from __future__ import annotations

from pathlib import Path

import pytest

import tlsmgm
from benchmarks.identity import Identity, make_identity
from benchmarks.rounds import compare
from benchmarks.workloads import loading
from benchmarks.workloads.bench import Bench
from benchmarks.workloads.programs import domains
from benchmarks.workloads.programs.launch import ProgramError, run
from benchmarks.workloads.programs.load import load, measure
from tests.benchmarks.workloads.silent import Silent

WRITERS = {"script": domains.write_script, "sqlite": domains.write_sqlite}


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("identity"))


@pytest.mark.parametrize("source", WRITERS)
def test_what_is_written_is_loaded(
    source: str, identity: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domains, "PER_FILE", 2)  # so that a script has several files
    manager = load(source, WRITERS[source](tmp_path / source, 5, identity), "none")
    assert [domain.name for domain in manager.domains] == [
        domains.name_of(number) for number in range(5)
    ]
    found = manager.select_server_domain("192.0.2.1", 5061, "domain0000003.bench.example")
    assert found == manager.domains[3]
    assert {domain.verify_cert for domain in manager.domains} == {False}
    for domain in manager.domains:
        assert domain.certificate in (
            identity.certificate,
            Path(identity.certificate).read_bytes(),
        )


@pytest.mark.parametrize("source", WRITERS)
def test_costs_of_load_and_reload(
    source: str, library: str, identity: Identity, tmp_path: Path
) -> None:
    path = WRITERS[source](tmp_path / source, 3, identity)
    costs = measure(source, path, library, 3)
    assert list(costs) == ["load", "reload"]
    for cost in costs.values():
        assert cost.cpu > 0
        assert cost.wall > 0


@pytest.mark.parametrize("source", WRITERS)
def test_another_number_of_domains_is_no_result(
    source: str, identity: Identity, tmp_path: Path
) -> None:
    path = WRITERS[source](tmp_path / source, 3, identity)
    with pytest.raises(RuntimeError, match="must be 4 domains, not 3"):
        measure(source, path, "none", 4)


def test_a_row_that_fails_is_no_result(identity: Identity, tmp_path: Path, library: str) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", "ascii")
    wrong = Identity(str(broken), identity.key, identity.ca, str(broken), identity.client_key)
    path = domains.write_sqlite(tmp_path / "table", 1, wrong)
    with pytest.raises(RuntimeError, match="row 1"):
        load("sqlite", path, library)


def test_a_reload_that_finds_a_change_is_no_result(
    identity: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = domains.write_script(tmp_path / "script", 1, identity)
    original = tlsmgm.TLSManager.reload

    def changed(manager: tlsmgm.TLSManager) -> tlsmgm.ReloadReport:
        part = path.with_name("domains0.cfg")
        part.write_text(part.read_text("utf-8").replace("bench.example", "other.example"), "utf-8")
        return original(manager)

    monkeypatch.setattr(tlsmgm.TLSManager, "reload", changed)
    with pytest.raises(RuntimeError, match="found changes"):
        measure("script", path, "none", 1)


def test_one_process_answers_both_topics(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, ...]] = []

    def counted(name: str, *arguments: str) -> str:
        started.append(arguments)
        return run(name, *arguments)

    monkeypatch.setattr(loading, "_QUICK_SIZES", (2,))
    monkeypatch.setattr(loading, "_LIBRARIES", ("none",))
    monkeypatch.setattr(loading, "run", counted)
    plans = loading.plans(bench)
    assert [plan.topic.name for plan in plans] == [
        f"{what}-{source}-2" for source in ("script", "sqlite") for what in ("load", "reload")
    ]
    for plan in plans:
        (row,) = compare(plan, 1, Silent())
        assert row.entrant == "tlsmgm, none"
        assert row.median > 0
    assert [arguments[0] for arguments in started] == ["script", "sqlite"]


def test_a_missing_library_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_QUICK_SIZES", (1,))
    monkeypatch.setattr(tlsmgm, "libraries", dict)
    for plan in loading.plans(bench):
        assert [item.entrant for item in plan.contestants] == ["tlsmgm, none"]
        assert len(plan.absent) == 2
        assert "run make" in plan.absent[0]


def test_a_program_that_fails_says_why(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.cfg")
    with pytest.raises(ProgramError, match=r"missing\.cfg.*No such file"):
        run("load", "script", "none", missing, missing, "1")
