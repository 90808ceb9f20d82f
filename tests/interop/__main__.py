"""Has little-used TLS stacks talk to us, as clients and as servers: see README.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

import tlsmgm
from tests.interop.as_client import ClientTrials, target
from tests.interop.as_server import ServerTrials
from tests.interop.document import write_document
from tests.interop.expected import rule_for
from tests.interop.material import Material, make_material, upstream
from tests.interop.peers import PEERS, ROOT, Peer
from tests.interop.results import LIBRARIES, QUESTIONS, SIDES, TITLES, Cell, Presence

DOCUMENT = ROOT / "docs" / "interop.md"


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.interop", description=__doc__)
    names = [peer.name for peer in PEERS]
    parser.add_argument("--peer", action="append", choices=names, help="only this one")
    parser.add_argument("--library", action="append", choices=LIBRARIES, help="only ours")
    parser.add_argument("--side", action="append", choices=SIDES, help="only as this one")
    parser.add_argument(
        "--document", action="store_true", help=f"write {DOCUMENT.relative_to(ROOT)}"
    )
    options = parser.parse_args(arguments)
    if options.document and (options.peer or options.library or options.side):
        parser.error("--document is about all of them")
    return options


def _try_peer(
    peer: Peer, library: str, sides: Iterable[str], material: Material, port: int, folder: Path
) -> Iterator[Cell]:
    """Try a peer with one of our libraries."""
    if peer.client and "client" in sides:
        with target(library, material, port, folder) as proxy:
            for version in peer.versions:
                yield from ClientTrials(peer, proxy, material, version).run()
    if peer.server and "server" in sides:
        for version in peer.server_versions:
            yield from ServerTrials(peer, library, material, version, port).run()


def _show(console: Console, peer: Peer, side: str, cells: list[Cell]) -> int:
    """Print a table of what a peer did as one side; return how much of it is not as expected."""
    columns = [
        (version, library)
        for version in ("1.3", "1.2")
        for library in LIBRARIES
        if any((cell.version, cell.library) == (version, library) for cell in cells)
    ]
    table = Table(title=f"{peer.title} as {side}", box=box.SIMPLE, title_justify="left")
    table.add_column("")
    for version, library in columns:
        table.add_column(f"{version} {library}", overflow="fold")
    values = {(cell.version, cell.library, cell.question): cell for cell in cells}
    bad = 0
    for question in QUESTIONS[side]:
        row = [Text(question)]
        for version, library in columns:
            cell = values.get((version, library, question))
            if cell is None:
                row.append(Text(""))
                continue
            rule = rule_for(peer, cell)
            holds = rule.holds(cell.value)
            bad += not holds
            text = cell.value if holds else f"{cell.value}\nexpected: {rule.value}"
            row.append(Text(text, style="" if holds else "bold red"))
        table.add_row(*row)
    console.print(table)
    return bad


def main(arguments: list[str] | None = None) -> int:
    """Try them; return 1 if something is not as expected, or missing though it was asked for."""
    options = _options(arguments)
    console = Console(width=None if sys.stdout.isatty() else 200)
    cells: list[Cell] = []
    presence: list[Presence] = []
    bad = 0
    sides = options.side or SIDES
    with tempfile.TemporaryDirectory() as name, upstream() as port:
        folder = Path(name)
        material = make_material(folder)
        for peer in PEERS:
            if options.peer and peer.name not in options.peer:
                continue
            version = peer.found_version()
            presence.append(Presence(peer.name, version))
            if version is None:
                console.print(f"{peer.title}: not installed", style="bold red")
                bad += bool(options.peer)
                continue
            found: list[Cell] = []
            for library in options.library or LIBRARIES:
                found += _try_peer(peer, library, sides, material, port, folder)
            for side in sides:
                if mine := [cell for cell in found if cell.side == side]:
                    bad += _show(console, peer, side, mine)
            cells += found
    missing_peers = sum(item.version is None for item in presence)
    console.print(
        f"{len(cells)} observations, {bad} not as expected, {missing_peers} peers not installed"
    )
    if options.document:
        infos = tlsmgm.libraries()
        ours = [f"{title} {infos[name].version}" for name, title in TITLES.items()]
        write_document(DOCUMENT, cells, presence, ours)
        console.print(f"wrote {DOCUMENT}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
