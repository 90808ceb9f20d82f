"""Write a configuration in the other language: OpenSIPS script to TOML, TOML to script.

What is written is read back and compared with its source before it goes anywhere.  What the other
language has no place for (routes, comments) is told on standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from tlsmgm._commands.configuration import CONFIG_HELP
from tlsmgm._domains.words import os_reason, printable
from tlsmgm.errors import ConfigError

if TYPE_CHECKING:
    from tlsmgm._config.convert import Conversion, Language

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("source", metavar="SOURCE", help=CONFIG_HELP)
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="write there, with paths from its folder (default: standard output)",
    )
    parser.add_argument("--to", choices=["toml", "script"], help="default: the other language")
    parser.add_argument("--force", action="store_true", help="overwrite the file")


def run(options: argparse.Namespace) -> int:
    """Convert, and say what was left out."""
    from tlsmgm._config.convert import convert
    from tlsmgm._config.left_out import left_out
    from tlsmgm._config.reader import read_configuration

    language = _language(options)
    source = read_configuration(options.source)
    made = convert(source, language, options.output)
    if options.output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(_bytes(made))
        sys.stdout.buffer.flush()
    else:
        _write(options.output, made, force=options.force)
    for warning in (*source.warnings, *made.warnings, *left_out(options.source)):
        print(f"tlsmgm: warning: {printable(warning)}", file=sys.stderr)
    return 0


def _language(options: argparse.Namespace) -> Language:
    """The language to write; the names of files say which one they are in."""
    from tlsmgm._config.reader import is_toml

    language: Language = options.to or ("script" if is_toml(options.source) else "toml")
    if options.output is not None and is_toml(options.output) != (language == "toml"):
        what = "end" if language == "toml" else "not end"
        raise ConfigError(
            f"the name of a {language} file must {what} in .toml",
            origin=options.output,
            parameter="--output",
            hint="--to chooses the language",
        )
    return language


def _bytes(made: Conversion) -> bytes:
    return made.text.encode("utf-8", "surrogateescape")


def _write(path: str, made: Conversion, *, force: bool) -> None:
    """Create the file, or put a complete new one in the place of the old."""
    mode = 0o600 if made.is_secret else 0o666
    target = f"{path}.{os.getpid()}.new" if force else path
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(_bytes(made))
            if force:
                os.replace(target, path)
        except BaseException:
            os.unlink(target)
            raise
    except FileExistsError:
        raise ConfigError("is there already", origin=path, hint="--force overwrites it") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be written: {os_reason(error)}", origin=path) from None
