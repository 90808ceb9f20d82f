"""The edge proxy of the examples: routes by domain, and the client's common name in its log."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.listeners import Greeter, greeting, leave
from tests.support.proxy import ROOT, Program, connect, pki, server_domain
from tests.support.scripts import Site

EXAMPLE = ROOT / "examples" / "edge_proxy.py"


@pytest.fixture
def config(tmp_path: Path, library: str) -> str:
    site = Site(tmp_path, library)
    demands: dict[str, str | int] = {"verify_cert": 1, "require_cert": 0}
    demands["ca_list"] = pki("root.pem")
    site.write(
        server_domain("dom1", match_sip_domain="dom1.test", **demands),
        server_domain("dom2", match_sip_domain="dom2.test"),
    )
    return str(site.script)


def visit(port: int, name: str, certificate: str | None = None) -> bytes:
    """Say hello, and return what the server behind says."""
    identity = None
    if certificate is not None:
        identity = (pki(f"{certificate}.pem"), pki(f"{certificate}.key"))
    with connect(port, name, certificate=identity) as client:
        found = greeting(client)
        leave(client)
    return found


def test_it(config: str, greeter: Greeter) -> None:
    with (
        Greeter(b"other") as other,
        Program(
            config, "tls:127.0.0.1:0", f"dom1={greeter.address}", f"*={other.address}",
            file=EXAMPLE,
        ) as program,
    ):  # fmt: skip
        port = int(program.wait_for(r"listening on tls:127\.0\.0\.1:(\d+)")[0][1])
        assert visit(port, "dom1.test", "good") == b"hello"
        assert visit(port, "dom2.test") == b"other"
        program.wait_for(r"cn='good.*domain=dom1 upstream=127\.0\.0\.1:\d+ ok")
        program.wait_for(r"cn=None domain=dom2 upstream=127\.0\.0\.1:\d+ ok")
        program.signal(signal.SIGHUP)
        program.wait_for("ReloadReport")
        program.signal(signal.SIGTERM)
        assert program.exit_code() == 0
