"""A baseline holds for one setup; where another is met, nothing is compared and all is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import native_pins
import pytest

from benchmarks.guard import baseline, environment
from benchmarks.guard.baseline import BaselineError, Setup

KEY = {"architecture": "x86_64", "compiler": "cc 12", "valgrind": "3.19.0"}
OPENSSL = Setup("openssl", KEY, {"tls13": {"server": 10}})
WOLFSSL = Setup("wolfssl", KEY, {"tls13": {"server": 20}})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "baseline.json"


def test_there_and_back(path: Path) -> None:
    assert baseline.load(path) == []
    baseline.store(path, [WOLFSSL, OPENSSL])
    assert baseline.load(path) == [OPENSSL, WOLFSSL]


def test_one_setup_for_each_library_and_architecture(path: Path) -> None:
    arm = replace(OPENSSL, key=KEY | {"architecture": "aarch64"})
    baseline.store(path, [OPENSSL, WOLFSSL, arm])
    newer = replace(OPENSSL, key=KEY | {"compiler": "cc 14"}, counts={"tls13": {"server": 9}})
    baseline.store(path, [newer])
    assert baseline.load(path) == [arm, newer, WOLFSSL]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": 1}', '{"schema": 1, "setups": [{"library": "x"}]}']
)
def test_what_is_no_baseline_is_refused(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(BaselineError, match="is no baseline"):
        baseline.load(path)


def test_another_schema_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({"schema": baseline.SCHEMA + 1, "setups": []}))
    with pytest.raises(BaselineError, match="make bench-baseline"):
        baseline.load(path)
    with pytest.raises(BaselineError):
        baseline.store(path, [OPENSSL])


def test_only_the_very_same_setup_fits() -> None:
    stored = [OPENSSL, WOLFSSL]
    assert baseline.fitting(stored, "wolfssl", dict(KEY)) is WOLFSSL
    assert baseline.fitting(stored, "wolfssl", KEY | {"valgrind": "3.24.0"}) is None
    assert baseline.fitting(stored, "wolfssl", KEY | {"more": "x"}) is None
    assert baseline.fitting(stored, "python-openssl", KEY) is None


def test_the_order_of_flags_is_no_difference() -> None:
    stored = [replace(OPENSSL, key=KEY | {"cflags": "-O3 -g -fPIC"})]
    assert baseline.fitting(stored, "openssl", KEY | {"cflags": "-fPIC -O3 -g"}) is stored[0]
    assert baseline.fitting(stored, "openssl", KEY | {"cflags": "-fPIC -O2 -g"}) is None
    assert baseline.fitting(stored, "openssl", KEY | {"cflags": "-fPIC -O3"}) is None
    assert baseline.fitting(stored, "openssl", KEY) is None


def test_the_difference_is_told() -> None:
    far = replace(OPENSSL, key={"architecture": "aarch64", "compiler": "cc 9", "valgrind": "3.1"})
    here = KEY | {"valgrind": "3.24.0", "cflags": "-O3"}
    assert baseline.difference([far, OPENSSL], "openssl", here) == [
        "cflags: -O3 here, unknown there",
        "valgrind: 3.24.0 here, 3.19.0 there",
    ]
    assert baseline.difference([far], "wolfssl", here) == ["the baseline has nothing about wolfssl"]


V2 = "cx16 lahf_lm pni popcnt sse4_1 sse4_2 ssse3"
V3 = f"{V2} abm avx avx2 bmi1 bmi2 f16c fma movbe xsave"


@pytest.mark.parametrize(
    ("flags", "level"),
    [
        (f"{V3} avx512f vaes sha_ni adx", "x86-64-v3"),
        (V3, "x86-64-v3"),
        (V3.replace(" avx2", ""), "x86-64-v2"),
        (V3.replace(" ssse3", ""), "x86-64"),
    ],
)
def test_what_valgrind_hides_does_not_matter(
    monkeypatch: pytest.MonkeyPatch, flags: str, level: str
) -> None:
    monkeypatch.setattr(native_pins, "processor", lambda: "x86_64")
    cpuinfo = f"processor\t: 0\nflags\t\t: {flags}\n\nprocessor\t: 1\nflags\t\t: none\n"
    assert environment.processor_level(cpuinfo) == level


def test_arm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_pins, "processor", lambda: "aarch64")
    text = "processor\t: 0\nFeatures\t: fp asimd aes pmull sha1 sha2 crc32\n"
    assert environment.processor_level(text) == "aarch64 aes asimd pmull sha1 sha2"
    assert environment.processor_level("") == "aarch64"
