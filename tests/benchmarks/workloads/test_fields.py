"""All who read fields read the same ones."""

from __future__ import annotations

import pytest

import tlsmgm
from benchmarks.cohort.setting import Absent
from benchmarks.rounds import compare
from benchmarks.workloads import fields
from benchmarks.workloads.bench import Bench
from tests.benchmarks.workloads.silent import Silent


def test_rows(bench: Bench, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "_QUICK_COUNT", 2)
    monkeypatch.setattr(fields, "_LIBRARIES", (library,))
    (plan,) = fields.plans(bench)
    rows = {row.entrant: row for row in compare(plan, 1, Silent())}
    assert {f"tlsmgm, {library}", "cryptography"} <= rows.keys()
    told = " ".join(plan.absent)
    assert f"C contract, {library}, one certificate" in rows or library in told
    assert all(row.median > 0 for row in rows.values())


def test_both_read_the_same_values(bench: Bench, library: str) -> None:
    connection = fields.established(library, bench.identity())
    variables = dict(connection.variables)
    for side, certificate in (
        ("peer", connection.peer_certificate),
        ("my", connection.certificate),
    ):
        assert certificate is not None
        parsed = fields.parsed_fields(certificate.der)
        for name, value in parsed.items():
            if name in ("subject", "issuer", "notBefore", "notAfter"):
                assert value  # written in another form
            elif name == "serial":
                assert int(str(value)) == connection.variables.integer(f"tls_{side}_serial")
            elif name != "version":
                assert variables[f"tls_{side}_{name}"] == value, name
        read = {name.removeprefix(f"tls_{side}_") for name in variables if f"_{side}_" in name}
        assert read - parsed.keys() <= {"verified", "revoked", "expired", "selfsigned"}
        assert {"notBefore", "notAfter"} >= parsed.keys() - read


def test_a_missing_library_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tlsmgm, "libraries", dict)
    with pytest.raises(Absent, match="run make"):
        fields.established("openssl", bench.identity())
