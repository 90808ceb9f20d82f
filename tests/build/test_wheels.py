"""Wheels: which files belong where, what is added, and what the checks refuse.

Nothing here builds a wheel: `make wheel` does, and checks and tries what came out.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import check_wheel
import distributions
import enclose
import finish_wheel
import linkage
import make_wheels
import native_pins
import pytest
import repeatable
import sbom
import try_wheels
from distributions import DISTRIBUTIONS, TLSMGM, TLSMGM_WOLFSSL

ROOT = Path(__file__).resolve().parents[2]
EPOCH = 1_700_000_000

NATIVE = {
    "name": "wolfssl",
    "version": "5.9.2",
    "source": "https://example.org/wolfssl-5.9.2.tar.gz",
    "sha256": "ab" * 32,
    "patches": ["mend.patch"],
    "configure": ["--enable-sni"],
}
METADATA = """\
Metadata-Version: 2.4
Name: tlsmgm-wolfssl
Version: 1.2
License-Expression: GPL-3.0-or-later
License-File: LICENSE
Requires-Dist: tlsmgm==1.2

# Text
Version: 9
License-File: not a header
"""
FOLDER = "tlsmgm_wolfssl-1.2.dist-info"
PLAIN = "tlsmgm_wolfssl-1.2-cp311-cp311-linux_x86_64"
MODULE = "tlsmgm_wolfssl/_wolfssl.cpython-311-x86_64-linux-gnu.so"


def settings(path: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / path).read_text(encoding="utf-8"))["project"]
    return found


def plain_files() -> dict[str, bytes]:
    """The files of a wheel as setuptools leaves it."""
    return {
        MODULE: b"\x7fELF wolfSSL 5.9.2",
        "tlsmgm_wolfssl/__init__.py": b"",
        f"{FOLDER}/METADATA": METADATA.encode(),
        f"{FOLDER}/licenses/LICENSE": b"Apache",
    }


def write_plain(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    repeatable.write_wheel(path, plain_files(), EPOCH)
    return path


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """Where a TLS library was installed."""
    folder = tmp_path / "prefix"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(NATIVE))
    (folder / "LICENSE").write_text("GPL")
    return folder


@pytest.fixture
def enclosed(tmp_path: Path, prefix: Path) -> dict[str, bytes]:
    """The files of a finished wheel."""
    wheel = write_plain(tmp_path / f"{PLAIN}.whl")
    enclose.enclose(wheel, TLSMGM_WOLFSSL, prefix, EPOCH)
    return repeatable.read_wheel(wheel)


# Which files belong to which distribution


def skip_without_git() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is a copy without git")


def test_every_source_of_a_backend_is_in_its_distribution_alone() -> None:
    skip_without_git()
    known = distributions.known_files(ROOT)
    ours, wolfssl = (distributions.targets(one, known) for one in DISTRIBUTIONS)
    assert "tlsmgm/_backends/_openssl.pyx" in ours
    assert "csrc/backends/openssl/backend.c" in ours
    assert "tlsmgm_wolfssl/_wolfssl.pyx" in wolfssl
    assert "csrc/backends/wolfssl/backend.c" in wolfssl
    assert not [path for path in ours if "wolfssl" in path]
    assert "wheels/patches/wolfssl-p256-carry.patch" in wolfssl
    assert not [path for path in wolfssl if "openssl" in path]
    assert not [path for path in wolfssl if path.startswith("tlsmgm/") and path.endswith(".py")]
    for tree in (ours, wolfssl):
        assert {"setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"} <= set(tree)
        assert "csrc/include/tlsmgm.h" in tree
        assert not [
            path for path in tree if path.startswith(("tests/", "benchmarks/", "findings/", "."))
        ]


def test_the_overlay_takes_the_place_of_the_checkouts_own_files() -> None:
    known = ["pyproject.toml", "wheels/tlsmgm_wolfssl/pyproject.toml", "wheels/native_libs.toml"]
    assert distributions.targets(TLSMGM, known) == {
        "pyproject.toml": "pyproject.toml",
        "wheels/native_libs.toml": "wheels/native_libs.toml",
    }
    assert distributions.targets(TLSMGM_WOLFSSL, known) == {
        "pyproject.toml": "wheels/tlsmgm_wolfssl/pyproject.toml",
        "wheels/native_libs.toml": "wheels/native_libs.toml",
    }


def test_the_wolfssl_distribution_is_not_built_without_wolfssl(tmp_path: Path) -> None:
    """What came out would install, and have nothing in it."""
    skip_without_git()
    tree = tmp_path / "tree"
    distributions.put_together(TLSMGM_WOLFSSL, tree, ROOT)
    environment = {**os.environ, "TLSMGM_WOLFSSL_PREFIX": str(tmp_path / "nowhere")}
    command = [sys.executable, "setup.py", "--name"]
    done = subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "there is nothing to build" in done.stderr


def test_both_distributions_are_of_one_release() -> None:
    ours = settings("pyproject.toml")
    wolfssl = settings("wheels/tlsmgm_wolfssl/pyproject.toml")
    version = ours["version"]
    assert wolfssl["version"] == version
    assert wolfssl["dependencies"] == [f"tlsmgm=={version}"]
    assert ours["optional-dependencies"]["wolfssl"] == [f"tlsmgm-wolfssl=={version}"]
    assert wolfssl["requires-python"] == ours["requires-python"]


def test_each_distribution_names_its_licence_and_its_backend() -> None:
    for one, path in zip(
        DISTRIBUTIONS, ("pyproject.toml", "wheels/tlsmgm_wolfssl/pyproject.toml"), strict=True
    ):
        facts = settings(path)
        assert facts["name"] == one.name
        assert facts["license"] == one.license
        assert list(facts["entry-points"]["tlsmgm.backends"]) == [one.library]


# What is added to a wheel


def test_a_bill_of_materials_names_release_source_and_licence() -> None:
    text = sbom.bill_of_materials(TLSMGM_WOLFSSL, "1.2", NATIVE, EPOCH)
    document = json.loads(text)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert document["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"
    assert document["metadata"]["component"]["purl"] == "pkg:pypi/tlsmgm-wolfssl@1.2"
    [library] = document["components"]
    assert (library["name"], library["version"]) == ("wolfssl", "5.9.2")
    assert library["licenses"] == [{"expression": "GPL-3.0-or-later"}]
    [source] = library["externalReferences"]
    assert source["url"] == NATIVE["source"]
    assert source["hashes"] == [{"alg": "SHA-256", "content": NATIVE["sha256"]}]
    assert {"name": "tlsmgm:patch", "value": "mend.patch"} in library["properties"]
    assert text == sbom.bill_of_materials(TLSMGM_WOLFSSL, "1.2", NATIVE, EPOCH)


def test_a_bill_of_materials_names_the_source_package_of_debian() -> None:
    native = NATIVE | {"source": "Debian source package openssl 3.5.7-1~deb13u2"}
    component = sbom.native_component(TLSMGM, native)
    assert component["purl"] == "pkg:deb/debian/openssl@3.5.7-1~deb13u2?arch=source"
    assert "externalReferences" not in component
    assert {"name": "tlsmgm:source", "value": native["source"]} in component["properties"]


def test_a_licence_is_named_after_those_that_are_there() -> None:
    text = enclose.name_license(METADATA, "wolfssl/LICENSE")
    assert text == METADATA.replace(
        "License-File: LICENSE\n", "License-File: LICENSE\nLicense-File: wolfssl/LICENSE\n"
    )


def test_a_licence_is_named_where_the_last_header_is_one() -> None:
    text = enclose.name_license("Name: a\nLicense-File: LICENSE\n\nText\n", "b/LICENSE")
    assert text == "Name: a\nLicense-File: LICENSE\nLicense-File: b/LICENSE\n\nText\n"


def test_an_enclosed_wheel_has_nothing_to_complain_of(enclosed: dict[str, bytes]) -> None:
    assert enclosed[f"{FOLDER}/licenses/wolfssl/LICENSE"] == b"GPL"
    metadata = enclosed[f"{FOLDER}/METADATA"].decode()
    assert check_wheel.problems_of_metadata(metadata, TLSMGM_WOLFSSL) == []
    assert check_wheel.problems_of_contents(enclosed, TLSMGM_WOLFSSL) == []
    assert check_wheel.problems_of_bill(enclosed, TLSMGM_WOLFSSL) == []
    assert check_wheel.problems_of_paths(enclosed, ["/home/me/"]) == []


# Archives that can be repeated


def test_a_wheel_is_the_same_whatever_the_order_of_its_files(tmp_path: Path) -> None:
    files = plain_files()
    turned = dict(reversed(files.items()))
    repeatable.write_wheel(tmp_path / "one.whl", files, EPOCH)
    repeatable.write_wheel(tmp_path / "two.whl", turned, EPOCH)
    assert (tmp_path / "one.whl").read_bytes() == (tmp_path / "two.whl").read_bytes()


def test_a_wheel_lists_its_files_and_their_hashes(tmp_path: Path) -> None:
    files = repeatable.read_wheel(write_plain(tmp_path / "one.whl"))
    lines = files[f"{FOLDER}/RECORD"].decode().splitlines()
    assert {line.split(",")[0] for line in lines} == set(files)
    # The SHA-256 of nothing.
    empty = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
    assert f"tlsmgm_wolfssl/__init__.py,{empty},0" in lines
    assert f"{FOLDER}/RECORD,," in lines


def test_a_wheel_carries_the_given_time_and_none_before_1980(tmp_path: Path) -> None:
    for epoch, year in ((EPOCH, 2023), (0, 1980)):
        repeatable.write_wheel(tmp_path / "one.whl", plain_files(), epoch)
        with zipfile.ZipFile(tmp_path / "one.whl") as wheel:
            assert {entry.date_time[0] for entry in wheel.infolist()} == {year}


def test_a_source_distribution_forgets_who_made_it_and_when(tmp_path: Path) -> None:
    copies = []
    for name, mtime, order in (("one", 1, ("a", "b")), ("two", 2, ("b", "a"))):
        path = tmp_path / f"{name}.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for member in order:
                file = tmp_path / member
                file.write_text(member)
                file.chmod(0o700 if member == "a" else 0o600)
                entry = archive.gettarinfo(file, f"top/{member}")
                entry.mtime, entry.uname = mtime, name
                with file.open("rb") as content:
                    archive.addfile(entry, content)
        repeatable.settle_sdist(path, EPOCH)
        copies.append(path.read_bytes())
    assert copies[0] == copies[1]
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        facts = [(entry.name, entry.mode, entry.mtime, entry.uname) for entry in members]
    assert facts == [("top/a", 0o755, EPOCH, ""), ("top/b", 0o644, EPOCH, "")]


def test_a_wheel_is_not_finished_without_a_time(
    tmp_path: Path,
    prefix: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_plain(tmp_path / "wheel" / f"{PLAIN}.whl")
    monkeypatch.setattr(finish_wheel, "native_prefix", lambda distribution: prefix)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert finish_wheel.main([str(tmp_path / "wheel")]) == 1
    assert "SOURCE_DATE_EPOCH is not set" in capsys.readouterr().err


@pytest.mark.skipif(
    not all(map(shutil.which, ("cc", "nm", "readelf"))), reason="there is no compiler here"
)
@pytest.mark.parametrize("symbol", ["PyInit__wolfssl", "SSL_new"])
def test_a_repaired_wheel_is_finished_and_checked(
    tmp_path: Path,
    prefix: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    symbol: str,
) -> None:
    source = tmp_path / "module.c"
    source.write_text(f'const char *{symbol}(void) {{ return "5.9.2"; }}\n')
    module = tmp_path / "module.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-s", "-o", module, source], check=True)
    wheel = tmp_path / "wheel" / f"{PLAIN}.whl"
    wheel.parent.mkdir()
    repeatable.write_wheel(wheel, plain_files() | {MODULE: module.read_bytes()}, EPOCH)
    monkeypatch.setattr(finish_wheel, "native_prefix", lambda distribution: prefix)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    code = finish_wheel.main([str(wheel.parent)])
    assert code == (0 if symbol == "PyInit__wolfssl" else 1)
    assert ("exports SSL_new" in capsys.readouterr().err) == bool(code)
    assert f"{FOLDER}/licenses/wolfssl/LICENSE" in repeatable.read_wheel(wheel)


# What the checks refuse

DYNAMIC = """\
 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]
 0x0000000000000001 (NEEDED)             Shared library: [libpthread.so.0]
"""
SYMBOLS = "0000000000001234 T PyInit__wolfssl\n"


MUSL = """\
 0x0000000000000001 (NEEDED)             Shared library: [libc.musl-x86_64.so.1]
 0x0000000000000001 (NEEDED)             Shared library: [ld-musl-aarch64.so.1]
"""

# What otool and nm print of a module that has the fault which the test looks for.
LIBRARIES = """\
own.so:
\t/usr/lib/libSystem.B.dylib (compatibility version 1.0.0, current version 1351.0.0)
"""
OTHER_LIBRARY = "\t@rpath/libssl.3.dylib (compatibility version 1.0.0, current version 3.0.0)\n"
COMMANDS = """\
Load command 6
          cmd LC_LOAD_DYLIB
      cmdsize 48
         name @rpath/libssl.3.dylib (offset 24)
   time stamp 0 Thu Jan  1 00:00:00 1970
      current version 3.0.0
compatibility version 1.0.0
"""
SEARCH_PATH = """\
Load command 7
          cmd LC_RPATH
      cmdsize 24
         path /opt/lib (offset 12)
"""
MACOS_SYMBOLS = "0000000000000528 T _PyInit__wolfssl\n"


@pytest.mark.parametrize("dynamic", [DYNAMIC, MUSL])
def test_a_module_with_the_systems_libraries_and_its_init_function_is_fine(dynamic: str) -> None:
    found = linkage.from_elf(dynamic, SYMBOLS)
    assert len(found.needed) == 2
    assert check_wheel.problems_of_module(MODULE, found) == []


@pytest.mark.parametrize("library", ["libssl.so.3", "libcrypto.so.3", "libwolfssl.so.44"])
def test_a_shared_tls_library_is_refused(library: str) -> None:
    line = f" 0x0000000000000001 (NEEDED)             Shared library: [{library}]\n"
    found = linkage.from_elf(DYNAMIC + line, SYMBOLS)
    [problem] = check_wheel.problems_of_module(MODULE, found)
    assert problem.endswith(f"needs {library}")


@pytest.mark.parametrize("kind", ["RPATH", "RUNPATH"])
def test_a_search_path_is_refused(kind: str) -> None:
    line = f" 0x000000000000001d ({kind})            Library search path: [/opt/lib]\n"
    found = linkage.from_elf(DYNAMIC + line, SYMBOLS)
    [problem] = check_wheel.problems_of_module(MODULE, found)
    assert problem.endswith("looks for libraries in /opt/lib")


@pytest.mark.parametrize(
    ("symbols", "said"),
    [
        (SYMBOLS + "0000000000005678 T SSL_new\n", "exports PyInit__wolfssl, SSL_new"),
        ("0000000000005678 T PyInit_other\n", "exports PyInit_other"),
        ("", "exports nothing"),
    ],
)
def test_other_symbols_than_the_init_function_are_refused(symbols: str, said: str) -> None:
    [problem] = check_wheel.problems_of_module(MODULE, linkage.from_elf(DYNAMIC, symbols))
    assert said in problem


def test_a_module_of_macos_with_the_systems_library_is_fine() -> None:
    found = linkage.from_macho(LIBRARIES, COMMANDS, MACOS_SYMBOLS)
    assert found.needed == ["/usr/lib/libSystem.B.dylib"]
    assert check_wheel.problems_of_module(MODULE, found) == []


@pytest.mark.parametrize(
    ("libraries", "commands", "symbols", "said"),
    [
        (OTHER_LIBRARY, "", "", "needs @rpath/libssl.3.dylib"),
        ("", SEARCH_PATH, "", "looks for libraries in /opt/lib"),
        ("", "", "0000000000000510 T _SSL_new\n", "exports PyInit__wolfssl, SSL_new"),
    ],
)
def test_faults_of_a_module_of_macos_are_refused(
    libraries: str, commands: str, symbols: str, said: str
) -> None:
    found = linkage.from_macho(LIBRARIES + libraries, COMMANDS + commands, MACOS_SYMBOLS + symbols)
    [problem] = check_wheel.problems_of_module(MODULE, found)
    assert said in problem


@pytest.mark.parametrize("place", ["/home/me/src/x.h", "/root/.cache/y", "/tmp/build-1/z.c"])
def test_a_path_of_the_building_machine_in_a_module_is_refused(place: str) -> None:
    files = {MODULE: b"\0" + place.encode() + b"\0"}
    assert check_wheel.problems_of_paths(files, []) == [f"{MODULE} contains {place}"]


def test_a_forbidden_text_is_refused_in_every_file() -> None:
    files = {"a.py": b"# see /srv/me/notes", MODULE: b"/etc/ssl/certs"}
    problems = check_wheel.problems_of_paths(files, ["/srv/me/"])
    assert problems == ["a.py contains /srv/me/"]


def test_a_file_of_the_other_distribution_is_refused(enclosed: dict[str, bytes]) -> None:
    enclosed["tlsmgm/_backends/_openssl.so"] = b""
    assert check_wheel.problems_of_contents(enclosed, TLSMGM_WOLFSSL) == [
        "tlsmgm/_backends/_openssl.so does not belong here"
    ]


@pytest.mark.parametrize("name", ["licenses/LICENSE", "licenses/wolfssl/LICENSE"])
def test_a_missing_licence_is_refused(enclosed: dict[str, bytes], name: str) -> None:
    del enclosed[f"{FOLDER}/{name}"]
    problems = check_wheel.problems_of_contents(enclosed, TLSMGM_WOLFSSL)
    assert problems == [f"{FOLDER}/{name} is missing"]


def test_modules_beside_the_package_are_refused_where_missing_or_strange() -> None:
    folder = "tlsmgm-1.2.dist-info"
    files = dict.fromkeys(
        (f"{folder}/METADATA", f"{folder}/licenses/LICENSE", f"{folder}/licenses/openssl/LICENSE"),
        b"",
    )
    files["tlsmgm_program.py.orig"] = b""
    assert check_wheel.problems_of_contents(files, TLSMGM) == [
        "tlsmgm_program.py.orig does not belong here",
        "tlsmgm_program.py is missing",
    ]
    files["tlsmgm_program.py"] = files.pop("tlsmgm_program.py.orig")
    assert check_wheel.problems_of_contents(files, TLSMGM) == []


def test_another_licence_expression_is_refused() -> None:
    metadata = enclose.name_license(METADATA, "wolfssl/LICENSE")
    wrong = metadata.replace("GPL-3.0-or-later", "Apache-2.0")
    assert check_wheel.problems_of_metadata(wrong, TLSMGM_WOLFSSL) == [
        "METADATA lacks 'License-Expression: GPL-3.0-or-later'"
    ]


def test_a_bill_of_materials_that_names_another_release_is_refused(
    enclosed: dict[str, bytes],
) -> None:
    enclosed[MODULE] = b"\x7fELF wolfSSL 5.9.1"
    [problem] = check_wheel.problems_of_bill(enclosed, TLSMGM_WOLFSSL)
    assert problem.endswith("lists wolfssl 5.9.2, which is in no module")


def test_a_bill_of_materials_without_the_library_is_refused(enclosed: dict[str, bytes]) -> None:
    name = f"{FOLDER}/sboms/wolfssl.cdx.json"
    enclosed[name] = json.dumps({"components": []}).encode()
    problems = check_wheel.problems_of_bill(enclosed, TLSMGM_WOLFSSL)
    assert problems == [f"{name} does not list wolfssl"]
    del enclosed[name]
    problems = check_wheel.problems_of_bill(enclosed, TLSMGM_WOLFSSL)
    assert problems == [f"{name} is missing"]


@pytest.mark.skipif(
    not all(map(shutil.which, ("cc", "nm", "readelf"))), reason="there is no compiler here"
)
@pytest.mark.parametrize("visibility", ["default", "hidden"])
def test_a_real_module_is_read(tmp_path: Path, visibility: str) -> None:
    source = tmp_path / "module.c"
    source.write_text("void PyInit_own(void) {}\n")
    hidden = f'__attribute__((visibility("{visibility}"))) void SSL_new(void) {{}}\n'
    source.write_text(source.read_text() + hidden)
    module = tmp_path / "own.so"
    command = ["cc", "-shared", "-fPIC", "-o", str(module), str(source)]
    subprocess.run(command, check=True)
    problems = check_wheel.problems_of_modules({"own.so": module.read_bytes()})
    assert bool(problems) == (visibility == "default")


def test_a_wheel_without_modules_is_refused() -> None:
    assert check_wheel.problems_of_modules({"a.py": b""}) == ["there is no extension module"]


# Making and trying


def test_files_that_differ_between_two_builds_are_named(tmp_path: Path) -> None:
    paths: dict[str, list[Path]] = {}
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        paths[name] = [tmp_path / name / file for file in ("same.whl", "other.whl")]
        paths[name][0].write_text("same")
        paths[name][1].write_text(name)
    paths["second"].append(tmp_path / "second" / "more.whl")
    paths["second"][2].write_text("")
    found = make_wheels.differences(paths["first"], paths["second"])
    assert found == ["more.whl", "other.whl"]


def test_a_build_takes_no_choices_of_the_caller() -> None:
    caller = {"PATH": "/bin", "TLSMGM_BACKENDS": "none", "TLSMGM_NATIVE_CACHE": "/cache"}
    environment = make_wheels.build_environment(caller, EPOCH)
    assert "TLSMGM_BACKENDS" not in environment
    assert environment["TLSMGM_NATIVE_CACHE"] == "/cache"
    assert environment["SOURCE_DATE_EPOCH"] == str(EPOCH)
    assert "rpath" not in environment["LDSHARED"]


def test_a_trial_has_no_compiler_and_no_way_back_to_the_checkout(tmp_path: Path) -> None:
    caller = {"PATH": "/usr/bin", "PYTHONPATH": "/src", "CC": "cc", "TLSMGM_X": "1", "LANG": "C"}
    environment = try_wheels.bare_environment(caller, [tmp_path])
    assert environment == {"PATH": str(tmp_path), "LANG": "C"}
    try_wheels.refuse_compilers(environment)
    compiler = tmp_path / "gcc"
    compiler.touch(mode=0o755)
    with pytest.raises(try_wheels.TrialError, match="gcc"):
        try_wheels.refuse_compilers(environment)


@pytest.mark.parametrize(
    ("version", "setting", "refused"),
    [("5.9.2", "", False), ("5.9.1", "", True), ("5.9.1", "0", True), ("5.9.1", "1", False)],
)
def test_only_a_pinned_library_goes_into_a_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, setting: str, refused: bool
) -> None:
    monkeypatch.setenv("TLSMGM_NATIVE_CACHE", str(tmp_path))
    monkeypatch.setenv(make_wheels.ALLOW_UNPINNED, setting)
    pin = dataclasses.replace(native_pins.load_pins()["wolfssl"], version="5.9.2")
    monkeypatch.setattr(make_wheels, "load_pins", lambda: {"wolfssl": pin})
    prefix = native_pins.prefix_for(pin, version)
    prefix.mkdir()
    (prefix / "manifest.json").write_text(json.dumps({"version": version}))
    if not refused:
        assert make_wheels.native_prefix(TLSMGM_WOLFSSL) == prefix
        return
    with pytest.raises(make_wheels.WheelError) as caught:
        make_wheels.native_prefix(TLSMGM_WOLFSSL)
    text = str(caught.value)
    assert all(word in text for word in ("5.9.2 is pinned", "5.9.1", "TLSMGM_ALLOW_UNPINNED=1"))
