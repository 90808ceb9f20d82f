"""CPython's own tests of ``ssl``, with other contexts in place of its own.

    python -m tests.external.cpython_suites [WHO ...]

WHO is ``ssl`` (Python's own, for comparison), ``openssl`` and ``wolfssl`` (``tlsmgm.adapters``),
``rtls`` or ``utls`` (two replacements on PyPI); all of them if none is named.  Prints what passed,
failed and was skipped, and the names of what failed.  The exit code is 1 if one of ours passes
fewer tests than are expected of it.

It takes the tests that belong to the Python that runs: ``test.test_ssl``,
``test.test_asyncio.test_sslproto`` and ``test.test_asyncio.test_ssl``.  Some systems have them in a
package of their own, such as Debian's ``libpython3.11-testsuite``.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, Final

MODULES: Final = ("test.test_ssl", "test.test_asyncio.test_sslproto", "test.test_asyncio.test_ssl")
OURS: Final = ("openssl", "wolfssl")
THEIRS: Final = ("rtls", "utls")
EVERYBODY: Final = ("ssl", *OURS, *THEIRS)

#: Of the tests that Python's own passes, how many ours may fail; docs/adapters.md names them.
ALLOWED: Final = 10

#: Seconds for one test, and for all of them.
ONE_TEST: Final = 10
ALL_TESTS: Final = 1800

#: Private names that the suites take from ``ssl``, and that other modules need not have.
LENT: Final = ("_create_unverified_context", "_create_stdlib_context", "_ssl", "_PROTOCOL_NAMES")


def put_in_place(who: str) -> None:
    """Let ``ssl`` have another context, or be another module."""
    if who in OURS:
        from tlsmgm import adapters

        adapters.SSLContext.default_library = who
        ssl.SSLContext = adapters.SSLContext  # type: ignore[misc]
    elif who in THEIRS:
        module = importlib.import_module(who)
        for name in LENT:
            if not hasattr(module, name) and hasattr(ssl, name):
                setattr(module, name, getattr(ssl, name))
        for name in ("SSLContext", "SSLObject", "SSLSocket", "MemoryBIO", "create_default_context"):
            if hasattr(module, name):
                setattr(ssl, name, getattr(module, name))


class Result(unittest.TextTestResult):
    """Ends a test that takes too long."""

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        super().startTest(test)
        signal.alarm(ONE_TEST)

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        signal.alarm(0)
        super().stopTest(test)


def too_long(*_: object) -> None:
    """Fail the present test."""
    raise TimeoutError(f"took more than {ONE_TEST} s")


def run(who: str, report: Path) -> None:
    """Run the suites in this process, and write what came of it."""
    put_in_place(who)
    signal.signal(signal.SIGALRM, too_long)
    suite = unittest.defaultTestLoader.loadTestsFromNames(MODULES)
    kind: Any = Result
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        result = unittest.TextTestRunner(nowhere, resultclass=kind).run(suite)
    failed = sorted({test.id() for test, _ in (*result.failures, *result.errors)})
    counts = {"run": result.testsRun, "failed": failed, "skipped": len(result.skipped)}
    report.write_text(json.dumps(counts))
    os._exit(0)  # tests may have left threads behind


def version_of(who: str) -> str:
    """Say what is measured, with its version."""
    if who == "ssl":
        return f"ssl, {ssl.OPENSSL_VERSION}"
    if who in OURS:
        from tlsmgm import libraries

        return f"tlsmgm, {who} {libraries()[who].version}"
    from importlib import metadata

    return f"{who} {metadata.version(who)}"


def child(who: str) -> dict[str, Any] | None:
    """Run the suites in a process of their own; None if it came to no end."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-W", "ignore", "-m", __spec__.name, "--run", who, str(report)]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                command,
                timeout=ALL_TESTS,
                check=False,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        return json.loads(report.read_text()) if report.exists() else None


def is_here(who: str) -> bool:
    """Tell whether somebody can be measured."""
    if who in OURS:
        from tlsmgm import libraries

        return who in libraries()
    return importlib.util.find_spec(who) is not None


def measured(who: str) -> int:
    """Print what came of one, and return how many failed; -1 if it could not be measured."""
    if not is_here(who):
        print(f"{who:32} not installed")
        return -1
    found = child(who)
    if found is None:
        print(f"{version_of(who):32} came to no end")
        return -1
    failed = found["failed"]
    passed = found["run"] - found["skipped"] - len(failed)
    print(f"{version_of(who):32} {passed:6} {len(failed):6} {found['skipped']:7}")
    if who in OURS:
        for name in failed:
            print(f"    {name}")
    return len(failed)


def main() -> int:
    """Measure those that were named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("who", nargs="*", choices=[[], *EVERYBODY], metavar="WHO")
    parser.add_argument("--run", nargs=2, metavar=("WHO", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        run(arguments.run[0], Path(arguments.run[1]))
    if importlib.util.find_spec("test.test_ssl") is None:
        print("this Python has no tests of its own: install its package of them", file=sys.stderr)
        return 2
    print(f"{'CPython ' + sys.version.split()[0]:32} passed failed skipped")
    failures = {who: measured(who) for who in arguments.who or EVERYBODY}
    return int(any(not 0 <= failures.get(who, 0) <= ALLOWED for who in OURS))


if __name__ == "__main__":
    sys.exit(main())
