"""The native libraries' build: pins, cache, sources, and which library a backend links with.

Nothing here needs the network or compiles a library; where a build is wanted, a small stand-in
takes the place of the recipe.
"""

import dataclasses
import io
import json
import re
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import build_native_libs
import c_core
import native_apt
import native_link
import native_pins
import native_sources
import pytest
from native_pins import NativeBuildError
from native_steps import Steps

PINS = native_pins.load_pins()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of native libraries."""
    root = tmp_path / "cache"
    root.mkdir()
    monkeypatch.setenv("TLSMGM_NATIVE_CACHE", str(root))
    return root


@pytest.fixture
def steps(tmp_path):
    return Steps("stand-in 1.0", tmp_path / "build.log")


# It makes "mended" of a file that says hello.
MEND = b"--- a/file\n+++ b/file\n@@ -1 +1 @@\n-hello\n\\ No newline at end of file\n+mended\n"


def install(prefix: Path, facts: dict | None = None) -> Path:
    """Make a directory look like a finished build."""
    prefix.mkdir(parents=True)
    (prefix / "manifest.json").write_text(json.dumps(facts or {}))
    return prefix


def make_archive(path: Path, names: list[str], content: bytes = b"hello") -> Path:
    return make_tar(path, dict.fromkeys(names, content))


def make_tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


# What is pinned


@pytest.mark.parametrize("pin", PINS.values(), ids=PINS)
def test_pin_is_complete_and_of_one_piece(pin):
    assert re.fullmatch(r"[0-9a-f]{64}", pin.sha256)
    assert pin.version.startswith(pin.series + ".")
    assert native_pins.numbers(pin.oldest) <= native_pins.numbers(pin.version)
    assert all(url.startswith("https://") and pin.version in url for url in pin.urls)


def test_no_pinned_flag_logs_secrets():
    for pin in PINS.values():
        flags = " ".join([*pin.configure, pin.cflags, pin.cppflags])
        assert not re.search(r"keylog|SHOW_SECRETS", flags, re.IGNORECASE)


def test_key_depends_on_every_flag():
    pin = PINS["wolfssl"]
    changed = [
        dataclasses.replace(pin, cflags="-O1"),
        dataclasses.replace(pin, cppflags="-DX"),
        dataclasses.replace(pin, configure=[*pin.configure, "--enable-x"]),
        dataclasses.replace(pin, version="5.9.99"),
    ]
    assert len({pin.key(), *(other.key() for other in changed)}) == 5


@pytest.mark.parametrize("macos", [False, True])
def test_what_only_macos_needs_changes_nothing_elsewhere(monkeypatch, macos):
    monkeypatch.setattr(native_pins, "MACOS", macos)
    pin = PINS["wolfssl"]
    other = dataclasses.replace(pin, macos=native_pins.MacosChanges([], []))
    assert (pin.key() != other.key()) == macos
    assert ("--disable-sys-ca-certs" in pin.configure_flags()) == macos
    assert ("-DWOLFSSL_GETRANDOM" in pin.preprocessor_flags().split()) != macos
    assert "-DHAVE_SECRET_CALLBACK" in pin.preprocessor_flags().split()


@pytest.mark.parametrize("macos", [False, True])
def test_a_library_for_another_macos_is_another_library(monkeypatch, macos):
    monkeypatch.setattr(native_pins, "MACOS", macos)
    keys = set()
    for version in ("11.0", "15.0"):
        monkeypatch.setenv("MACOSX_DEPLOYMENT_TARGET", version)
        keys.add(PINS["openssl"].key())
    assert len(keys) == (2 if macos else 1)


@pytest.mark.parametrize("pin", PINS.values(), ids=PINS)
def test_patches_are_there_and_a_wheel_of_the_other_library_lacks_them(pin):
    assert not pin.missing_patches()
    assert all(name.startswith(f"{pin.name}-") for name in pin.patches)


def test_every_patch_is_used_and_says_why():
    used = {path for pin in PINS.values() for path in pin.patch_files()}
    assert used == set(native_pins.PATCHES.glob("*"))
    for path in used:
        words = path.read_text(encoding="utf-8").partition("\n--- ")[0]
        assert len(words.split()) > 20, f"{path.name} does not say what it is for"


def test_a_release_is_chosen_in_two_lines(tmp_path):
    text = native_pins.PINS_FILE.read_text(encoding="utf-8")
    pin = PINS["wolfssl"]
    text = text.replace(f'version = "{pin.version}"', 'version = "5.9.77"')
    text = text.replace(pin.sha256, "ab" * 32)
    other = tmp_path / "pins.toml"
    other.write_text(text, encoding="utf-8")
    chosen = native_pins.load_pins(other)["wolfssl"]
    assert "5.9.77" in chosen.urls[0]
    assert pin.version not in chosen.urls[0]
    assert (chosen.version, chosen.sha256) == ("5.9.77", "ab" * 32)


@pytest.fixture
def patches(tmp_path, monkeypatch):
    """A folder of patches of ours, with one for a file that says hello."""
    folder = tmp_path / "patches"
    folder.mkdir()
    (folder / "mend.patch").write_bytes(MEND)
    monkeypatch.setattr(native_pins, "PATCHES", folder)
    return folder


def with_patch(name="openssl", patch="mend.patch"):
    return dataclasses.replace(PINS[name], patches=[patch])


def test_key_depends_on_the_text_of_patches(patches):
    plain = dataclasses.replace(PINS["openssl"], patches=[])
    keys = {plain.key(), with_patch().key()}
    (patches / "mend.patch").write_bytes(MEND + b"\n")
    keys.add(with_patch().key())
    assert len(keys) == 3


@pytest.mark.parametrize("content", [b"hello", b"mended\n"])
def test_own_patch_is_applied_unless_the_release_has_it(tmp_path, steps, patches, content):
    archive = make_archive(tmp_path / "lib.tar.gz", ["lib-1.0/file"], content)
    pin = dataclasses.replace(
        with_patch(), urls=[archive.as_uri()], sha256=native_pins.file_hash(archive)
    )
    work = tmp_path / "work"
    work.mkdir()
    source = native_sources.get_source(pin, work, steps)
    assert (source.tree / "file").read_text() == "mended\n"
    assert source.patches == (["wheels/patches/mend.patch"] if content == b"hello" else [])


def test_own_patch_that_fits_nowhere_is_an_error(tmp_path, steps, patches):
    (tmp_path / "file").write_text("other\n")
    with pytest.raises(NativeBuildError, match=r"mend\.patch does not fit openssl"):
        native_sources.apply_own_patches(with_patch(), source_in(tmp_path), steps)
    assert (tmp_path / "file").read_text() == "other\n"


def source_in(tree, version="1.0", mended=()):
    return native_sources.Source(tree, version, "here", "", [], frozenset(mended))


@pytest.mark.parametrize(
    ("head", "version", "mended", "applied"),
    [
        ("", "1.10", [], True),
        ("Mended-in: 1.9\n", "1.8.5", [], True),
        ("Mended-in: 1.9\n", "1.10", [], False),
        ("Mends: CVE-2030-1111\n", "1.8", ["CVE-2030-2222"], True),
        ("Mends: CVE-2030-1111\n", "1.8", ["CVE-2030-1111", "CVE-2030-2222"], False),
        ("Mends: CVE-2030-1111 CVE-2030-2222\n", "1.8", ["CVE-2030-1111"], True),
    ],
)
def test_own_patch_is_left_out_where_others_have_mended_it(
    tmp_path, steps, patches, head, version, mended, applied
):
    (patches / "mend.patch").write_bytes(b"Words.\n\n" + head.encode() + b"\n" + MEND)
    (tmp_path / "file").write_text("hello")
    source = source_in(tmp_path, version, mended)
    done = native_sources.apply_own_patches(with_patch(), source, steps)
    assert done == (["wheels/patches/mend.patch"] if applied else [])
    assert ((tmp_path / "file").read_text() == "mended\n") == applied


def test_library_whose_patch_is_missing_is_not_built(cache, patches, monkeypatch, capsys):
    monkeypatch.setattr(build_native_libs, "check_tools", lambda name: None)
    pin = with_patch(patch="absent.patch")
    with pytest.raises(NativeBuildError, match=r"missing in wheels/patches: absent\.patch"):
        build_native_libs.build(pin)
    # Without names, what the tree has no patches for is passed over.
    monkeypatch.setattr(build_native_libs, "load_pins", lambda: {"openssl": pin})
    assert build_native_libs.main(["--list"]) == 0
    assert capsys.readouterr().out == ""


# What is in the cache


def test_list_says_what_is_really_there(cache, capsys):
    pin = PINS["openssl"]
    assert build_native_libs.describe(pin) == f"openssl {pin.version}: not built"
    facts = {"version": "3.5.7", "source": "Debian's", "patches": ["a", "b"]}
    other = install(native_pins.prefix_for(pin, "3.5.7"), facts)
    line = f"openssl 3.5.7 instead of {pin.version}, which is pinned (Debian's, 2 patches): {other}"
    assert build_native_libs.describe(pin) == line
    facts = {"version": pin.version, "source": "https://x", "patches": []}
    exact = install(native_pins.prefix_for(pin, pin.version), facts)
    assert build_native_libs.describe(pin) == f"openssl {pin.version} (https://x): {exact}"


def test_cache_follows_the_environment(monkeypatch):
    monkeypatch.setenv("TLSMGM_NATIVE_CACHE", "/a")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    assert native_pins.cache_root() == Path("/a")
    monkeypatch.delenv("TLSMGM_NATIVE_CACHE")
    assert native_pins.cache_root() == Path("/b/tlsmgm/native")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/c")
    assert native_pins.cache_root() == Path("/c/.cache/tlsmgm/native")


def test_nothing_is_built_in_an_empty_cache(cache):
    assert build_native_libs.built_prefix("openssl") is None


def test_half_a_build_does_not_count(cache):
    pin = PINS["openssl"]
    native_pins.prefix_for(pin, pin.version).mkdir()
    assert build_native_libs.built_prefix("openssl") is None


def test_pinned_release_is_preferred_to_another_of_its_series(cache):
    pin = PINS["openssl"]
    other = install(native_pins.prefix_for(pin, "3.5.7"))
    assert build_native_libs.built_prefix("openssl") == other
    exact = install(native_pins.prefix_for(pin, pin.version))
    assert build_native_libs.built_prefix("openssl") == exact


def test_build_for_an_older_pin_does_not_count(cache):
    older = dataclasses.replace(PINS["openssl"], version="3.5.8")
    install(native_pins.prefix_for(older, "3.5.8"))
    assert build_native_libs.built_prefix("openssl") is None


# Where the source code comes from


def test_archive_with_another_hash_is_refused(tmp_path):
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(b"not it")
    with pytest.raises(NativeBuildError, match="not the file that is pinned"):
        native_sources.check_hash(archive, PINS["openssl"].sha256, "https://example.org/a")


@pytest.mark.parametrize("names", [["top/../../outside"], ["top/a", "../outside"]])
@pytest.mark.skipif(not hasattr(tarfile, "data_filter"), reason="this Python's tarfile is too old")
def test_archive_that_leaves_its_directory_is_refused(tmp_path, names):
    archive = make_archive(tmp_path / "a.tar.gz", names)
    with pytest.raises(tarfile.FilterError):
        native_sources.unpack(archive, tmp_path)
    assert not (tmp_path / "outside").exists()


def test_archive_with_two_tops_is_refused(tmp_path):
    archive = make_archive(tmp_path / "a.tar.gz", ["one/a", "two/b"])
    with pytest.raises(NativeBuildError, match="should hold one directory"):
        native_sources.unpack(archive, tmp_path)


def test_upstream_archive_is_checked_and_unpacked(tmp_path, steps):
    archive = make_archive(tmp_path / "lib.tar.gz", ["lib-1.0/README"])
    pin = dataclasses.replace(
        PINS["openssl"], urls=[archive.as_uri()], sha256=native_pins.file_hash(archive)
    )
    work = tmp_path / "work"
    work.mkdir()
    source = native_sources.get_source(pin, work, steps)
    assert (source.tree / "README").read_text() == "hello"
    assert source.version == pin.version


def test_wrong_upstream_archive_is_an_error_and_not_a_reason_to_look_elsewhere(
    tmp_path, steps, monkeypatch
):
    archive = make_archive(tmp_path / "lib.tar.gz", ["lib-1.0/README"])
    pin = dataclasses.replace(PINS["openssl"], urls=[archive.as_uri()])
    monkeypatch.setattr(native_sources, "from_debian", lambda *_: pytest.fail("looked elsewhere"))
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(NativeBuildError, match="not the file that is pinned"):
        native_sources.get_source(pin, work, steps)


def test_all_places_that_failed_are_named(tmp_path, steps, monkeypatch):
    pin = dataclasses.replace(PINS["openssl"], urls=[(tmp_path / "absent").as_uri()])

    def no_package(*_):
        raise NativeBuildError("no mirror has it")

    monkeypatch.setattr(native_sources, "from_debian", no_package)
    with pytest.raises(NativeBuildError) as caught:
        native_sources.get_source(pin, tmp_path, steps)
    assert "absent" in str(caught.value)
    assert "no mirror has it" in str(caught.value)


def debian_changes(folder: Path, patches: dict[str, bytes]) -> Path:
    """The part of a source package that has the distribution's patches."""
    files = {f"debian/patches/{name}": data for name, data in patches.items()}
    files["debian/patches/series"] = "".join(f"{name} # why\n" for name in patches).encode()
    return make_tar(folder / "lib.debian.tar.gz", files)


@pytest.mark.parametrize(
    ("patches", "applied"),
    [
        ({"mend.patch": MEND}, []),
        ({"CVE-2030-12345.patch": MEND}, ["CVE-2030-12345.patch"]),
        ({"mend.patch": b"Subject: mends CVE-2030-12345\n" + MEND}, ["mend.patch"]),
        # What a patch adds to the source says nothing about itself.
        ({"mend.patch": MEND.replace(b"mended", b"mended, not CVE-2030-12345")}, []),
    ],
)
def test_only_security_patches_of_the_distribution(tmp_path, steps, patches, applied):
    tree = tmp_path / "work" / "source" / "lib"
    tree.mkdir(parents=True)
    (tree / "file").write_text("hello")
    debian = native_pins.DebianSource(["sid"], True, [], only_security=True)
    pin = dataclasses.replace(PINS["wolfssl"], debian=debian)
    changes = debian_changes(tmp_path, patches)
    done = native_sources.apply_patches(pin, changes, tree, steps)
    assert [path.name for path in done] == applied
    assert ((tree / "file").read_text() == "mended\n") == bool(applied)


@pytest.mark.parametrize(
    ("version", "only_security", "found"),
    [("5.9.2-1.2", True, True), ("5.9.3-1", True, False), ("5.9.2-1.2", False, False)],
)
def test_pinned_release_will_do_without_the_security_patches(
    tmp_path, steps, monkeypatch, capsys, version, only_security, found
):
    def run(step, command, *, cwd):
        if "--diff-only" in command:
            return False
        (cwd / "wolfssl.orig.tar.gz").touch()
        return True

    monkeypatch.setattr(steps, "run_tolerantly", run)
    debian = native_pins.DebianSource(["sid"], True, [], only_security=only_security)
    pin = dataclasses.replace(PINS["wolfssl"], version="5.9.2", debian=debian)
    package = native_apt.download_package(pin, version, tmp_path, [], steps)
    assert (package is not None) == found
    assert package is None or package.changes is None
    assert ("has no patches" in capsys.readouterr().err) == found


@pytest.mark.parametrize("version", ["9.9.9", "9.9.8"])
def test_debian_release_is_checked_patched_and_told_about(
    tmp_path, steps, monkeypatch, capsys, version
):
    archive = make_archive(tmp_path / "lib.orig.tar.gz", ["lib/file"])
    mend = b"For CVE-2030-12345.\n" + MEND
    changes = debian_changes(tmp_path, {"skipped.patch": b"", "mend.patch": mend})
    debian = native_pins.DebianSource(["sid"], apply_patches=True, skip_patches=["skipped.patch"])
    pin = dataclasses.replace(
        PINS["openssl"],
        version="9.9.9",
        sha256=native_pins.file_hash(archive),
        debian=debian,
    )
    package = native_apt.SourcePackage(f"{version}-1", version, archive, changes)
    monkeypatch.setattr(native_apt, "fetch_source_package", lambda *_: package)
    work = tmp_path / "work"
    work.mkdir()
    source = native_sources.from_debian(pin, work, steps)
    assert source.version == version
    assert source.patches == ["mend.patch"]
    assert source.mended == {"CVE-2030-12345"}
    assert (source.tree / "file").read_text() == "mended\n"
    assert ("NOTE: openssl 9.9.9 is pinned" in capsys.readouterr().err) == (version != "9.9.9")


# Debian's mirrors and versions

STANZAS = """\
Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm
 bookworm-updates
Components: main contrib
Signed-By: /keys/debian.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: http://third.example/packages
Suites: nodistro
Components: main

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: bookworm
Components: main
"""

LINES = """\
# deb http://comment.example/debian bookworm main
deb [arch=amd64 signed-by=/keys/debian.gpg] http://mirror.example/debian bookworm main # why
deb http://mirror.example/debian-security bookworm-security main
deb http://third.example/apt bookworm-pgdg main
deb http://cloud.example/apt bookworm stable
"""


@pytest.mark.parametrize(
    ("text", "read"),
    [(STANZAS, native_apt.mirrors_in_stanzas), (LINES, native_apt.mirrors_in_lines)],
    ids=["stanzas", "lines"],
)
def test_only_debian_mirrors_are_taken(text, read):
    assert set(read(text)) == {
        native_apt.Mirror("http://mirror.example/debian", False, "/keys/debian.gpg"),
        native_apt.Mirror("http://mirror.example/debian-security", True, None),
    }


def test_suites_go_to_the_mirrors_that_carry_them():
    mirrors = native_apt.mirrors_in_stanzas(STANZAS)
    lines = native_apt.source_lines(mirrors, ["trixie-security", "trixie"])
    security, main = lines
    assert security.endswith("http://mirror.example/debian-security trixie-security main")
    expected = "deb-src [signed-by=/keys/debian.gpg] http://mirror.example/debian trixie main"
    assert main == expected


def test_apt_stays_in_its_private_directory(tmp_path, monkeypatch):
    etc = tmp_path / "etc"
    (etc / "sources.list.d").mkdir(parents=True)
    (etc / "sources.list").write_text(LINES)
    monkeypatch.setattr(native_apt, "APT_DIRECTORY", etc)
    home = tmp_path / "apt"
    text = native_apt.prepare_private_apt(home, ["sid"]).read_text()
    for option in ("Dir::State", "Dir::State::status", "Dir::Cache", "Dir::Etc::sourcelist"):
        assert f'{option} "{home}/' in text
    assert (home / "sources.list").read_text().count("deb-src") == 1


def test_versions_are_pinned_first_then_newest_and_never_of_another_series():
    pin = dataclasses.replace(PINS["openssl"], version="3.5.8", series="3.5", oldest="3.5.7")
    versions = ["3.5.7-1~deb13u2", "3.5.10-1", "3.5.6-1", "3.6.3-1", "3.5.8-1", "3.5.7-1~deb13u10"]
    assert native_apt.fitting_versions(pin, versions) == [
        "3.5.8-1",
        "3.5.10-1",
        "3.5.7-1~deb13u10",
        "3.5.7-1~deb13u2",
    ]


# The build itself


@pytest.fixture
def stand_in(cache, tmp_path, monkeypatch):
    """A library whose build takes a moment and is counted."""
    pin = PINS["openssl"]
    runs = []

    def get_source(pin, work, steps):
        (work / pin.license).write_text("free")
        return native_sources.Source(work, pin.version, "stand-in", pin.sha256, [])

    def recipe(pin, tree, staging, steps):
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


def test_build_is_done_once(stand_in):
    pin, runs = stand_in
    prefix = build_native_libs.build(pin)
    assert build_native_libs.build(pin) == prefix
    assert len(runs) == 1
    assert (prefix / "LICENSE").read_text() == "free"
    manifest = json.loads((prefix / "manifest.json").read_text())
    assert manifest["version"] == pin.version
    assert manifest["sha256"] == pin.sha256
    assert manifest["configure"] == pin.configure_flags()


def test_concurrent_builders_share_one_build(stand_in):
    pin, runs = stand_in
    prefixes = []
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


def test_failed_build_leaves_nothing_that_counts(stand_in, cache, monkeypatch):
    pin, _ = stand_in

    def recipe(pin, tree, staging, steps):
        steps.run("compile", ["sh", "-c", "echo the reason; exit 3"], cwd=tree)

    monkeypatch.setitem(build_native_libs.RECIPES, pin.name, recipe)
    with pytest.raises(NativeBuildError) as caught:
        build_native_libs.build(pin)
    assert "the reason" in str(caught.value)
    assert "exit code 3" in str(caught.value)
    assert str(cache) in str(caught.value)
    assert build_native_libs.built_prefix(pin.name) is None
    assert not [path for path in cache.iterdir() if path.is_dir()]


def test_library_without_its_files_is_refused(stand_in, monkeypatch):
    pin, _ = stand_in
    monkeypatch.setitem(build_native_libs.LIBRARIES, pin.name, ["lib/libssl.a"])
    monkeypatch.setitem(build_native_libs.RECIPES, pin.name, lambda *_: None)
    with pytest.raises(NativeBuildError, match=r"lacks lib/libssl\.a"):
        build_native_libs.build(pin)


def test_library_that_tells_where_it_was_built_is_refused(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libx.a").write_bytes(b"..." + str(tmp_path).encode() + b"/src/x.c")
    with pytest.raises(NativeBuildError, match="path of its build directory"):
        build_native_libs.refuse_build_paths(tmp_path, tmp_path)


def test_missing_tools_are_named_with_their_packages(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(NativeBuildError) as caught:
        build_native_libs.check_tools("wolfssl")
    assert "apt-get install make patch autoconf automake libtool gcc libc6-dev" in str(caught.value)


def test_flags_of_the_caller_stay_out_of_the_build(monkeypatch):
    monkeypatch.setenv("CFLAGS", "-O0")
    monkeypatch.setenv("MAKEFLAGS", "-n")
    environment = build_native_libs.build_environment()
    assert not {"CFLAGS", "MAKEFLAGS"} & set(environment)


# The command line


def test_print_prefix_exits_1_until_the_library_is_built(cache, capsys):
    assert build_native_libs.main(["--print-prefix", "openssl"]) == 1
    pin = PINS["openssl"]
    prefix = install(native_pins.prefix_for(pin, pin.version))
    assert build_native_libs.main(["--print-prefix", "openssl"]) == 0
    assert capsys.readouterr().out == f"{prefix}\n"


def test_list_tells_what_is_built(cache, capsys):
    assert build_native_libs.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(PINS)
    assert all(line.endswith("not built") for line in lines)


def test_unknown_library_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as caught:
        build_native_libs.main(["gnutls"])
    assert caught.value.code == 2
    assert "no library 'gnutls'" in capsys.readouterr().err


def test_failure_is_one_message_and_exit_code_1(cache, monkeypatch, capsys):
    def fail(pin):
        raise NativeBuildError("the reason")

    monkeypatch.setattr(build_native_libs, "build", fail)
    assert build_native_libs.main(["openssl"]) == 1
    assert "error: the reason" in capsys.readouterr().err


# Which library a backend links with


def fake_prefix(root: Path, version: str, archives: list[str], folder: str = "lib") -> Path:
    """Make a prefix that holds a wolfSSL of this version."""
    (root / "include" / "wolfssl").mkdir(parents=True)
    header = f'#define LIBWOLFSSL_VERSION_STRING "{version}"\n'
    (root / "include" / "wolfssl" / "version.h").write_text(header)
    (root / folder).mkdir(parents=True)
    for archive in archives:
        (root / folder / archive).touch()
    return root


def test_named_prefix_is_linked_statically(cache, tmp_path, monkeypatch):
    prefix = fake_prefix(tmp_path / "wolf", "5.9.2", ["libwolfssl.a"])
    monkeypatch.setenv("TLSMGM_WOLFSSL_PREFIX", str(prefix))
    link = native_link.find_library(c_core.BACKENDS["wolfssl"])
    assert link.version == "5.9.2"
    assert link.link_args[0] == f"{prefix}/lib/libwolfssl.a"


@pytest.mark.parametrize("folder", native_link.SHARED_FOLDERS)
def test_named_prefix_without_static_library_is_linked_shared(cache, tmp_path, monkeypatch, folder):
    name = f"libwolfssl.{native_link.SHARED_SUFFIX}"
    prefix = fake_prefix(tmp_path / "wolf", "5.9.3", [name], folder)
    monkeypatch.setenv("TLSMGM_WOLFSSL_PREFIX", str(prefix))
    link = native_link.find_library(c_core.BACKENDS["wolfssl"])
    assert link.link_args[0] == f"{prefix}/{folder}/{name}"
    assert f"-Wl,-rpath,{prefix}/{folder}" in link.link_args
    assert link.depends == [link.link_args[0]]


def test_named_prefix_with_headers_alone_is_refused(cache, tmp_path, monkeypatch):
    prefix = fake_prefix(tmp_path / "wolf", "5.9.3", [])
    monkeypatch.setenv("TLSMGM_WOLFSSL_PREFIX", str(prefix))
    with pytest.raises(native_link.LibraryMissingError, match="neither static nor shared"):
        native_link.find_library(c_core.BACKENDS["wolfssl"])


@pytest.mark.skipif(sys.platform == "darwin", reason="its linker has other options")
def test_the_named_library_is_linked_whatever_was_searched_before(cache, tmp_path, monkeypatch):
    """A distribution's Python puts its own folder in front of ours."""
    compiler = native_pins.compiler().split()
    for name, answer in (("named", 1), ("other", 2)):
        prefix = fake_prefix(tmp_path / name, "5.9.3", [])
        source = tmp_path / f"{name}.c"
        source.write_text(f"int answer(void) {{ return {answer}; }}\n")
        library = [f"-Wl,-soname,libwolfssl.so.{answer}", "-o", f"{prefix}/lib/libwolfssl.so"]
        subprocess.run([*compiler, "-shared", "-fPIC", str(source), *library], check=True)
        (prefix / "lib" / f"libwolfssl.so.{answer}").symlink_to("libwolfssl.so")
    program = tmp_path / "program.c"
    program.write_text("int answer(void);\nint main(void) { return answer(); }\n")
    monkeypatch.setenv("TLSMGM_WOLFSSL_PREFIX", str(tmp_path / "named"))
    link = native_link.find_library(c_core.BACKENDS["wolfssl"])
    command = [*compiler, str(program), f"-L{tmp_path}/other/lib", *link.link_args]
    subprocess.run([*command, "-o", str(tmp_path / "program")], check=True)
    assert subprocess.run([tmp_path / "program"], check=False).returncode == 1


def test_named_prefix_that_is_too_old_is_refused(cache, tmp_path, monkeypatch):
    prefix = fake_prefix(tmp_path / "wolf", "5.9.1", ["libwolfssl.a"])
    monkeypatch.setenv("TLSMGM_WOLFSSL_PREFIX", str(prefix))
    with pytest.raises(native_link.LibraryMissingError, match=r"5\.9\.1, which is too old"):
        native_link.find_library(c_core.BACKENDS["wolfssl"])


def fake_pkg_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str | None) -> None:
    """Put a pkg-config in place that knows every package in this version, or none."""
    tool = tmp_path / "pkg-config"
    tool.write_text(
        "#!/bin/sh\nexit 1\n"
        if version is None
        else f'#!/bin/sh\ncase "$1" in --modversion) echo {version};; --libs) echo -lx;; esac\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PKG_CONFIG", str(tool))
    monkeypatch.delenv("TLSMGM_WOLFSSL_PREFIX", raising=False)


def test_system_library_is_taken_when_nothing_is_built(cache, tmp_path, monkeypatch):
    fake_pkg_config(tmp_path, monkeypatch, "5.9.2")
    link = native_link.find_library(c_core.BACKENDS["wolfssl"])
    assert link.link_args == ["-lx"]


@pytest.mark.parametrize(
    ("version", "reason"), [("5.7.2", "5.7.2, which is too old"), (None, "nor known to pkg-config")]
)
def test_missing_library_says_what_to_do(cache, tmp_path, monkeypatch, version, reason):
    fake_pkg_config(tmp_path, monkeypatch, version)
    with pytest.raises(native_link.LibraryMissingError) as caught:
        native_link.find_library(c_core.BACKENDS["wolfssl"])
    assert reason in str(caught.value)
    assert "python wheels/build_native_libs.py wolfssl" in str(caught.value)
    assert "TLSMGM_WOLFSSL_PREFIX" in str(caught.value)


# What really lies in this machine's cache


@pytest.mark.parametrize("name", PINS)
def test_built_library_is_complete(name):
    prefix = build_native_libs.built_prefix(name)
    if prefix is None:
        pytest.skip(f"{name} is not built here")
    for path in [*build_native_libs.LIBRARIES[name], "LICENSE", "manifest.json"]:
        assert (prefix / path).is_file(), path
    manifest = json.loads((prefix / "manifest.json").read_text())
    assert manifest["pinned_version"] == PINS[name].version


def test_built_wolfssl_keeps_larger_certificates_and_no_secrets():
    prefix = build_native_libs.built_prefix("wolfssl")
    if prefix is None:
        pytest.skip("wolfSSL is not built here")
    options = (prefix / "include" / "wolfssl" / "options.h").read_text()
    assert "#define MAX_TICKET_PEER_CERT_SZ 4096" in options
    assert "SHOW_SECRETS" not in options
    assert "SSLKEYLOGFILE" not in options
