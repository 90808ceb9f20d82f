"""Show the TLS domains of a configuration, or of a running program.

No certificate is loaded.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from tlsmgm._commands.arguments import add_json
from tlsmgm._commands.output import complain, print_json, print_table
from tlsmgm._commands.reload import ask, configure_client, report
from tlsmgm.errors import ConfigError, PlacedError, TLSError

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--config", metavar="FILE", help="OpenSIPS script")
    configure_client(parser, required=False)
    add_json(parser, "what tls_list replies")


def run(options: argparse.Namespace) -> int:
    """Print the domains."""
    from tlsmgm.mi._jsonrpc import RPCError

    if (options.config is None) == (options.mi is None):
        raise ConfigError("give --config or --mi, one of them")
    try:
        listed, failures = _of_config(options.config) if options.config else _of_program(options)
    except RPCError as error:
        return report(error, as_json=options.json)
    for failure in failures:
        complain(str(failure))
    if options.json:
        print_json(listed)
        return int(bool(failures))
    try:
        rows = [_row(domain) for domain in listed["Domains"]]
    except (KeyError, TypeError, AttributeError):
        raise TLSError(f"{options.mi}: the answer is no list of domains") from None
    print_table(
        ("NAME", "KIND", "ADDRESSES", "NAMES", "METHOD", "VERIFY", "REQUIRE", "CERTIFICATE"), rows
    )
    return int(bool(failures))


def _of_config(path: str) -> tuple[Any, Sequence[PlacedError]]:
    """The domains, and why rows of the database make none."""
    from tlsmgm._manager import TLSManager

    manager = TLSManager.from_config(path, library="none")
    return manager.list_domains(), manager.failures


def _of_program(options: argparse.Namespace) -> tuple[Any, Sequence[PlacedError]]:
    return ask(options, "tls_list"), ()


def _row(domain: dict[str, Any]) -> tuple[str, ...]:
    is_server = domain["type"] == "TLS_DOMAIN_SRV"
    return (
        domain["name"],
        "server" if is_server else "client",
        ", ".join(domain["IP ADDRESS FILTERS"]),
        ", ".join(domain["SIP DOMAIN FILTERS"]),
        domain["METHOD"],
        _yes(domain["VERIFY_CERT"]),
        _yes(domain["REQ_CLI_CERT"]) if is_server else "-",
        domain.get("CERT_FILE") or "-",
    )


def _yes(flag: object) -> str:
    return "yes" if flag else "no"
