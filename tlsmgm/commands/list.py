"""Show the TLS domains of a configuration, or of a running program.

No certificate is loaded.
"""

from __future__ import annotations

import argparse
from typing import Any

from tlsmgm.commands.output import print_json, print_table
from tlsmgm.commands.reload import ask, configure_client, report
from tlsmgm.errors import ConfigError, TLSError

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--config", metavar="FILE", help="OpenSIPS script")
    configure_client(parser, required=False)
    parser.add_argument("--json", action="store_true", help="print what tls_list replies")


def run(options: argparse.Namespace) -> int:
    """Print the domains."""
    from tlsmgm.mi.jsonrpc import RPCError

    if (options.config is None) == (options.mi is None):
        raise ConfigError("give --config or --mi, one of them")
    try:
        listed = _of_script(options.config) if options.mi is None else ask(options, "tls_list")
    except RPCError as error:
        return report(error, as_json=options.json)
    if options.json:
        print_json(listed)
        return 0
    try:
        rows = [_row(domain) for domain in listed["Domains"]]
    except (KeyError, TypeError, AttributeError):
        raise TLSError(f"{options.mi}: the answer is no list of domains") from None
    print_table(
        ("NAME", "KIND", "ADDRESSES", "NAMES", "METHOD", "VERIFY", "REQUIRE", "CERTIFICATE"), rows
    )
    return 0


def _of_script(path: str) -> dict[str, list[dict[str, Any]]]:
    from tlsmgm.manager import TLSManager

    return TLSManager.from_config(path, library="none").list_domains()


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
