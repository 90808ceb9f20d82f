"""CPython's own tests of ``ssl``, with other contexts in place of its own.

    python -m tests.external.cpython_suites [WHO ...]

WHO is ``ssl`` (Python's own, for comparison), ``openssl`` and ``wolfssl`` (``tlsmgm.adapters``),
``rtls`` or ``utls`` (two replacements on PyPI); all of them if none is named.  Prints what passed,
failed and was skipped, and the names of what failed of ours.  The exit code is 1 if one of ours
fails more tests than are expected of it.

It takes the tests that belong to the Python that runs: ``test.test_ssl``,
``test.test_asyncio.test_sslproto`` and ``test.test_asyncio.test_ssl``.  Some systems have them in a
package of their own, such as Debian's ``libpython3.11-testsuite``.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import os
import select
import signal
import ssl
import subprocess
import sys
import unittest
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, NoReturn

MODULES: Final = ("test.test_ssl", "test.test_asyncio.test_sslproto", "test.test_asyncio.test_ssl")
OURS: Final = ("openssl", "wolfssl")
THEIRS: Final = ("rtls", "utls")
EVERYBODY: Final = ("ssl", *OURS, *THEIRS)

#: Of the tests that Python's own passes, how many ours may fail; docs/adapters.md names them.
ALLOWED: Final = 10

#: Seconds for one test; the first of a process must do with them for the start, too.
ONE_TEST: Final = 20

#: What can become of a test.
PASSED: Final = "passed"
FAILED: Final = "failed"
SKIPPED: Final = "skipped"
ENDLESS: Final = "came to no end"  # or its process did not live to see it

#: Private names that the suites take from ``ssl``, and that other modules need not have.
LENT: Final = ("_create_unverified_context", "_create_stdlib_context", "_ssl", "_PROTOCOL_NAMES")


def put_in_place(who: str) -> None:
    """Let ``ssl`` have another context, or be another module."""
    if who in OURS:
        from tlsmgm import adapters

        adapters.SSLContext.default_library = who
        ssl.SSLContext = adapters.SSLContext  # type: ignore[misc]
        ssl.MemoryBIO = adapters.MemoryBIO  # type: ignore[misc, assignment, unused-ignore]
    elif who in THEIRS:
        module = importlib.import_module(who)
        for name in LENT:
            if not hasattr(module, name) and hasattr(ssl, name):
                setattr(module, name, getattr(ssl, name))
        for name in ("SSLContext", "SSLObject", "SSLSocket", "MemoryBIO", "create_default_context"):
            if hasattr(module, name):
                setattr(ssl, name, getattr(module, name))


def tests_of(modules: Sequence[str]) -> list[unittest.TestCase]:
    """List the tests of some modules, always in the same order."""

    def flat(suite: Any) -> Iterator[unittest.TestCase]:
        for one in suite:
            yield from flat(one) if isinstance(one, unittest.TestSuite) else [one]

    return list(flat(unittest.defaultTestLoader.loadTestsFromNames(modules)))


def outcome_of(test: unittest.TestCase) -> str:
    """Run one test, with what its class and its module want to be done before and after it."""
    result = unittest.TestResult()
    unittest.TestSuite([test]).run(result)
    if not result.wasSuccessful():
        return FAILED
    return SKIPPED if result.skipped else PASSED


def run(who: str, first: int, modules: Sequence[str]) -> NoReturn:
    """Run the tests from one on in this process, and print each one's outcome when it has ended."""
    outcomes = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.dup2(nowhere, sys.stderr.fileno())
    put_in_place(who)
    for test in tests_of(modules)[first:]:
        print(outcome_of(test), file=outcomes, flush=True)
    os._exit(0)  # tests may have left threads behind


def outcomes_from(who: str, first: int) -> Iterator[str]:
    """Have the tests from one on run by a child, until it ends or one of them takes too long."""
    command = [sys.executable, "-W", "ignore", "-m", __spec__.name, "--run", who, str(first)]
    with subprocess.Popen(
        [*command, *MODULES], bufsize=0, stdout=subprocess.PIPE, start_new_session=True
    ) as child:
        assert child.stdout is not None
        try:
            while select.select([child.stdout], [], [], ONE_TEST)[0]:
                if not (line := child.stdout.readline()):
                    break
                yield line.decode().strip()
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)


def outcomes_of(who: str) -> dict[str, str]:
    """Run all tests over somebody's contexts.

    A test that does not end is ended from outside, with its process: some wait in native code,
    where no exception reaches them.  Another process goes on behind it.

    Returns:
        The outcome of each test.
    """
    names = [test.id() for test in tests_of(MODULES)]
    outcomes: list[str] = []
    while len(outcomes) < len(names):
        outcomes.extend(outcomes_from(who, len(outcomes)))
        if len(outcomes) < len(names):
            outcomes.append(ENDLESS)
    return dict(zip(names, outcomes, strict=True))


def version_of(who: str) -> str:
    """Say what is measured, with its version."""
    if who == "ssl":
        return f"ssl, {ssl.OPENSSL_VERSION}"
    if who in OURS:
        from tlsmgm import libraries

        return f"tlsmgm, {who} {libraries()[who].version}"
    from importlib import metadata

    return f"{who} {metadata.version(who)}"


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
    outcomes = outcomes_of(who)
    count = Counter(outcomes.values())
    failed = [name for name, outcome in outcomes.items() if outcome in (FAILED, ENDLESS)]
    endless = f"   {count[ENDLESS]} of them came to no end" if count[ENDLESS] else ""
    print(
        f"{version_of(who):32} {count[PASSED]:6} {len(failed):6} {count[SKIPPED]:7}{endless}",
        flush=True,
    )
    if who in OURS:
        for name in sorted(failed):
            print(f"    {name}")
    return len(failed)


def main() -> int:
    """Measure those that were named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("who", nargs="*", choices=[[], *EVERYBODY], metavar="WHO")
    parser.add_argument("--run", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        who, first, *modules = arguments.run
        run(who, int(first), modules)
    if importlib.util.find_spec("test.test_ssl") is None:
        print("this Python has no tests of its own: install its package of them", file=sys.stderr)
        return 2
    print(f"{'CPython ' + sys.version.split()[0]:32} passed failed skipped")
    failures = {who: measured(who) for who in arguments.who or EVERYBODY}
    return int(any(not 0 <= failures.get(who, 0) <= ALLOWED for who in OURS))


if __name__ == "__main__":
    sys.exit(main())
