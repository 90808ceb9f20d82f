"""What the extension modules show to the linker, and what they carry inside."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import tlsmgm
from tests.support.process import assert_silent, run_python
from tests.support.sanitizers import IS_SANITIZED

PACKAGE = Path(tlsmgm.__file__).parent
MODULES = sorted([*PACKAGE.rglob("*.so"), *(PACKAGE.parent / "tlsmgm_wolfssl").glob("*.so")])
BACKENDS = [path for path in MODULES if re.match(r"_(openssl|wolfssl)\.", path.name)]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="about ELF files")
each_module = pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name.split(".")[0])
each_backend = pytest.mark.parametrize("module", BACKENDS, ids=lambda path: path.name.split(".")[0])


def output_of(*command: str) -> str:
    """Run a tool of the binutils."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]} here")
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def needed(module: Path) -> list[str]:
    """Return the shared libraries that a module names."""
    return re.findall(r"\(NEEDED\).*\[(.*)\]", output_of("readelf", "--dynamic", str(module)))


def is_static(module: Path) -> bool:
    """Tell whether a backend brings its library along."""
    return not [name for name in needed(module) if re.match(r"lib(ssl|crypto|wolfssl)\b", name)]


def test_all_modules_are_there() -> None:
    names = {path.name.split(".")[0] for path in MODULES}
    assert names >= {"connection", "context", "session", "status", "match_index"}
    assert {path.name.split(".")[0].strip("_") for path in BACKENDS} == set(tlsmgm.libraries())


@each_module
def test_only_the_init_function_is_exported(module: Path) -> None:
    """Python's ssl has another OpenSSL in the process; neither may see the other's functions."""
    lines = output_of("nm", "-D", "--defined-only", str(module)).splitlines()
    names = {line.split()[-1].partition("@")[0] for line in lines}
    # Marks of the linker, not code.
    names -= {"_init", "_fini", "__bss_start", "_edata", "_end"}
    assert names == {f"PyInit_{module.name.split('.')[0]}"}


@each_module
def test_only_the_systems_libraries_are_needed(module: Path) -> None:
    if module in BACKENDS and not is_static(module):
        pytest.skip("linked with the system's TLS library")
    allowed = r"(libc|libm|libpthread|libdl|libgcc_s|libpython3\.\d+|ld-linux[-\w]*)\.so[.\d]*"
    if IS_SANITIZED:
        allowed += r"|lib(a|ub)san\.so[.\d]*"
    assert [name for name in needed(module) if not re.fullmatch(allowed, name)] == []


@each_module
def test_no_search_path_of_ours_inside(module: Path) -> None:
    """An interpreter may be built so that all extensions get a search path; we add none."""
    paths = re.findall(
        r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", output_of("readelf", "--dynamic", str(module))
    )
    interpreters = " ".join(map(str, sysconfig.get_config_vars("LDSHARED", "LDFLAGS")))
    assert [path for path in paths if path not in interpreters] == []


@each_backend
def test_no_path_of_the_build_inside(module: Path) -> None:
    """The library must look for nothing in the folder where it was built."""
    if not is_static(module):
        pytest.skip("linked with the system's TLS library")
    cache = os.environ.get("TLSMGM_CACHE") or os.path.expanduser("~/.cache/tlsmgm")
    texts = output_of("strings", "--data", str(module)).splitlines()  # without debug sections
    assert len(texts) > 100
    assert [text for text in texts if cache in text or "/.cache/" in text] == []


@each_backend
def test_stack_is_not_executable(module: Path) -> None:
    headers = output_of("readelf", "--program-headers", "--wide", str(module))
    [stack] = [line for line in headers.splitlines() if "GNU_STACK" in line]
    assert "RWE" not in stack


def test_the_standard_library_is_enough(library: str) -> None:
    """Without site-packages and environment: import, and do a handshake."""
    program = """
        import sys
        before = set(sys.modules)
        import tlsmgm
        manager = tlsmgm.TLSManager(sys.argv[1])
        own = {"tlsmgm", "tlsmgm_wolfssl", "cython_runtime"}
        loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
        strange = {n for n in loaded - own - sys.stdlib_module_names if not n.startswith("_cython")}
        assert not strange, strange
    """
    assert_silent(run_python(program, library, options=["-S", "-E", "-s"], prelude=""))


def test_both_libraries_and_python_ssl_in_one_process(version: str) -> None:
    program = """
        import ssl
        from tests.support.peers import StdlibPeer, stdlib_context

        if set(tlsmgm.libraries()) < set(LIBRARIES):
            sys.exit(0)
        version = sys.argv[2]
        for name in LIBRARIES * 2:
            manager = manager_of(name, server_domain(method=method_of(version)))
            client = StdlibPeer(stdlib_context(version), server_name="dom1.test")
            server = manager.server_connection(LOCAL)
            shake_hands(client, server)
            assert_echo(client, server)
            for other in LIBRARIES:
                clients = manager_of(other, client_domain())
                assert_echo(*connect(manager, clients))
    """
    assert_silent(run_python(program, "both", version))


def test_import_order_does_not_matter(library: str) -> None:
    program = """
        import {first}
        import {second}
        import sys
        assert tlsmgm.TLSManager(sys.argv[1]).library == sys.argv[1]
        ssl.create_default_context()
    """
    for first, second in (("ssl", "tlsmgm"), ("tlsmgm", "ssl")):
        text = program.format(first=first, second=second)
        assert_silent(run_python(text, library, prelude=""))
