"""sslyze: runs it with its comparison with Mozilla's profile, and reads what it says."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.external.findings import Finding, Severity
from tests.external.targets import HOST

__all__ = ["judge_with_sslyze", "sslyze_version"]

_TIME = 600

#: What each scan says of a server that has nothing to be ashamed of.
_GOOD = {
    ("heartbleed", "is_vulnerable_to_heartbleed"): False,
    ("openssl_ccs_injection", "is_vulnerable_to_ccs_injection"): False,
    ("tls_compression", "supports_compression"): False,
    ("tls_1_3_early_data", "supports_early_data"): False,
    ("tls_fallback_scsv", "supports_fallback_scsv"): True,
    ("session_renegotiation", "supports_secure_renegotiation"): True,
    ("session_renegotiation", "is_vulnerable_to_client_renegotiation_dos"): False,
    ("session_resumption", "tls_ticket_resumption_result"): "FULLY_SUPPORTED",
    ("tls_extended_master_secret", "supports_ems_extension"): True,
}

#: Scans that the comparison with Mozilla's profile does not need. HTTP is none of our business.
_MORE_SCANS = ("--early_data", "--resum")

_ROBOT_GOOD = {"NOT_VULNERABLE_NO_ORACLE", "NOT_VULNERABLE_RSA_NOT_SUPPORTED"}


def _program(tools: Path) -> str:
    program = tools / "bin" / "sslyze"
    if not program.exists():
        raise SystemExit("sslyze is missing; make judges installs it")
    return str(program)


def sslyze_version(tools: Path) -> str:
    """Return the judge's name and version."""
    code = "from importlib.metadata import version; print(version('sslyze'))"
    command = [str(tools / "bin" / "python"), "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return f"sslyze {done.stdout.strip()}"


def judge_with_sslyze(tools: Path, port: int, root: Path, report: Path) -> list[Finding]:
    """Have a server judged.

    Args:
        tools: the virtual environment that has sslyze.
        port: where it listens on the loopback.
        root: the authority of its certificate.
        report: where to write what sslyze says, in JSON.
    """
    command = [_program(tools), "--mozilla_config=intermediate", "--certinfo_ca_file", str(root)]
    command += [*_MORE_SCANS, "--json_out", str(report), f"{HOST}:{port}{{127.0.0.1}}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIME, check=False)
    report.with_suffix(".txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    scan = json.loads(report.read_text(encoding="utf-8"))["server_scan_results"][0]
    if scan["scan_result"] is None:
        raise SystemExit(f"sslyze: {scan['connectivity_error_trace']}")
    return [*read_scans(scan["scan_result"]), *read_compliance(done.stdout)]


def read_scans(scans: dict[str, Any]) -> list[Finding]:
    """Return what is bad in the results of single scans."""
    found = []
    for (scan, fact), good in _GOOD.items():
        value = (scans[scan]["result"] or {}).get(fact)
        if value != good:
            found.append(Finding("sslyze", f"{scan}.{fact}", Severity.HIGH, str(value)))
    robot = (scans["robot"]["result"] or {}).get("robot_result")
    if robot not in _ROBOT_GOOD:
        found.append(Finding("sslyze", "robot", Severity.HIGH, str(robot)))
    for name, scan_attempt in scans.items():
        if scan_attempt["status"] == "ERROR":
            text = str(scan_attempt["error_reason"])
            found.append(Finding("sslyze", f"{name}.error", Severity.WARN, text))
    return found


def read_compliance(output: str) -> list[Finding]:
    """Return what Mozilla's profile forbids, one finding for each cipher, curve or version."""
    found = []
    for key, text in re.findall(r"^\s+\* (\w+): (.*)$", output.partition("COMPLIANCE")[2], re.M):
        for word in re.findall(r"'([^']+)'", text) or ["all"]:
            found.append(Finding("sslyze", f"{key}.{word}", Severity.MEDIUM, text))
    return found
