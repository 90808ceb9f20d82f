"""The calls that the demo makes, and what must become of each."""

from __future__ import annotations

from dataclasses import dataclass

#: The sockets of opensips.cfg, by the ports that are written there.
SOCKETS = {"public": 15061, "partners": 15062, "legacy": 15063}


@dataclass(frozen=True)
class Case:
    """One call.

    Attributes:
        title: what the client does, in a few words.
        socket: which of SOCKETS it calls.
        server_name: what it sends in SNI and expects in the certificate; None: it sends nothing.
        domain: the domain that must answer; None: no domain may.
        refused: words of which the reason must have one; none: the call must succeed.
        version: TLS version that must be agreed on; None: any.
        identity: certificate that the client shows.
        by_script: the client is tlsmgm with the script's client domain; else Python's ssl module.
        checks_name: whether the client compares the certificate with the server name.
        only_tls13: the client speaks TLS 1.3 and nothing else.
        session_of: title of an earlier case whose session the client offers.
        resumed: whether that must work.
    """

    title: str
    socket: str
    server_name: str | None
    domain: str | None
    refused: tuple[str, ...] = ()
    version: str | None = None
    identity: str | None = None
    by_script: bool = False
    checks_name: bool = True
    only_tls13: bool = False
    session_of: str | None = None
    resumed: bool = False


CASES = (
    Case("exact name", "public", "atlanta.example", "atlanta"),
    Case("wildcard", "public", "sip.biloxi.example", "biloxi"),
    Case("no name sent", "public", None, "nameless"),
    Case("unknown name", "public", "chicago.example", "fallback", checks_name=False),
    Case("socket of its own", "legacy", "legacy.example", "legacy", version="TLSv1.2"),
    Case("mutual TLS", "partners", "partners.example", "partners", identity="alice"),
    Case("mutual TLS, tlsmgm", "partners", "partners.example", "partners", by_script=True),
    Case(
        "same ticket again",
        "public",
        "atlanta.example",
        "atlanta",
        session_of="exact name",
        resumed=True,
    ),
    Case(
        "ticket of atlanta",
        "public",
        "sip.biloxi.example",
        "biloxi",
        session_of="exact name",
    ),
    Case(
        "name nobody serves",
        "partners",
        "atlanta.example",
        None,
        refused=("unrecognized_name",),
        identity="alice",
    ),
    Case(
        "no certificate",
        "partners",
        "partners.example",
        "partners",
        refused=("certificate_required",),
    ),
    Case(
        "unknown CA",
        "partners",
        "partners.example",
        "partners",
        refused=("unknown_ca",),
        identity="mallory",
    ),
    Case(
        "TLS 1.3 only",
        "legacy",
        "legacy.example",
        "legacy",
        # wolfSSL picks TLS 1.2 first, and then finds no cipher that the client has, too.
        refused=("protocol_version", "handshake_failure"),
        only_tls13=True,
    ),
    Case(
        "impostor, tlsmgm",
        "public",
        "partners.example",
        "fallback",
        refused=("name_mismatch",),
        by_script=True,
    ),
)
