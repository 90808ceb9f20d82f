"""Where the text of a private key is left in a process that has loaded it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.pki import Authority, Identity, key_pem
from tests.support.process import ENVIRONMENT, PATHS, PRELUDE
from tests.support.sanitizers import IS_SANITIZED

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc/PID/mem"),
    pytest.mark.skipif(IS_SANITIZED, reason="the sanitizer's own memory is too large to read"),
]

WORD = b"open sesame"

#: More than one block of the reader, so that a file gets moved while it is read.
LONG = b"and more\n" * 10_000

#: A process that loads a domain, perhaps in vain, uses it, and waits for the end of its input.
PROGRAM = f"""
import sys
sys.path[:0] = {PATHS!r}
{PRELUDE}
certificate, key, how = sys.argv[2:]
manager, clients = TLSManager(library), manager_of(library, client_domain(verify_cert=False))
values = {{"certificate": certificate, "match_sip_domain": "*"}}
if how == "bytes":
    with open(key, "rb") as file:
        key = file.read()
try:
    manager.add_domain(
        server_domain(private_key=key, private_key_passphrase={WORD!r}, **values)
    )
    connect(manager, clients)
    result = "loaded"
except tlsmgm.ConfigError as error:
    result = error.parameter
gc.collect()
print(result, flush=True)
sys.stdin.read()
"""


@contextmanager
def process(library: str, certificate: Path, key: Path, how: str) -> Iterator[tuple[int, str]]:
    """Run the program; give its number and what became of the domain."""
    command = [sys.executable, "-c", PROGRAM, library, str(certificate), str(key), how]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, cwd="/", env=ENVIRONMENT, **pipes) as child:
        assert child.stdout is not None
        yield child.pid, child.stdout.readline().strip()


def regions(pid: int) -> Iterator[bytes]:
    """What stands in all memory that a process can write to, but for the stack.

    There pieces of a file were seen with glibc 2.43, as large as the vector registers: probably it
    saves them, with the bytes that its memcpy() has moved last.
    """
    try:
        lines = Path(f"/proc/{pid}/maps").read_text(encoding="ascii", errors="replace")
        memory = Path(f"/proc/{pid}/mem").open("rb", buffering=0)  # noqa: SIM115 - closed below
    except PermissionError:
        pytest.skip("a process may not look into its child here")
    with memory:
        for found in re.finditer(
            r"^([0-9a-f]+)-([0-9a-f]+) rw(?!.*\[stack\])", lines, re.MULTILINE
        ):
            start, end = (int(text, 16) for text in found.groups())
            memory.seek(start)
            yield memory.read(end - start)


def sightings(pid: int, pem: bytes) -> list[int]:
    """How often each line of a key stands in the memory of a process."""
    body = pem.partition(b"KEY-----\n")[2].partition(b"\n-----END")[0].splitlines()
    assert len(body) > 2
    counts = [0] * len(body)
    for region in regions(pid):
        counts = [count + region.count(line) for count, line in zip(counts, body, strict=True)]
    return counts


@pytest.fixture(scope="module")
def site() -> Identity:
    return Authority("tests root").issue("site", names=["dom1.test"])


@pytest.fixture
def certificate(site: Identity, tmp_path: Path) -> Path:
    path = tmp_path / "certificate.pem"
    path.write_bytes(site.fields()["certificate"])
    return path


@pytest.mark.parametrize("behind", [b"", LONG], ids=["short", "long"])
@pytest.mark.parametrize("word", [None, WORD, b"another"])
def test_a_key_in_a_file_leaves_no_text(
    library: str,
    site: Identity,
    certificate: Path,
    tmp_path: Path,
    word: bytes | None,
    behind: bytes,
) -> None:
    pem = key_pem(site.key, word)
    key = tmp_path / "key.pem"
    key.write_bytes(pem + behind)
    with process(library, certificate, key, "path") as (pid, result):
        assert result == ("private_key" if word == b"another" else "loaded")
        assert not any(sightings(pid, pem))
        assert not any(sightings(pid, key_pem(site.key)))


def test_a_key_of_another_certificate_leaves_no_text(
    library: str, certificate: Path, tmp_path: Path
) -> None:
    pem = Authority("another").issue("other").fields()["private_key"]
    key = tmp_path / "key.pem"
    key.write_bytes(pem + LONG)
    with process(library, certificate, key, "path") as (pid, result):
        assert result == "private_key"
        assert not any(sightings(pid, pem))


def test_a_key_in_memory_stays(
    library: str, site: Identity, certificate: Path, tmp_path: Path
) -> None:
    """It is the program's own bytes, which the domain keeps for the next reload."""
    pem = key_pem(site.key)
    key = tmp_path / "key.pem"
    key.write_bytes(pem)
    with process(library, certificate, key, "bytes") as (pid, result):
        assert result == "loaded"
        assert all(sightings(pid, pem))
