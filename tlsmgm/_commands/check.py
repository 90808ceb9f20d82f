"""Load a configuration without serving, and look for what will break.

Reports files that do not load, keys that do not match, certificates that have expired or soon
will, lists of revoked certificates that are out of force or of nobody who is trusted, certificates
for another purpose, filters that can never win, addresses without a socket, and files with secrets
that are open to others.  Every installed library loads everything; what only another one than the
chosen refuses is a warning.
"""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

from tlsmgm._commands.arguments import add_json
from tlsmgm._commands.configuration import add_config, read_all
from tlsmgm._commands.output import print_json
from tlsmgm._domains.words import printable
from tlsmgm.errors import ConfigError

if TYPE_CHECKING:
    from tlsmgm._checks.checks import Finding
    from tlsmgm._config.model import Configuration

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_config(parser)
    parser.add_argument(
        "--library", metavar="L", help="openssl, wolfssl or none; default: all that are installed"
    )
    parser.add_argument(
        "--days",
        type=_days,
        metavar="N",
        help="warn of certificates that expire within N days (default: 30, or a third of the "
        "lifetime if that is less)",
    )
    add_json(parser)


def _days(text: str) -> int:
    if not text.isdecimal() or int(text) > 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 0 to 100000")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Print the findings."""
    from tlsmgm._checks import checks

    libraries = _libraries(options.library)
    config, failures = read_all(options.config)
    chosen = _chosen(config, libraries)
    findings = list(map(checks.finding_of_row, failures))
    findings += checks.check_config(config, libraries, chosen=chosen, days=options.days)
    if options.library is None:
        findings += checks.check_library(config)
        findings.sort(key=lambda finding: finding.severity != "error")
    failed = checks.has_errors(findings)
    if options.json:
        print_json(
            {
                "ok": not failed,
                "config": options.config,
                "domains": len(config.domains),
                "libraries": libraries,
                "findings": [dataclasses.asdict(finding) for finding in findings],
            }
        )
    else:
        _print(findings, len(config.domains), libraries)
    return int(failed)


def _libraries(wanted: str | None) -> list[str]:
    import tlsmgm

    installed = sorted(tlsmgm.libraries())
    if wanted is None or wanted == "auto":
        return installed
    if wanted == "none":
        return []
    if wanted not in installed:
        known = ", ".join(installed) or "none"
        raise ConfigError(
            f"library {wanted!r} is not installed", parameter="--library", hint=f"there is: {known}"
        )
    return [wanted]


def _chosen(config: Configuration, libraries: list[str]) -> str | None:
    """The library that the script asks for; None if it does not say, or we do not load it."""
    try:
        wanted = config.resolve_library()
    except ConfigError:
        return None
    return wanted if wanted in libraries else None


def _print(findings: list[Finding], domains: int, libraries: list[str]) -> None:
    for finding in findings:
        where = f"{finding.origin}: " if finding.origin else ""
        kind = f"{finding.kind} " if finding.kind else ""
        whom = f"{kind}domain {finding.domain}: " if finding.domain else ""
        library = f" [{finding.library}]" if finding.library else ""
        print(f"{finding.severity:<7}  {printable(where + whom + finding.message)}{library}")
    errors = sum(finding.severity == "error" for finding in findings)
    loaded = f"loaded with {' and '.join(libraries)}" if libraries else "not loaded by any library"
    print(
        f"{_count(domains, 'domain')} {loaded}: "
        f"{_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')}"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
