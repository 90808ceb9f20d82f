"""testssl.sh: runs it, and reads its JSON."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

from tests.external.findings import Finding, Severity
from tests.external.targets import HOST

__all__ = ["judge_with_testssl", "testssl_version"]

#: Seconds for one server.
_TIME = 1800

#: What the judge says of tickets. It connects with nothing to send, so it may hang up before the
#: ticket of TLS 1.3 has come, which follows the handshake; then there is none to try.
_BY_CHANCE = "sessionresumption_ticket"
_TRIES = 5

#: When the judge could not find out, that must not pass for a server without fault.
_PROBLEM = {"FATAL"}


def _program() -> str:
    program = shutil.which("testssl") or shutil.which("testssl.sh")
    if program is None:
        raise SystemExit("testssl.sh is missing; make judges installs it")
    return program


def testssl_version() -> str:
    """Return the judge's name and version."""
    done = subprocess.run([_program(), "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"testssl(?:\.sh)?\s+(\d[\w.]*)", done.stdout)
    return f"testssl.sh {found[1]}" if found else "testssl.sh"


def judge_with_testssl(port: int, root: Path, report: Path) -> list[Finding]:
    """Have a server judged.

    Args:
        port: where it listens on the loopback.
        root: the authority of its certificate.
        report: where to write what testssl.sh says, in JSON.
    """
    found = _judge(port, root, report, "--full")
    again = report.with_stem(f"{report.stem}-again")
    for _ in range(_TRIES):
        if not any(finding.key == _BY_CHANCE for finding in found):
            break
        repeated = _judge(port, root, again, "--server-defaults")
        found = [finding for finding in found if finding.key != _BY_CHANCE]
        found += [finding for finding in repeated if finding.key == _BY_CHANCE]
    return found


def _judge(port: int, root: Path, report: Path, what: str) -> list[Finding]:
    report.unlink(missing_ok=True)
    command = [_program(), "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none"]
    command += ["--ip", "127.0.0.1", "--add-ca", str(root), "--assume-http", what]
    command += ["--jsonfile", str(report), f"{HOST}:{port}"]
    done = subprocess.run(
        command, capture_output=True, timeout=_TIME, check=False, stdin=subprocess.DEVNULL
    )
    report.with_suffix(".txt").write_bytes(done.stdout)
    return read_report(json.loads(report.read_text(encoding="utf-8")))


def read_report(entries: list[dict[str, str]]) -> list[Finding]:
    """Return the findings among the entries of a report."""
    names = {item.name for item in Severity}
    found = []
    for entry in entries:
        severity = "WARN" if entry["severity"] in _PROBLEM else entry["severity"]
        if severity in names:
            found.append(Finding("testssl", entry["id"], Severity[severity], entry["finding"]))
    return found
