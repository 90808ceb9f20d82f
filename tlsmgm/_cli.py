"""The command line: ``tlsmgm COMMAND ...``.

Each command is a module of :mod:`tlsmgm._commands`.  Exit codes: 0 good, 1 the check failed,
2 usage or bad input.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import sys
from collections.abc import Sequence
from typing import Any

import tlsmgm
from tlsmgm._backends import refused
from tlsmgm._checks.vulnerabilities import Build, known_faults
from tlsmgm._commands import COMMANDS
from tlsmgm._commands.output import complain
from tlsmgm._domains.words import os_reason
from tlsmgm.errors import TLSError

__all__ = ["main", "make_parser"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: of the command line without the program's name; None: those of the process.

    Returns:
        The exit code.
    """
    try:
        options = make_parser().parse_args(arguments)
        code: int = options.run(options)
        sys.stdout.flush()
    except TLSError as error:
        complain(str(error))
        return 2
    except BrokenPipeError:
        # The reader of our output has seen enough; Python would complain once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        complain(os_reason(error))
        return 2
    except KeyboardInterrupt:
        return 130
    return code


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="tlsmgm",
        description="TLS domains over OpenSSL and wolfSSL.",
        epilog="Exit codes: 0 good, 1 the check failed, 2 usage or bad input.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_VersionAction, help="show versions of all parts")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module: Any = importlib.import_module(f"tlsmgm._commands.{name}")
        summary = module.__doc__.partition("\n")[0]
        command = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        module.configure(command)
        command.set_defaults(run=module.run)
    return parser


class _VersionAction(argparse.Action):
    """Prints the version and the backends."""

    def __init__(self, option_strings: Sequence[str], dest: str, **more: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **more)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print, and end the program."""
        print(f"tlsmgm {_version()}")
        found = tlsmgm.libraries()
        for name, info in sorted(found.items()):
            source = f" ({info.source})" if info.source else ""
            print(f"  {name:<8} {info.version}{source}")
            for line in known_faults(Build(name, info.version, info.source, info.patches)):
                print(f"    {line}")
        unusable = refused()
        for name, reason in sorted(unusable.items()):
            print(f"  {name:<8} UNUSABLE: {reason}")
        if not found and not unusable:
            print("  no TLS backend is installed")
        parser.exit(0)


def _version() -> str:
    try:
        return importlib.metadata.version("tlsmgm")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"
