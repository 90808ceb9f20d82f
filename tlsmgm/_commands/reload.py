"""Have a running program read its TLS domains anew.

Everything is read anew, files and database, unless --database-only says otherwise.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tlsmgm._commands.arguments import add_json, seconds
from tlsmgm._commands.output import complain, print_json
from tlsmgm._domains.words import counted, printable

if TYPE_CHECKING:
    from tlsmgm.mi._jsonrpc import RPCError

__all__ = ["ask", "configure", "configure_client", "report", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    configure_client(parser, required=True)
    parser.add_argument(
        "--database-only", action="store_true", help="as tls_reload of OpenSIPS: not the files"
    )
    add_json(parser)


def configure_client(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add the arguments of commands that ask a running program.

    Args:
        parser: of the command.
        required: it always asks one.
    """
    parser.add_argument(
        "--mi",
        required=required,
        metavar="ENDPOINT",
        help="management interface of the program: fifo:PATH, http:HOST:PORT, udp:HOST:PORT or "
        "unix:PATH",
    )
    parser.add_argument("--token-file", metavar="FILE", help="token for http:")
    parser.add_argument(
        "--timeout", type=seconds, default=30.0, metavar="S", help="default: 30 seconds"
    )


def run(options: argparse.Namespace) -> int:
    """Reload, and print what changed."""
    from tlsmgm.mi._jsonrpc import RPCError

    try:
        result = ask(options, "tls_reload" if options.database_only else "tlsmgm:reload")
    except RPCError as error:
        return report(error, as_json=options.json)
    if options.json:
        print_json(result)
    elif isinstance(result, dict):
        warnings = result.pop("warnings", ())
        print("reloaded: " + ", ".join(counted(kind, names) for kind, names in result.items()))
        for warning in warnings:
            print(f"warning: {printable(warning)}")
    else:
        print("reloaded")
    return 0


def ask(options: argparse.Namespace, method: str) -> Any:
    """Ask a running program.

    Args:
        options: with those of :func:`configure_client`.
        method: name of the command.

    Returns:
        The result.

    Raises:
        RPCError: the program answered with an error.
        TLSError: it did not answer.
        ConfigError: the options make no sense.
    """
    from tlsmgm.errors import ConfigError
    from tlsmgm.mi._endpoints import HTTPEndpoint, parse_endpoint
    from tlsmgm.mi._token import read_token
    from tlsmgm.mi.client import call

    endpoint = parse_endpoint(options.mi)
    token = None
    if options.token_file is not None:
        if not isinstance(endpoint, HTTPEndpoint):
            raise ConfigError("is of use with http: only", parameter="--token-file")
        token = read_token(options.token_file)
    return call(endpoint, method, token=token, timeout=options.timeout)


def report(error: RPCError, *, as_json: bool) -> int:
    """Print an error that a program answered with.

    Args:
        error: of :func:`ask`.
        as_json: print the error object of JSON-RPC.

    Returns:
        The exit code.
    """
    if as_json:
        entry = {"code": error.code, "message": error.message}
        print_json({"error": entry if error.data is None else {**entry, "data": error.data}})
    else:
        detail = "" if error.data is None else f": {error.data}"
        complain(f"the server answered: {error.message}{detail} (code {error.code})")
    return 1
