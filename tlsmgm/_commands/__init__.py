"""Commands of the command line, one module each.

A command is a module with these names; the first line of its docstring is its help text::

    def configure(parser: argparse.ArgumentParser) -> None: ...     # adds its arguments
    def run(options: argparse.Namespace) -> int: ...                # returns the exit code

A :class:`~tlsmgm.errors.TLSError` that ``run`` lets through is printed and becomes exit code 2.
Modules of commands are imported on every call of the program, so what is heavy is imported by
``run``.
"""

from __future__ import annotations

from typing import Final

__all__ = ["COMMANDS"]

#: Names of the commands, in the order of the help text.
COMMANDS: Final = ("proxy", "match", "list", "reload", "check", "connect", "db", "convert")
