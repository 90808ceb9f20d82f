"""nginx with the OpenSSL of tlsmgm: how it is built, found, and told from another."""

from __future__ import annotations

import json
from pathlib import Path

import native_apt
import native_link
import pytest
from native_pins import NativeBuildError, Pin
from native_steps import Steps

from benchmarks.cohort import nginx_build
from benchmarks.cohort.loopback import Place
from benchmarks.cohort.nginx import Nginx
from benchmarks.cohort.nginx_same import NginxSame
from benchmarks.cohort.openssl_config import stated_openssl
from benchmarks.cohort.setting import Absent, Identity, Setting
from tests.build.stand_ins import MEND, make_tar

OURS = "OpenSSL 3.5.7 9 Jun 2026"
OLDER = "OpenSSL 3.0.19 27 Jan 2026"


def link(version: str = "3.5.7", folder: str = "/cache/openssl") -> native_link.Link:
    files = [f"{folder}/lib/libssl.a", f"{folder}/lib/libcrypto.a"]
    return native_link.Link(
        version, folder, ["-isystem", f"{folder}/include"], [*files, "-ldl"], files
    )


def script(openssl: str, release: str = "1.22.1") -> str:
    """A program that says what nginx says, with its stream built in."""
    return (
        f"#!/bin/sh\nexec >&2\necho 'nginx version: nginx/{release}'\n"
        f"[ \"$1\" = -v ] || printf 'built with {openssl}\\nconfigure: --with-stream x\\n'\n"
        "exit 0\n"
    )


def stand_in(path: Path, openssl: str, release: str = "1.22.1") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script(openssl, release), encoding="ascii")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an nginx of the distribution's, an OpenSSL of ours and an empty cache."""
    stand_in(tmp_path / "bin" / "nginx", OLDER)
    cache = tmp_path / "cache"
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("TLSMGM_NATIVE_CACHE", str(cache))
    monkeypatch.delenv(nginx_build.VARIABLE, raising=False)
    monkeypatch.setattr("benchmarks.cohort.nginx._MODULES", ())
    monkeypatch.setattr(nginx_build, "library", link)
    return cache


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A source package whose nginx is a script; the list has the releases that were fetched."""
    fetched: list[str] = []

    make = "all:\n\tmkdir objs\n\tcat program file > objs/nginx\n\tchmod 755 objs/nginx\n"
    files = {
        "configure": f"cat > Makefile <<'.'\n{make}.\n".encode(),
        "LICENSE": b"BSD",
        "program": script(OURS).encode(),
        "file": b"hello",
    }
    changes = {"debian/patches/series": b"a.patch\n", "debian/patches/a.patch": MEND}

    def fetch(pin: Pin, work: Path, _: Steps) -> native_apt.SourcePackage:
        fetched.append(pin.version)
        upstream = make_tar(
            work / "nginx.orig.tar.gz",
            {f"nginx-1.22.1/{name}": data for name, data in files.items()},
        )
        debian = make_tar(work / "nginx.debian.tar.gz", changes)
        return native_apt.SourcePackage("1.22.1-9", "1.22.1", upstream, debian)

    monkeypatch.setattr(native_apt, "fetch_source_package", fetch)
    return fetched


def test_it_is_built_once_and_found(machine: Path, source: list[str]) -> None:
    with pytest.raises(Absent, match=r"^nginx stream, same OpenSSL: run .*nginx_build, or name"):
        NginxSame(1)
    program = nginx_build.build()
    assert program.is_relative_to(machine)
    assert nginx_build.build() == program
    assert source == ["1.22.1"]
    server = NginxSame(1)
    assert server.program == "nginx 1.22.1"
    assert server.library == "OpenSSL 3.5.7 (nginx 1.22.1)"
    assert Nginx(1).library == "OpenSSL 3.0.19 (nginx 1.22.1)"
    manifest = json.loads((program.parents[1] / "manifest.json").read_text("utf-8"))
    assert manifest["openssl"] == OURS
    assert manifest["source"] == "Debian source package nginx 1.22.1-9"
    assert (program.parents[1] / "LICENSE").read_text() == "BSD"
    assert manifest["patches"] == ["a.patch"]
    assert program.read_text().endswith("mended\n")


def test_another_release_of_either_is_another_build(
    tmp_path: Path, source: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nginx_build.build()
    monkeypatch.setattr(nginx_build, "library", lambda: link("3.5.9", "/cache/openssl-3.5.9"))
    assert nginx_build.built() is None
    monkeypatch.setattr(nginx_build, "library", link)
    stand_in(tmp_path / "bin" / "nginx", OLDER, "1.26.3")
    assert nginx_build.built() is None


def test_a_build_over_another_library_is_refused(
    machine: Path, source: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nginx_build, "library", lambda: link("3.5.70"))
    with pytest.raises(NativeBuildError, match=r"with OpenSSL 3\.5\.70, but has OpenSSL 3\.5\.7 "):
        nginx_build.build()
    assert not [path for path in machine.iterdir() if path.is_dir()]


def test_a_named_program_takes_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = stand_in(tmp_path / "mine" / "nginx", OURS, "1.29.4")
    monkeypatch.setenv(nginx_build.VARIABLE, str(program))
    server = NginxSame(1)
    assert server.library == "OpenSSL 3.5.7 (nginx 1.29.4)"
    assert server._program == str(program)
    # What it runs with counts, not what it was built with.
    stand_in(program, f"{OURS} (running with {OLDER})")
    with pytest.raises(Absent, match=r"runs with OpenSSL 3\.0\.19 .* is linked with OpenSSL 3\.5"):
        NginxSame(1)
    stand_in(program, f"{OLDER} (running with {OURS})")
    assert NginxSame(1).library == "OpenSSL 3.5.7 (nginx 1.22.1)"
    monkeypatch.setenv(nginx_build.VARIABLE, str(tmp_path / "nobody"))
    with pytest.raises(Absent, match=r"TLSMGM_NGINX_SAME names .*/nobody, which is no program"):
        NginxSame(1)


@pytest.mark.parametrize(
    "setting", [Setting(), Setting("TLSv1.2", "X", tickets=False, mutual=True)]
)
def test_it_is_configured_as_the_other(
    setting: Setting, tmp_path: Path, identity: Identity, source: list[str]
) -> None:
    nginx_build.build()
    place = Place(tmp_path, 1, 2, identity, setting)
    configurations, options = [], []
    for server in (Nginx(1), NginxSame(1)):
        options.append(server.command(place)[1:])
        configurations.append((tmp_path / "nginx.conf").read_text("utf-8"))
    assert options[0] == options[1]
    assert configurations[0] == configurations[1]
    assert "ssl_certificate " in configurations[0]


def test_what_is_missing_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_openssl() -> native_link.Link:
        raise native_link.LibraryMissingError("OpenSSL 3.5 or newer was looked for")

    monkeypatch.setattr(nginx_build, "library", no_openssl)
    with pytest.raises(Absent, match=r"^nginx stream, same OpenSSL: OpenSSL 3\.5 or newer"):
        NginxSame(1)
    assert nginx_build.main() == 1
    assert "OpenSSL 3.5 or newer" in capsys.readouterr().err


def test_missing_tools_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(nginx_build._TOOLS, "no-such-tool", "some-package")
    with pytest.raises(NativeBuildError, match=r"^To build nginx: apt install some-package$"):
        nginx_build.build()


def test_a_release_that_is_not_known_cannot_be_built(tmp_path: Path) -> None:
    stand_in(tmp_path / "bin" / "nginx", OLDER, "unreleased")
    with pytest.raises(Absent, match=r"^nginx stream, same OpenSSL: .*nginx -v tells no version"):
        NginxSame(1)


def test_the_command_prints_where_it_is(
    source: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert nginx_build.main() == 0
    assert capsys.readouterr().out == f"{nginx_build.built()}\n"
    monkeypatch.setenv(nginx_build.VARIABLE, "/opt/nginx")
    assert nginx_build.main() == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "TLSMGM_NGINX_SAME names /opt/nginx" in said.err


def test_how_it_is_linked() -> None:
    shared = ["/opt/o/lib64/libssl.so", "/opt/o/lib64/libcrypto.so"]
    ways = {
        "-L/cache/openssl/lib": link(),
        "-L/opt/o/lib64 -Wl,-rpath,/opt/o/lib64": native_link.Link(
            "3.5.7", "", [], [*shared, "-Wl,-rpath,/opt/o/lib64", "-ldl"], shared
        ),
        "-L/usr/local/lib -lssl -lcrypto": native_link.Link(
            "3.5.7", "", [], ["-L/usr/local/lib", "-lssl", "-lcrypto"]
        ),
    }
    for wanted, way in ways.items():
        assert nginx_build.recipe("1.22.1", way).configure[-1].endswith(f" -fPIC {wanted}")
    with_includes = nginx_build.recipe("1.22.1", link()).configure[-2]
    assert with_includes.endswith(" -isystem /cache/openssl/include")
    assert nginx_build.recipe("1.22.1", link()).series == "1.22"


def test_what_an_nginx_says_of_its_library(tmp_path: Path) -> None:
    assert stated_openssl(str(stand_in(tmp_path / "a", OURS))) == OURS
    assert stated_openssl(str(stand_in(tmp_path / "b", f"{OURS} (running with {OLDER})"))) == OLDER
    assert stated_openssl("/bin/true") == "unknown OpenSSL"
