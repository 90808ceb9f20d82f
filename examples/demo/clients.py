"""The demo's clients: Python's own ssl module, and tlsmgm with a client domain of the script."""

from __future__ import annotations

import re
import socket
import ssl
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cases import Case

import tlsmgm

TIMEOUT = 20.0
GREETING = b"hello\n"

#: RFC 8446 section 6.
ALERTS = {
    40: "handshake_failure",
    42: "bad_certificate",
    48: "unknown_ca",
    70: "protocol_version",
    112: "unrecognized_name",
    116: "certificate_required",
}

Address = tuple[str, int]


@dataclass
class Outcome:
    """What a client saw.

    Attributes:
        client: our own address, as the proxy's access log has it.
        certificate: common name of the server's certificate.
        version: TLS version.
        cipher: cipher suite.
        resumed: whether the session was an earlier one.
        refused: why there was no connection, or None.
    """

    client: str = ""
    certificate: str | None = None
    version: str | None = None
    cipher: str | None = None
    resumed: bool = False
    refused: str | None = None


class SSLClient:
    """Calls with Python's ssl module.

    Args:
        pki: folder with the certificates.
    """

    def __init__(self, pki: Path) -> None:
        self._pki = pki
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._sessions: dict[str, ssl.SSLSession | None] = {}

    def call(self, case: Case, address: Address) -> Outcome:
        """Connect, say hello, hear the upstream's answer, and hang up."""
        outcome = Outcome()
        # A session belongs to the context from which it came.
        context = self._contexts.get(case.session_of or "") or self._context(case)
        self._contexts[case.title] = context
        with closing(socket.create_connection(address, timeout=TIMEOUT)) as plain:
            outcome.client = "{}:{}".format(*plain.getsockname())
            try:
                with context.wrap_socket(
                    plain,
                    # An address is compared with the certificate, but not sent.
                    server_hostname=case.server_name or address[0],
                    session=self._sessions.get(case.session_of or ""),
                ) as tls:
                    _talk(tls, case)
                    _note(tls, outcome)
                    self._sessions[case.title] = tls.session
                    tls.unwrap().close()
            except OSError as error:
                outcome.refused = _reason(error)
        return outcome

    def _context(self, case: Case) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self._pki / "ca.pem")
        context.check_hostname = case.checks_name
        if case.only_tls13:
            context.minimum_version = ssl.TLSVersion.TLSv1_3
        if case.identity is not None:
            identity = self._pki / case.identity
            context.load_cert_chain(identity.with_suffix(".pem"), identity.with_suffix(".key"))
        return context


def _talk(tls: ssl.SSLSocket, case: Case) -> None:
    # A TLS 1.3 server may refuse a client after the client's handshake is complete. Who expects
    # that listens first.
    if not case.refused:
        tls.sendall(GREETING)
    if not tls.recv(1000):
        raise ConnectionError("the connection was closed")


def _note(tls: ssl.SSLSocket, outcome: Outcome) -> None:
    der = tls.getpeercert(binary_form=True)
    outcome.certificate = tlsmgm.Certificate(der).subject_cn if der else None
    outcome.version = tls.version()
    cipher = tls.cipher()
    outcome.cipher = cipher[0] if cipher else None
    outcome.resumed = bool(tls.session_reused)


def _reason(error: OSError) -> str:
    """The alert in lower case, as RFC 8446 calls it, or the message."""
    words = getattr(error, "reason", None)
    if isinstance(error, ssl.SSLCertVerificationError) or not words:
        return str(error)
    return re.sub(r"^(sslv3|tlsv1|tlsv13)_(alert_)?", "", words.lower())


class DomainClient:
    """Calls with the client domains of a script.

    Args:
        script: the script.
        library: the TLS library to use.
    """

    def __init__(self, script: Path, library: str) -> None:
        self._manager = tlsmgm.TLSManager.from_config(script, library=library)

    def call(self, case: Case, address: Address) -> Outcome:
        """Connect, say hello, hear the upstream's answer, and hang up."""
        outcome = Outcome()
        domain = self._manager.find_client_domain(*address, avps={"sip_domain": case.server_name})
        if domain is None:
            raise SystemExit(f"no client domain for {case.server_name}")
        sock = socket.create_connection(address, timeout=TIMEOUT)
        outcome.client = "{}:{}".format(*sock.getsockname())
        tls = self._manager.wrap_socket(
            sock, domain=domain, server_name=case.server_name, do_handshake=False
        )
        try:
            with tls:
                tls.sendall(GREETING)
                tls.recv(1000)
        except tlsmgm.VerificationError as error:
            outcome.refused = error.reason
        except tlsmgm.TLSError as error:
            outcome.refused = ALERTS.get(error.alert or 0, str(error))
        connection = tls.connection
        certificate = connection.peer_certificate
        outcome.certificate = None if certificate is None else certificate.subject_cn
        outcome.version = connection.version
        outcome.cipher = connection.cipher
        outcome.resumed = connection.session_reused
        return outcome
