"""Has outside judges look at our proxy, and at nginx beside it: see README.md of this folder."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.external import tlsfuzzer
from tests.external.findings import Finding, only_ours
from tests.external.run_sslyze import judge_with_sslyze, sslyze_version
from tests.external.run_testssl import judge_with_testssl, testssl_version
from tests.external.targets import http_upstream, make_identities, nginx, tlsmgm_proxy
from tests.support.libraries import LIBRARIES

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "build" / "judges"

#: Which certificates a server has.
SETUPS = {"rsa+ec": ("rsa", "ec"), "rsa": ("rsa",)}


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.external.judge", description=__doc__)
    parser.add_argument("--library", action="append", choices=LIBRARIES, help="only this one")
    parser.add_argument("--setup", action="append", choices=SETUPS, help="only these certificates")
    parser.add_argument(
        "--judge", action="append", choices=("testssl", "sslyze"), help="only this one"
    )
    parser.add_argument("--reports", type=Path, default=TOOLS / "reports", help="where they go")
    parser.add_argument(
        "--tlsfuzzer", type=Path, metavar="DIR", help="a checkout of tlsfuzzer, to run it, too"
    )
    return parser.parse_args(arguments)


def _judge(judges: Iterable[str], name: str, port: int, root: Path, to: Path) -> list[Finding]:
    found: list[Finding] = []
    if "testssl" in judges:
        found += judge_with_testssl(port, root, to / f"testssl-{name}.json")
    if "sslyze" in judges:
        found += judge_with_sslyze(TOOLS, port, root, to / f"sslyze-{name}.json")
    print(f"{name}: {len(found)} findings", file=sys.stderr)
    return found


def _compare(options: argparse.Namespace, setup: str, folder: Path) -> list[tuple[str, Finding]]:
    """Judge nginx and then our proxy on each library; return what only we have."""
    root, files = make_identities(folder)
    identities = [files[kind] for kind in SETUPS[setup]]
    judges = options.judge or ("testssl", "sslyze")
    reports = options.reports
    bad: list[tuple[str, Finding]] = []
    with http_upstream() as upstream:
        with nginx(identities, upstream, folder) as port:
            theirs = _judge(judges, f"nginx-{setup}", port, root, reports)
        for library in options.library or LIBRARIES:
            with tlsmgm_proxy(library, identities, upstream, folder) as port:
                ours = _judge(judges, f"{library}-{setup}", port, root, reports)
            bad += [(f"{library} {setup}", finding) for finding in only_ours(ours, theirs)]
    return bad


def print_table(bad: list[tuple[str, Finding]]) -> None:
    """Print what only our proxy has."""
    for server, finding in bad:
        what = f"{finding.judge}: {finding.key}"
        print(f"{server:16} {finding.severity.name:9} {what:60} {finding.text[:100]}")
    print(f"{len(bad)} findings that nginx with Mozilla's intermediate profile does not have")


def main(arguments: list[str] | None = None) -> int:
    """Judge; return 1 if there is anything that nginx does not have."""
    options = _options(arguments)
    options.reports.mkdir(parents=True, exist_ok=True)
    if "sslyze" in (options.judge or ["sslyze"]):
        print(sslyze_version(TOOLS))
    if "testssl" in (options.judge or ["testssl"]):
        print(testssl_version())
    bad: list[tuple[str, Finding]] = []
    for setup in options.setup or SETUPS:
        with tempfile.TemporaryDirectory() as folder:
            bad += _compare(options, setup, Path(folder))
    print_table(bad)
    worse = 0
    if options.tlsfuzzer is not None:
        worse = tlsfuzzer.run(options.tlsfuzzer, options.library or LIBRARIES, (), False)
    return 1 if bad or worse else 0


if __name__ == "__main__":
    sys.exit(main())
