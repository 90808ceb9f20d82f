"""Ends in another process speak TLS, and their memory grows with them."""

from __future__ import annotations

import pytest

from benchmarks.cohort.managed import Managed
from benchmarks.cohort.memory import handshake
from benchmarks.cohort.setting import Absent, Setting, check_facts
from benchmarks.native.build import BuildError, LibraryMissingError
from benchmarks.rounds import compare
from benchmarks.workloads import footprint
from benchmarks.workloads.bench import Bench
from benchmarks.workloads.footprint import (
    ENTRANTS,
    NATIVE,
    Remote,
    weigh_connections,
    weigh_contexts,
)
from benchmarks.workloads.programs.holder import Holder
from benchmarks.workloads.programs.launch import ProgramError
from tests.benchmarks.workloads.silent import Silent


@pytest.fixture(params=ENTRANTS)
def entrant(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    try:
        footprint.introduce(name)
    except (Absent, LibraryMissingError) as reason:
        pytest.skip(str(reason))
    return name


@pytest.mark.parametrize("role", ["server", "client"])
def test_connections_weigh_something(entrant: str, role: str, bench: Bench) -> None:
    # Even a small allocation in each connection shows in 200 of them.
    assert weigh_connections(entrant, role, bench.identity(), 200) > 1024


def test_contexts_weigh_something(entrant: str, bench: Bench) -> None:
    assert weigh_contexts(entrant, bench.identity(), 200) > 1024


def test_a_remote_end_keeps_those_before(entrant: str, bench: Bench) -> None:
    with Remote(entrant, "server", bench.identity()) as remote:
        connect = Managed("openssl").client(bench.identity(), Setting())
        for number in range(2):
            remote.begin()
            client = connect(None)
            handshake(client, remote)
            check_facts(client.facts(), Setting(), entrant)
            message = b"message %d" % number
            assert remote.open(client.seal(message)) == message
            assert client.open(remote.seal(message * 2)) == message * 2
        assert remote.memory() > 0


def test_ends_that_are_not_set_alike_are_no_result(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls12 = Setting("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256")
    monkeypatch.setattr(footprint, "Setting", lambda: tls12)
    with pytest.raises(ProgramError, match="has died"):  # it still pins TLS 1.3, and says so
        weigh_connections("tlsmgm-openssl", "server", bench.identity(), 1)


@pytest.mark.parametrize("entrant", NATIVE, indirect=True)
def test_a_connection_in_c_keeps_no_buffer(entrant: str, bench: Bench) -> None:
    # Two records of 16 KB, one for each direction, would be more.
    assert weigh_connections(entrant, "server", bench.identity(), 200) < 2 * 16384


def test_a_dead_process_is_told(bench: Bench) -> None:
    with Remote("ssl", "server", bench.identity()) as remote:
        remote._process.kill()
        remote._process.wait()
        with pytest.raises(ProgramError, match=r"ssl, server: .* has died"):
            remote.begin()


def test_a_process_that_cannot_be_weighed_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footprint, "memory_of", lambda pid: 0)
    with (
        Remote("ssl", "server", bench.identity()) as remote,
        pytest.raises(ProgramError, match=r"ssl, server: .* cannot be weighed"),
    ):
        remote.memory()


def test_who_cannot_be_built_is_absent(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(library: str, program: str) -> None:
        raise BuildError(f"no {program} over {library}")

    monkeypatch.setattr(footprint, "build", refuse)
    for plan in footprint.plans(bench):
        assert f"{plan.topic.name}: no hold-plain over openssl" in plan.absent
        assert "plain C, openssl" not in [item.entrant for item in plan.contestants]


def test_an_unknown_command_is_refused(bench: Bench) -> None:
    with pytest.raises(ValueError, match="no command b'x'"):
        Holder("ssl", "server", bench.identity()).obey(b"x")


def test_topics_and_rows(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "_QUICK_COUNT", 30)
    monkeypatch.setattr(footprint, "ENTRANTS", ("plain-openssl", "ssl"))
    plans = footprint.plans(bench)
    names = [plan.topic.name for plan in plans]
    assert names == ["footprint-server", "footprint-client", "footprint-context"]
    for plan in plans:
        rows = compare(plan, 1, Silent())
        assert [row.entrant for row in rows] == ["plain C, openssl", "ssl"]
        assert [len(row.samples) for row in rows] == [1, 1]
