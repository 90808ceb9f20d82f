"""tlsfuzzer: its scripts against our proxy and against a plain server on the same library.

Whatever the plain server passes, ours passes. A script is a set of probes, some of them drawn by
lot; so a probe that failed with us is tried again, alone, with both servers, and counts when the
plain one passes then and ours fails. One that passes when it is tried again is called fickle.

A script whose first probe, called "sanity", fails with both says nothing about us, and is marked.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.external.plain import (
    OLD_CIPHERS,
    OPENSSL_GROUPS,
    OpenSSLProgram,
    PlainServer,
    Wanted,
)
from tests.external.targets import (
    HOST,
    Files,
    echo_upstream,
    http_upstream,
    make_identities,
    tlsmgm_proxy,
    write_dh_group,
)
from tests.external.tlsfuzzer_scripts import EXPECTED, KINDS, LEFT_OUT, SCRIPTS, Kind, Script
from tests.support.ports import is_listening
from tlsmgm._serving.limits import HELLO_SIZES

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
_LARGE_HELLOS = ("--hello-size", str(HELLO_SIZES[1]))

#: What a plain wolfSSL server offers of itself.
WOLFSSL_GROUPS = "x25519:secp256r1:secp384r1:secp521r1:ffdhe2048:X25519MLKEM768"

#: Old suites and all groups, on both servers, because most scripts are about those.
_SETTINGS = {
    "openssl": {"ciphers_list": OLD_CIPHERS, "ec_curve": OPENSSL_GROUPS},
    "wolfssl": {"ciphers_list": "DEFAULT", "ec_curve": WOLFSSL_GROUPS},
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

    def about(self, probe: str) -> str:
        """Return what it printed about one probe, which may have run more than once."""
        title = rf'^"?{re.escape(probe)}"?( repeat \d+)? ?\.\.\.\n'
        found = re.finditer(rf"{title}((?:.+\n)*)", self.text, re.M)
        return "".join(match[2] for match in found)


class Fuzzer:
    """A checkout of tlsfuzzer.

    Args:
        checkout: its folder.
        clients: certificates and keys that some scripts show, by kind.
        reports: where their output goes.
    """

    def __init__(self, checkout: Path, clients: dict[str, Files], reports: Path) -> None:
        self._checkout = checkout
        self._clients = clients
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
        command += ["-h", HOST, "-p", str(port)]
        command += ["-n", _SAMPLE] if script.draws else []
        command += script.options
        if script.client:
            certificate, key = self._clients[script.client]
            command += ["-c", str(certificate), "-k", str(key)]
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
    library: str, kind: Kind, folder: Path, program: bool
) -> Iterator[tuple[Pair, dict[str, Files]]]:
    """Run our proxy and a plain server; give them, and certificates for clients.

    Args:
        library: on which they are.
        kind: what they have.
        folder: for their files.
        program: whether the plain one is OpenSSL's program.
    """
    folder.mkdir()
    authorities, files = make_identities(folder)
    dh_params = folder / "dhparam.pem"
    write_dh_group(dh_params)
    settings: dict[str, str | int] = {**_SETTINGS[library], "dh_params": str(dh_params)}
    if kind.asks:
        settings |= {"verify_cert": 1, "require_cert": 0, "ca_list": str(authorities)}
    if kind.protocol:
        settings["alpn"] = kind.protocol
    if kind.is_old:
        settings["tls_method"] = "-TLSv1_2"
    identity = files[kind.identity]
    wanted = Wanted(
        identity,
        dh_params,
        authorities if kind.asks else None,
        kind.protocol,
        kind.is_old,
        kind.echoes,
    )
    plain = OpenSSLProgram() if program else PlainServer(library)
    behind = echo_upstream if kind.echoes else http_upstream
    with (
        behind() as upstream,
        tlsmgm_proxy(library, [identity], upstream, folder, settings, _LARGE_HELLOS) as ours,
        plain.running(wanted, folder) as port,
    ):
        yield Pair(library, ours, port), files


@dataclass(frozen=True)
class Comparison:
    """What came out of one script.

    Attributes:
        ours: what it said of our proxy.
        plain: what it said of the plain server.
        worse: probes that only the plain server passes, with what was said of ours.
        fickle: the same of probes that failed with ours, and passed when they were tried again.
    """

    ours: Verdict
    plain: Verdict
    worse: dict[str, str]
    fickle: dict[str, str]

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing about us: what each script begins with fails with both."""
        first = {"sanity", "(script)"}
        return bool(first & self.ours.failed and first & self.plain.failed)


def compare(fuzzer: Fuzzer, script: Script, pair: Pair) -> Comparison:
    """Run a script against both servers, and once more what only ours failed."""
    ours = fuzzer.run(script, pair.library, pair.ours)
    plain = fuzzer.run(script, f"plain-{pair.library}", pair.plain)
    suspects = sorted(ours.failed - plain.failed)
    if not suspects:
        return Comparison(ours, plain, {}, {})
    probes = [] if "(script)" in suspects else suspects
    again = fuzzer.run(script, pair.library, pair.ours, probes)
    failed = sorted(again.failed.intersection(suspects))
    plain_again = fuzzer.run(script, f"plain-{pair.library}", pair.plain, failed if probes else ())
    worse = {probe: again.about(probe) for probe in failed if probe not in plain_again.failed}
    fickle = {probe: ours.about(probe) for probe in suspects if probe not in again.failed}
    return Comparison(ours, plain, worse, fickle)


def run(checkout: Path, libraries: Sequence[str], names: Sequence[str], program: bool) -> int:
    """Compare; return how many probes only the plain server passes."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    checkout = checkout.resolve()
    check_complete(checkout)
    print(f"tlsfuzzer {commit(checkout)}")
    totals = []
    with tempfile.TemporaryDirectory() as temporary:
        for library in libraries:
            total: Counter[str] = Counter()
            for name, kind in KINDS.items():
                scripts = [s for s in SCRIPTS if s.kind == name and s.is_for(library)]
                scripts = [s for s in scripts if not names or s.name in names]
                if program and kind.echoes:  # which OpenSSL's program cannot do
                    continue
                folder = Path(temporary) / f"{library}-{name}"
                if scripts:
                    with servers(library, kind, folder, program) as (pair, clients):
                        fuzzer = Fuzzer(checkout, clients, REPORTS)
                        for script in scripts:
                            total += report(compare(fuzzer, script, pair), script, library)
                            check_alive(pair, script)
            totals.append((library, total))
    for library, total in totals:
        print(f"{library}: " + ", ".join(f"{total[name]} {name}" for name in _COUNTED))
    return sum(total["worse"] for _, total in totals)


def check_alive(pair: Pair, script: Script) -> None:
    """Give up when a server is gone: every other script would fail with it."""
    for name, port in (("our proxy", pair.ours), ("the plain server", pair.plain)):
        if not is_listening(port):
            raise SystemExit(f"{script.name} has put an end to {name} on {pair.library}")


def check_complete(checkout: Path) -> None:
    """Complain about scripts of the checkout that nobody has looked at."""
    known = {script.name for script in SCRIPTS} | set(LEFT_OUT)
    there = {path.stem.removeprefix("test-") for path in checkout.glob("scripts/test-*.py")}
    if not there:
        raise SystemExit(f"{checkout} is no checkout of tlsfuzzer")
    for name in sorted(there - known):
        print(f"{name}: neither run nor left out for a reason", file=sys.stderr)


def commit(checkout: Path) -> str:
    """Return which commit the checkout is of, if it says so."""
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "of an unknown commit"


_COUNTED = (
    "scripts",
    "passed by ours",
    "passed by plain",
    "empty",
    "different on purpose",
    "fickle",
    "worse",
)


def report(found: Comparison, script: Script, library: str) -> Counter[str]:
    """Print what came out, and count it: scripts, and probes that differ."""
    ours, plain = found.ours, found.plain
    line = f"{library:8} {script.name:45} ours {ours.passed:4} passed {len(ours.failed):3}"
    line += f" failed; plain {plain.passed:4} passed {len(plain.failed):3} failed"
    print(line + ("; says nothing" if found.is_empty else ""), flush=True)
    total = Counter(
        {
            "scripts": 1,
            "passed by ours": int(not ours.failed),
            "passed by plain": int(not plain.failed),
            "empty": int(found.is_empty),
        }
    )
    for outcome, probes in (("WORSE", found.worse), ("FICKLE", found.fickle)):
        for probe, said in probes.items():
            reason = excuse(script, library, probe, said)
            total["different on purpose" if reason else outcome.lower()] += 1
            print(f"    {probe}: " + (f"on purpose, {reason}" if reason else outcome), flush=True)
    return total


def excuse(script: Script, library: str, probe: str, said: str) -> str | None:
    """Return why only a plain server passes a probe; None if it should not be so."""
    for pattern, difference in EXPECTED.get(script.name, {}).items():
        if re.fullmatch(pattern, f"{library} {probe}") and difference.says in said:
            return difference.why
    return None


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
