"""The demo and the other examples run, and the demo notices when something is wrong."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's script, with certificates beside it."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copy(EXAMPLES / "demo" / "opensips.cfg", folder)
    done = run("demo/make_pki.py", str(folder / "pki"))
    assert done.returncode == 0, done.stderr
    return folder


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLES / script), *arguments],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def tlsmgm_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tlsmgm", *arguments],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_demo_succeeds(library: str) -> None:
    done = run("demo/run.py", "--library", library)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 14 calls went as they must." in done.stdout
    assert done.stdout.count("✓") == 14 + 1  # and the legend
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("expectation", "complaint"),
    [
        ("wildcard=atlanta", "wildcard: domain biloxi answered, not atlanta"),
        ("no certificate=fallback", "no certificate: domain partners answered, not fallback"),
    ],
)
def test_demo_fails_when_something_else_was_expected(
    library: str, expectation: str, complaint: str
) -> None:
    done = run("demo/run.py", "--library", library, "--expect", expectation)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 of 14 calls did not go as they must" in done.stdout
    assert complaint in done.stdout
    assert done.stdout.count("✗") == 1 + 1


def test_demo_knows_its_cases() -> None:
    done = run("demo/run.py", "--expect", "no such case=atlanta")
    assert done.returncode != 0
    assert "no such case" in done.stderr


def test_keys_are_private_and_the_script_is_good(demo_folder: Path) -> None:
    keys = list((demo_folder / "pki").glob("*.key"))
    assert len(keys) == 8
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    done = tlsmgm_command("check", "--config", str(demo_folder / "opensips.cfg"))
    assert done.returncode == 0, done.stdout + done.stderr
    # The socket of the partners is without a default on purpose.
    assert "0 errors, 1 warning" in done.stdout
    assert "clients without a server name on tls:127.0.0.1:15062" in done.stdout


def test_embed_memory(demo_folder: Path) -> None:
    pki = demo_folder / "pki"
    files = [str(pki / name) for name in ("atlanta.pem", "atlanta.key", "ca.pem")]
    done = run("embed_memory.py", *files, "atlanta.example")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "the server reads b'Hello!'",
        "the server is in domain web",
        "the client sees /CN=atlanta.example over TLSv1.3",
    ]


@contextlib.contextmanager
def asyncio_server(config: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the example; gives the process and the address it listens on."""
    command = [sys.executable, str(EXAMPLES / "asyncio_server.py"), str(config), "127.0.0.1", "0"]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        try:
            match = re.fullmatch(r"listening on (\S+)\n", process.stdout.readline())
            assert match
            yield process, match[1]
        finally:
            process.terminate()


def test_asyncio_server(demo_folder: Path) -> None:
    with asyncio_server(demo_folder / "opensips.cfg") as (process, address):
        ca = ("--ca-file", str(demo_folder / "pki" / "ca.pem"))
        good = tlsmgm_command("connect", address, *ca, "--server-name", "sip.biloxi.example")
        assert good.returncode == 0, good.stdout + good.stderr
        bad = tlsmgm_command("connect", address, *ca, "--server-name", "chicago.example")
        assert bad.returncode == 1
        assert process.stdout is not None
        assert "alert" in process.stdout.readline()


@pytest.mark.parametrize(
    ("question", "domain"),
    [
        (("--listen", "192.0.2.10:5061", "--sni", "green.example"), "green_in"),
        (("--listen", "192.0.2.10:5061", "--sni", "a.green.example"), "green_in"),
        (("--listen", "192.0.2.10:5061", "--sni", "blue.example"), "blue_in"),
        (("--listen", "192.0.2.10:5061", "--sni", "red.example"), None),
        (("--listen", "192.0.2.10:5061", "--no-sni"), "no_name_in"),
        (("--dest", "203.0.113.1:5061", "--sip-domain", "blue.example"), "blue_out"),
        (("--dest", "198.51.100.7:5061", "--sip-domain", "blue.example"), "gateway_out"),
        (("--dest", "203.0.113.1:5061"), None),
    ],
)
def test_opensips_like_script(question: tuple[str, ...], domain: str | None) -> None:
    done = tlsmgm_command("match", "--config", str(EXAMPLES / "opensips_like.cfg"), *question)
    assert done.returncode == (0 if domain else 1), done.stderr
    assert done.stdout.startswith(domain or "no domain")
