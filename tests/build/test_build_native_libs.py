"""The native libraries' build: the cache, one build at a time, the command line.

Nothing here needs the network or compiles a library; a small stand-in takes the place of
the recipe.
"""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from pathlib import Path

import build_native_libs
import native_pins
import native_sources
import pytest
from native_pins import NativeBuildError, Pin
from native_steps import Steps

from tests.build.stand_ins import PINS, install

# What is in the cache


def test_list_says_what_is_really_there(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pin = PINS["openssl"]
    assert build_native_libs.describe(pin) == f"openssl {pin.version}: not built"
    facts = {"version": "3.5.7", "source": "Debian's", "patches": ["a", "b"]}
    other = install(native_pins.prefix_for(pin, "3.5.7"), facts)
    line = f"openssl 3.5.7 instead of {pin.version}, which is pinned (Debian's, 2 patches): {other}"
    assert build_native_libs.describe(pin) == line
    facts = {"version": pin.version, "source": "https://x", "patches": []}
    exact = install(native_pins.prefix_for(pin, pin.version), facts)
    assert build_native_libs.describe(pin) == f"openssl {pin.version} (https://x): {exact}"


def test_cache_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLSMGM_NATIVE_CACHE", "/a")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    assert native_pins.cache_root() == Path("/a")
    monkeypatch.delenv("TLSMGM_NATIVE_CACHE")
    assert native_pins.cache_root() == Path("/b/tlsmgm/native")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/c")
    assert native_pins.cache_root() == Path("/c/.cache/tlsmgm/native")


def test_nothing_is_built_in_an_empty_cache(cache: Path) -> None:
    assert build_native_libs.built_prefix("openssl") is None


def test_half_a_build_does_not_count(cache: Path) -> None:
    pin = PINS["openssl"]
    native_pins.prefix_for(pin, pin.version).mkdir()
    assert build_native_libs.built_prefix("openssl") is None


def test_pinned_release_is_preferred_to_another_of_its_series(cache: Path) -> None:
    pin = PINS["openssl"]
    other = install(native_pins.prefix_for(pin, "3.5.7"))
    assert build_native_libs.built_prefix("openssl") == other
    exact = install(native_pins.prefix_for(pin, pin.version))
    assert build_native_libs.built_prefix("openssl") == exact


def test_build_for_an_older_pin_does_not_count(cache: Path) -> None:
    older = dataclasses.replace(PINS["openssl"], version="3.5.8")
    install(native_pins.prefix_for(older, "3.5.8"))
    assert build_native_libs.built_prefix("openssl") is None


# The build itself

#: A library, and where it was built each time.
StandIn = tuple[Pin, list[Path]]


@pytest.fixture
def stand_in(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """A library whose build takes a moment and is counted."""
    pin = PINS["openssl"]
    runs: list[Path] = []

    def get_source(pin: Pin, work: Path, steps: Steps) -> native_sources.Source:
        (work / pin.license).write_text("free")
        return native_sources.Source(work, pin.version, "stand-in", pin.sha256, [])

    def recipe(pin: Pin, tree: Path, staging: Path, steps: Steps) -> None:
        runs.append(staging)
        time.sleep(0.05)
        for name in build_native_libs.LIBRARIES[pin.name]:
            path = staging / build_native_libs.NEUTRAL_PREFIX.lstrip("/") / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    monkeypatch.setattr(build_native_libs, "check_tools", lambda name: None)
    monkeypatch.setattr(build_native_libs, "get_source", get_source)
    monkeypatch.setitem(build_native_libs.RECIPES, pin.name, recipe)
    return pin, runs


def test_build_is_done_once(stand_in: StandIn) -> None:
    pin, runs = stand_in
    prefix = build_native_libs.build(pin)
    assert build_native_libs.build(pin) == prefix
    assert len(runs) == 1
    assert (prefix / "LICENSE").read_text() == "free"
    manifest = json.loads((prefix / "manifest.json").read_text())
    assert manifest["version"] == pin.version
    assert manifest["sha256"] == pin.sha256
    assert manifest["configure"] == pin.configure_flags()


def test_concurrent_builders_share_one_build(stand_in: StandIn) -> None:
    pin, runs = stand_in
    prefixes: list[Path] = []
    builders = [
        threading.Thread(target=lambda: prefixes.append(build_native_libs.build(pin)))
        for _ in range(4)
    ]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()
    assert len(runs) == 1
    assert len(prefixes) == 4
    assert len(set(prefixes)) == 1


def test_failed_build_leaves_nothing_that_counts(
    stand_in: StandIn, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin, _ = stand_in

    def recipe(pin: Pin, tree: Path, staging: Path, steps: Steps) -> None:
        steps.run("compile", ["sh", "-c", "echo the reason; exit 3"], cwd=tree)

    monkeypatch.setitem(build_native_libs.RECIPES, pin.name, recipe)
    with pytest.raises(NativeBuildError) as caught:
        build_native_libs.build(pin)
    assert "the reason" in str(caught.value)
    assert "exit code 3" in str(caught.value)
    assert str(cache) in str(caught.value)
    assert build_native_libs.built_prefix(pin.name) is None
    assert not [path for path in cache.iterdir() if path.is_dir()]


def test_library_without_its_files_is_refused(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin, _ = stand_in
    monkeypatch.setitem(build_native_libs.LIBRARIES, pin.name, ["lib/libssl.a"])
    monkeypatch.setitem(build_native_libs.RECIPES, pin.name, lambda *_: None)
    with pytest.raises(NativeBuildError, match=r"lacks lib/libssl\.a"):
        build_native_libs.build(pin)


def test_library_that_tells_where_it_was_built_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libx.a").write_bytes(b"..." + str(tmp_path).encode() + b"/src/x.c")
    with pytest.raises(NativeBuildError, match="path of its build directory"):
        build_native_libs.refuse_build_paths(tmp_path, tmp_path)


def test_missing_tools_are_named_with_their_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(NativeBuildError) as caught:
        build_native_libs.check_tools("wolfssl")
    assert "apt-get install make patch autoconf automake libtool gcc libc6-dev" in str(caught.value)


def test_flags_of_the_caller_stay_out_of_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CFLAGS", "-O0")
    monkeypatch.setenv("MAKEFLAGS", "-n")
    environment = build_native_libs.build_environment()
    assert not {"CFLAGS", "MAKEFLAGS"} & set(environment)


# The command line


def test_print_prefix_exits_1_until_the_library_is_built(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build_native_libs.main(["--print-prefix", "openssl"]) == 1
    pin = PINS["openssl"]
    prefix = install(native_pins.prefix_for(pin, pin.version))
    assert build_native_libs.main(["--print-prefix", "openssl"]) == 0
    assert capsys.readouterr().out == f"{prefix}\n"


def test_list_tells_what_is_built(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_native_libs.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(PINS)
    assert all(line.endswith("not built") for line in lines)


def test_unknown_library_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        build_native_libs.main(["gnutls"])
    assert caught.value.code == 2
    assert "no library 'gnutls'" in capsys.readouterr().err


def test_failure_is_one_message_and_exit_code_1(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(pin: Pin) -> None:
        raise NativeBuildError("the reason")

    monkeypatch.setattr(build_native_libs, "build", fail)
    assert build_native_libs.main(["openssl"]) == 1
    assert "error: the reason" in capsys.readouterr().err


# What really lies in this machine's cache


@pytest.mark.parametrize("name", PINS)
def test_built_library_is_complete(name: str) -> None:
    prefix = build_native_libs.built_prefix(name)
    if prefix is None:
        pytest.skip(f"{name} is not built here")
    for path in [*build_native_libs.LIBRARIES[name], "LICENSE", "manifest.json"]:
        assert (prefix / path).is_file(), path
    manifest = json.loads((prefix / "manifest.json").read_text())
    assert manifest["pinned_version"] == PINS[name].version


def test_built_wolfssl_keeps_larger_certificates_and_no_secrets() -> None:
    prefix = build_native_libs.built_prefix("wolfssl")
    if prefix is None:
        pytest.skip("wolfSSL is not built here")
    options = (prefix / "include" / "wolfssl" / "options.h").read_text()
    assert "#define MAX_TICKET_PEER_CERT_SZ 4096" in options
    assert "SHOW_SECRETS" not in options
    assert "SSLKEYLOGFILE" not in options
