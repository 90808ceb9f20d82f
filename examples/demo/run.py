"""The demo: a proxy with many TLS domains, and a client for each of them.

Makes a small CA, starts ``tlsmgm proxy`` with the script beside this file, and calls every domain
through every TLS library. Each answer is compared with what it must be, as the client saw it and
as the proxy logged it. Exit code 0: all as expected; 1: not so, with what and why; 2: no library.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cases import CASES, SOCKETS, Case
from clients import DomainClient, Outcome, SSLClient
from make_pki import SERVERS, make_pki
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text
from service import HOST, Proxy, free_ports, upstream

import tlsmgm

SCRIPT = Path(__file__).with_name("opensips.cfg")
NAMES = {"openssl": "OpenSSL", "wolfssl": "wolfSSL"}

#: Columns of a terminal that is not there, and of one that has room for all of the table.
WIDTH = 128
WIDE = 120

#: A free port may be taken by somebody else before the proxy listens on it.
ATTEMPTS = 5


@dataclasses.dataclass
class Row:
    """A case, what became of it, and what is wrong about that."""

    case: Case
    outcome: Outcome
    access: dict[str, str | None]
    complaints: list[str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return the exit code."""
    options = _parse(arguments)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    installed = tlsmgm.libraries()
    libraries = options.library or [name for name in NAMES if name in installed]
    missing = [name for name in libraries if name not in installed]
    if missing or not libraries:
        print(f"not installed: {', '.join(missing) or 'any TLS library'}", file=sys.stderr)
        return 2
    rows: dict[str, list[Row]] = {}
    with tempfile.TemporaryDirectory(prefix="tlsmgm-demo-") as folder:
        make_pki(Path(folder, "pki"))
        _print_domains(console)
        for library in libraries:
            title = f"{NAMES.get(library, library)} {installed[library].version}"
            with console.status(f"calling a proxy that runs on {title} ..."):
                rows[library] = run_library(library, Path(folder), _cases(options.expect))
            _print_rows(console, title, rows[library])
    _print_legend(console)
    return _print_verdict(console, rows)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--library", action="append", choices=list(NAMES), help="default: all that are installed"
    )
    parser.add_argument(
        "--expect",
        action="append",
        default=[],
        metavar="CASE=DOMAIN",
        help='expect another domain, to see the demo fail: --expect "wildcard=atlanta"',
    )
    return parser.parse_args(arguments)


def _cases(changes: Sequence[str]) -> list[Case]:
    domains = dict(change.split("=", 1) for change in changes)
    unknown = domains.keys() - {case.title for case in CASES}
    if unknown:
        raise SystemExit(f"there is no case {', '.join(unknown)}")
    return [
        dataclasses.replace(case, domain=domains.get(case.title, case.domain)) for case in CASES
    ]


# --- calling --------------------------------------------------------------------------------


def run_library(library: str, folder: Path, cases: Sequence[Case]) -> list[Row]:
    """Start a proxy and make all calls.

    Args:
        library: TLS library of the proxy and of the calls by client domains.
        folder: has the certificates; the script is put there.
        cases: the calls.
    """
    with upstream() as upstream_port:
        proxy, script, ports = _start(library, folder, upstream_port)
        with proxy:
            ssl_client = SSLClient(folder / "pki")
            domain_client = DomainClient(script, library)
            rows = []
            for case in cases:
                client = domain_client if case.by_script else ssl_client
                outcome = client.call(case, (HOST, ports[case.socket]))
                access = proxy.access(outcome.client)
                rows.append(Row(case, outcome, access, _complaints(case, outcome, access)))
            return rows


def _start(library: str, folder: Path, upstream_port: int) -> tuple[Proxy, Path, dict[str, int]]:
    script = folder / "opensips.cfg"
    for attempt in range(1, ATTEMPTS + 1):
        ports = dict(zip(SOCKETS, free_ports(len(SOCKETS)), strict=True))
        text = SCRIPT.read_text(encoding="utf-8")
        for name, written in SOCKETS.items():
            text = re.sub(rf":{written}\b", f":{ports[name]}", text)
        script.write_text(text, encoding="utf-8")
        try:
            return Proxy(script, library, upstream_port, len(SOCKETS)), script, ports
        except OSError as error:
            if "cannot listen" not in str(error) or attempt == ATTEMPTS:
                raise
    raise AssertionError


def _complaints(case: Case, outcome: Outcome, access: dict[str, str | None]) -> list[str]:
    """What is not as it must be, in sentences."""
    found = []
    if access["domain"] != case.domain:
        found.append(f"domain {access['domain']} answered, not {case.domain}")
    if case.refused:
        if outcome.refused is None:
            found.append("it was let in")
        elif not any(word in outcome.refused for word in case.refused):
            reasons = " or ".join(case.refused)
            found.append(f"it was refused for {outcome.refused}, not for {reasons}")
        if access["status"] == "ok":
            found.append("the proxy logged it as a success")
        return found
    if outcome.refused is not None:
        return [*found, f"it was refused: {outcome.refused}"]
    shown = None if case.domain not in SERVERS else SERVERS[case.domain][0]
    if outcome.certificate != shown:
        found.append(f"the certificate of {outcome.certificate} was shown, not that of {shown}")
    if case.version not in (None, outcome.version):
        found.append(f"it spoke {outcome.version}, not {case.version}")
    if outcome.resumed != case.resumed:
        found.append("a session was resumed" if outcome.resumed else "no session was resumed")
    if access["status"] != "ok":
        found.append(f"the proxy logged {access['status']}: {access['reason']}")
    if (access["verified"] == "1") != (case.domain == "partners"):
        found.append(f"the proxy logged verified={access['verified']}")
    return found


# --- printing -------------------------------------------------------------------------------


def _print_domains(console: Console) -> None:
    sockets = {f"{HOST}:{port}": name for name, port in SOCKETS.items()}
    table = _table("The TLS domains of examples/demo/opensips.cfg")
    for head in ("domain", "for", "socket", "name", "TLS", "peer must be verified"):
        table.add_column(head)
    for domain in tlsmgm.read_configuration(SCRIPT).domains:
        is_server = domain.kind == "server"
        addresses = [
            sockets.get(text, "any other" if is_server else "any")
            for text in domain.match_ip_address
        ]
        table.add_row(
            Text(domain.name, "bold cyan"),
            "incoming" if is_server else "outgoing",
            ", ".join(addresses),
            ", ".join(domain.match_sip_domain),
            "any" if domain.method == "SSLv23" else domain.method,
            "yes" if domain.verify_cert else Text("no", "dim"),
        )
    console.print(
        "\nA CA has been made, with a certificate for each of these domains. Now a real"
        " [bold]tlsmgm proxy[/] serves them\nin front of a plain TCP server, and clients call it:"
        " some must get through, and some must not.\n"
    )
    console.print(table)


def _print_rows(console: Console, title: str, rows: Sequence[Row]) -> None:
    table = _table(f"Who answers, on {title}?")
    heads = ["", "the client", "SNI", "domain", "TLS", "peer verified"]
    if console.width >= WIDE:
        heads[2:2] = ["calls"]
        heads[-1:-1] = ["cipher"]
    for head in heads:
        table.add_column(head, overflow="fold")
    refused_before = False
    for row in rows:
        if row.case.refused and not refused_before:
            table.add_section()
        refused_before = bool(row.case.refused)
        cells = _cells(row, heads)
        table.add_row(*(cells[head] for head in heads))
    console.print(table)


def _table(title: str) -> Table:
    return Table(
        title=title,
        title_style="bold",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )


def _cells(row: Row, heads: Sequence[str]) -> dict[str, Text]:
    case, outcome, access = row.case, row.outcome, row.access
    refused = outcome.refused is not None
    cells = {
        "": Text("✗", "bold red") if row.complaints else Text("✓", "bold green"),
        "the client": Text(case.title),
        "calls": Text(case.socket),
        "SNI": Text(case.server_name) if case.server_name else Text("(none)", "dim"),
        "domain": Text(access["domain"], "bold cyan") if access["domain"] else Text("-", "dim"),
        "TLS": Text("" if refused else f"{outcome.version}{' ↻' if outcome.resumed else ''}"),
        "cipher": Text("" if refused else outcome.cipher or ""),
        "peer verified": Text(),
    }
    if refused:
        place = "cipher" if "cipher" in heads else "peer verified"
        cells[place] = Text(f"refused: {outcome.refused}", "yellow")
    elif access["verified"] == "1":
        cells["peer verified"] = Text(f"● {access['subject']}", "green")
    else:
        cells["peer verified"] = Text("○", "dim")
    return cells


def _print_legend(console: Console) -> None:
    console.print(
        " [bold green]✓[/] as it must be   [bold red]✗[/] not so   "
        "↻ session resumed   [green]●[/] client's certificate verified   [dim]○[/] none asked for\n"
        " [dim]The domain is what the proxy logged; the certificate that the client was shown must "
        "agree.\n"
        " The client is Python's ssl module or, where it says tlsmgm, domain to_partners.[/]\n"
    )


def _print_verdict(console: Console, rows: dict[str, list[Row]]) -> int:
    wrong = [(name, row) for name, found in rows.items() for row in found if row.complaints]
    total = sum(map(len, rows.values()))
    if not wrong:
        console.print(f" [bold green]All {total} calls went as they must.[/]\n")
        return 0
    console.print(f" [bold red]{len(wrong)} of {total} calls did not go as they must:[/]")
    for name, row in wrong:
        console.print(f"  {NAMES[name]}, {row.case.title}: {'; '.join(row.complaints)}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
