"""tlsfuzzer: its scripts against our proxy and against a plain server on the same library.

Whatever the plain server passes, ours passes. A script is a set of probes, some of them drawn by
lot; so a probe that failed with us is tried again, alone, with both servers, and counts only when
the plain one passes then.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.external.plain import OLD_CIPHERS, OpenSSLProgram, PlainServer
from tests.external.targets import HOST, Files, http_upstream, make_identities, tlsmgm_proxy
from tests.external.tlsfuzzer_scripts import EXPECTED, SCRIPTS, Script

__all__ = ["main", "run"]

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "build" / "judges"
REPORTS = TOOLS / "reports" / "tlsfuzzer"
LIBRARIES = ("openssl", "wolfssl")

#: Seconds for one script.
_TIME = 180

#: Probes that a script draws by lot, besides those that it always runs.
_SAMPLE = "30"

#: A plain server bounds them by what their lists can hold.
_LARGE_HELLOS = ("--hello-size", "131072")

#: Old suites and all groups, on both servers, because most scripts are about those.
_SETTINGS = {
    "openssl": {
        "ciphers_list": OLD_CIPHERS,
        "ec_curve": "x25519:secp256r1:x448:secp384r1:secp521r1:ffdhe2048:ffdhe3072",
    },
    "wolfssl": {
        "ciphers_list": "DEFAULT",
        "ec_curve": "x25519:secp256r1:secp384r1:secp521r1:ffdhe2048",
    },
}


@dataclass(frozen=True)
class Verdict:
    """What a script said.

    Attributes:
        passed: how many probes passed.
        failed: names of those that did not; ``"(script)"`` when it ended without a summary.
        text: all that it printed.
    """

    passed: int
    failed: frozenset[str]
    text: str


class Fuzzer:
    """A checkout of tlsfuzzer.

    Args:
        checkout: its folder.
        client: certificate and key that some scripts show.
        reports: where their output goes.
    """

    def __init__(self, checkout: Path, client: Files, reports: Path) -> None:
        self._checkout = checkout
        self._client = client
        self._reports = reports

    def run(self, script: Script, server: str, port: int, probes: Sequence[str] = ()) -> Verdict:
        """Run a script, or some of its probes, against a port of the loopback.

        Args:
            script: which.
            server: who is there; for the report.
            port: where.
            probes: only these; none: as many as the script sees fit.
        """
        report = self._reports / f"{server}-{script.name}{'-again' if probes else ''}.txt"
        command = [str(TOOLS / "bin" / "python"), "-u"]
        command.append(str(self._checkout / "scripts" / f"test-{script.name}.py"))
        command += ["-h", HOST, "-p", str(port), "-n", _SAMPLE, *script.options]
        if script.with_certificate:
            command += ["-c", str(self._client[0]), "-k", str(self._client[1])]
        with report.open("w+b") as output:
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    [*command, *probes],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=_TIME,
                    check=False,
                    cwd=self._checkout,
                )
            output.seek(0)
            return read_verdict(output.read().decode("utf-8", "replace"))


def read_verdict(text: str) -> Verdict:
    """Read the summary at the end of what a script prints."""
    summary = text[text.rfind("Test end") :] if "Test end" in text else ""
    found = re.search(r"^(?:PASS|successful): (\d+)", summary, re.M)
    if found is None:
        return Verdict(0, frozenset({"(script)"}), text)
    listed = summary.partition("FAILED:")[2] + summary.partition("Failed tests:")[2]
    failed = re.findall(r"^\t(['\"])(.*)\1$", listed, re.M)
    return Verdict(int(found[1]), frozenset(name for _, name in failed), text)


@dataclass
class Pair:
    """The two servers of a comparison."""

    library: str
    ours: int
    plain: int


@contextlib.contextmanager
def servers(
    library: str, script_kind: str, folder: Path, upstream: int, program: bool
) -> Iterator[tuple[Pair, Files]]:
    """Run our proxy and a plain server, with client certificates or without."""
    folder.mkdir()
    root, files = make_identities(folder)
    settings: dict[str, str | int] = dict(_SETTINGS[library])
    asks = script_kind == "certificate"
    if asks:
        settings |= {"verify_cert": 1, "require_cert": 0, "ca_list": str(root)}
    plain = OpenSSLProgram() if program else PlainServer(library)
    with (
        tlsmgm_proxy(library, [files["rsa"]], upstream, folder, settings, _LARGE_HELLOS) as ours,
        plain.running(files["rsa"], root if asks else None, folder) as port,
    ):
        yield Pair(library, ours, port), files["rsa"]


def compare(fuzzer: Fuzzer, script: Script, pair: Pair) -> tuple[str, list[str]]:
    """Return a line for the table, and the probes that only the plain server passes."""
    ours, plain = (
        fuzzer.run(script, pair.library, pair.ours),
        fuzzer.run(script, f"plain-{pair.library}", pair.plain),
    )
    suspects = sorted(ours.failed - plain.failed)
    bad = [probe for probe in suspects if only_plain_passes(fuzzer, script, pair, probe)]
    line = f"{pair.library:8} {script.name:45} ours {ours.passed:4} passed {len(ours.failed):3}"
    line += f" failed; plain {plain.passed:4} passed {len(plain.failed):3} failed"
    return line, bad


def only_plain_passes(fuzzer: Fuzzer, script: Script, pair: Pair, probe: str) -> bool:
    """Try one probe again with both servers."""
    probes = () if probe == "(script)" else (probe,)
    return (
        bool(fuzzer.run(script, pair.library, pair.ours, probes).failed)
        and not fuzzer.run(script, f"plain-{pair.library}", pair.plain, probes).failed
    )


def run(checkout: Path, libraries: Sequence[str], names: Sequence[str], program: bool) -> int:
    """Compare; return how many probes only the plain server passes."""
    count = 0
    REPORTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, http_upstream() as upstream:
        for library in libraries:
            for kind in ("plain", "certificate"):
                scripts = [s for s in SCRIPTS if s.kind == kind and (not names or s.name in names)]
                folder = Path(temporary) / f"{library}-{kind}"
                if scripts:
                    with servers(library, kind, folder, upstream, program) as (pair, client):
                        fuzzer = Fuzzer(checkout, client, REPORTS)
                        count += sum(report(*compare(fuzzer, s, pair), s, library) for s in scripts)
    print(f"{count} probes of tlsfuzzer pass with a plain server only")
    return count


def report(line: str, bad: list[str], script: Script, library: str) -> int:
    """Print what came out; return how much of it was not expected."""
    print(line, flush=True)
    reasons = EXPECTED.get(script.name, {})
    count = 0
    for probe in bad:
        reason = next(
            (why for key, why in reasons.items() if re.fullmatch(key, f"{library} {probe}")), None
        )
        count += reason is None
        print(f"    {probe}: " + (f"on purpose, {reason}" if reason else "WORSE"), flush=True)
    return count


def main(arguments: list[str] | None = None) -> int:
    """Compare; return 1 if a plain server is better than ours."""
    parser = argparse.ArgumentParser(prog="python -m tests.external.tlsfuzzer", description=__doc__)
    parser.add_argument("checkout", type=Path, help="of github.com/tlsfuzzer/tlsfuzzer")
    parser.add_argument("scripts", nargs="*", help="only these; the name without test- and .py")
    parser.add_argument("--library", action="append", choices=LIBRARIES, help="only this one")
    parser.add_argument(
        "--s-server", action="store_true", help="compare with openssl s_server (OpenSSL only)"
    )
    options = parser.parse_intermixed_args(arguments)
    libraries = ("openssl",) if options.s_server else options.library or LIBRARIES
    return 1 if run(options.checkout, libraries, options.scripts, options.s_server) else 0


if __name__ == "__main__":
    sys.exit(main())
