"""Run the benchmarks: ``python -m benchmarks [--quick]``."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import tlsmgm
from benchmarks.cohort import managed, stdlib_ssl
from benchmarks.handshake import CIPHER, GROUP, Result, make_client, measure
from benchmarks.identity import make_identity


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, to see that it works")
    parser.add_argument("--rounds", type=int, help="default: 15, quick: 3")
    parser.add_argument("--handshakes", type=int, help="in a round; default: 300, quick: 10")
    options = parser.parse_args(arguments)
    rounds = options.rounds or (3 if options.quick else 15)
    handshakes = options.handshakes or (10 if options.quick else 300)
    if not tlsmgm.backends():
        print("no TLS library is installed", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        identity = make_identity(Path(folder))
        entrants = [*stdlib_ssl.entrants(identity), *managed.entrants(identity)]
        results = measure(entrants, rounds, handshakes)
    _print_setting(rounds, handshakes)
    _print_results(results)
    return 0


def _print_setting(rounds: int, handshakes: int) -> None:
    client = make_client().library
    facts = {
        "measured": "server's CPU time per full handshake, in memory",
        "pinned": f"TLSv1.3, {CIPHER}, {GROUP}, ECDSA P-256, no client certificate",
        "client": f"tlsmgm {tlsmgm.__version__} over {client} "
        f"{tlsmgm.backends()[client].version}, the same for all, not timed",
        "rounds": f"{rounds} of {handshakes} handshakes each, entrants take turns",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "machine": f"{platform.system()} {platform.machine()}, {_processor()}, "
        f"{os.cpu_count()} CPUs",
    }
    for name, fact in facts.items():
        print(f"{name:<9} {fact}")
    print()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else "unknown processor"


def _print_results(results: Sequence[Result]) -> None:
    """Ratios are to the first entrant; below 1 is faster than it."""
    base = results[0].median
    print(f"{'server':<18} {'library':<28} {'median µs':>10} {'spread':>8} {'ratio':>7}")
    for result in results:
        entrant = result.entrant
        print(
            f"{entrant.name:<18} {entrant.library:<28} {result.median:>10.1f} "
            f"{f'±{result.spread:.1%}':>8} {result.median / base:>7.2f}"
        )


if __name__ == "__main__":
    sys.exit(main())
