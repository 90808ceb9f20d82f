"""Show the TLS domains of a configuration.

No certificate is loaded.
"""

from __future__ import annotations

import argparse
from typing import Any

from tlsmgm.commands.output import print_json, print_table

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--config", required=True, metavar="FILE", help="OpenSIPS script")
    parser.add_argument("--json", action="store_true", help="print what tls_list replies")


def run(options: argparse.Namespace) -> int:
    """Print the domains."""
    from tlsmgm.manager import TLSManager

    listed = TLSManager.from_config(options.config, library="none").list_domains()
    if options.json:
        print_json(listed)
        return 0
    print_table(
        ("NAME", "KIND", "ADDRESSES", "NAMES", "METHOD", "VERIFY", "REQUIRE", "CERTIFICATE"),
        map(_row, listed["Domains"]),
    )
    return 0


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
