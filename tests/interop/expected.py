"""What each cell must say, and why it is odd where it is.

A rule has a regular expression that must fit the whole value. The rules of a peer come before those
for all; of each list the last one that fits a cell counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.interop.peers import Peer
from tests.interop.results import Cell

__all__ = ["FOR_ALL", "OF_PEERS", "Rule", "rule_for"]


@dataclass(frozen=True)
class Rule:
    """What a cell must say.

    Attributes:
        side: which one the peer is.
        question: of which cell.
        value: regular expression.
        why: the peer's reason for being odd; goes into the document.
        version: of TLS; empty: all.
        library: ours; empty: both.
    """

    side: str
    question: str
    value: str
    why: str = ""
    version: str = ""
    library: str = ""

    def is_about(self, cell: Cell) -> bool:
        """Say whether it is about a cell."""
        return (
            self.side == cell.side
            and self.question == cell.question
            and self.version in ("", cell.version)
            and self.library in ("", cell.library)
        )

    def holds(self, value: str) -> bool:
        """Say whether a value is as it must be."""
        return re.fullmatch(self.value, value) is not None


def rule_for(peer: Peer, cell: Cell) -> Rule:
    """Return the rule for a cell."""
    for rules in (OF_PEERS.get(peer.name, ()), FOR_ALL):
        for rule in reversed(rules):
            if rule.is_about(cell):
                return rule
    raise LookupError(f"nothing is expected of {cell}")


_AES13 = "TLS_AES_256_GCM_SHA384"
_AES12 = "ECDHE-ECDSA-AES256-GCM-SHA384"
_CHACHA12 = "ECDHE-ECDSA-CHACHA20-POLY1305"
_MLKEM = "X25519MLKEM768"


def _client(question: str, value: str, why: str = "", **where: str) -> Rule:
    return Rule("client", question, value, why, **where)


def _server(question: str, value: str, why: str = "", **where: str) -> Rule:
    return Rule("server", question, value, why, **where)


def _alert(number: int) -> str:
    return rf"handshake-failed: the peer sent alert {number} \(\w+\)"


def _told(number: int) -> str:
    """In TLS 1.3 a client's certificate is judged when the client has finished."""
    return rf"(after the handshake, )?the peer sent alert {number} \([\w ]+\)"


FOR_ALL = (
    _client("suite", _AES13, version="1.3"),
    _client("suite", _AES12, version="1.2"),
    _client("group", "x25519"),
    _client("1 MB each way", "intact"),
    _client("end, ours first", "ok; it says (close_notify|end)"),
    _client("end, its first", "ok"),
    _client("resumed", "yes"),
    _client("distrusts us", _alert(48)),
    _client("no certificate", "handshake-failed: the peer's certificate is refused: missing: .*"),
    _client("certificate", "works"),
    _server("suite", _AES13, version="1.3"),
    _server("suite", _AES12, version="1.2"),
    _server("group", "x25519"),
    _server("1 MB each way", "intact"),
    _server("end", "close_notify"),
    _server("resumed", "yes"),
    _server("we distrust it", "refused: unknown_ca"),
    _server("no certificate", "after the handshake, " + _told(116), version="1.3"),
    _server("no certificate", _told(40), version="1.2"),
    _server("certificate", "works"),
    _server("distrusts us", _told(48)),
)

#: Who has no x25519 before secp256r1 in TLS 1.2 gets what it wants from wolfSSL.
_CLIENTS_ORDER = _client(
    "group",
    "secp256r1",
    "in TLS 1.2 wolfSSL takes the group that the client names first",
    version="1.2",
    library="wolfssl",
)
_NO_TICKETS = "it gives no tickets"

#: Peers that have no setting for clients' certificates, or none that has an effect.
_NEVER_ASKS = (
    _server("no certificate", "does not ask", "nothing there demands certificates"),
    _server("certificate", "does not ask"),
    _server("distrusts us", "does not ask"),
)

OF_PEERS: dict[str, tuple[Rule, ...]] = {
    "gnutls": (
        _CLIENTS_ORDER,
        _client("distrusts us", _alert(42)),
        _client("its words then", ".*certificate issuer is unknown.*"),
        _client("its words without", r".*Received alert \[116\].*", version="1.3"),
        _client("its words without", r".*Received alert \[40\].*", version="1.2"),
        _server("end", "close_notify after ours", "it echoes, and leaves the end to us"),
        _server(
            "no certificate",
            _told(50),
            "see `findings/gnutls-serv-missing-certificate.sh`",
            version="1.2",
        ),
        _server("distrusts us", _told(49), "the choice of gnutls-serv"),
    ),
    "tlslite": (
        _client(
            "suite",
            _CHACHA12,
            "it prefers ChaCha20; OpenSSL lets such a client have it, wolfSSL does not",
            version="1.2",
            library="openssl",
        ),
        _client("distrusts us", "cannot", "it verifies nothing"),
        _client("its words then", "cannot"),
        _client("its words without", "TLSRemoteAlert: certificate_required", version="1.3"),
        _client("its words without", "TLSRemoteAlert: handshake_failure", version="1.2"),
        _server("suite", _CHACHA12, "its own preference", version="1.2"),
        *_NEVER_ASKS,
    ),
    "openssl4": (
        _client("group", _MLKEM, version="1.3"),
        _client("its words then", ".*certificate verify failed.*"),
        _client("its words without", ".*alert certificate required.*", version="1.3"),
        _client("its words without", ".*alert handshake failure.*", version="1.2"),
        _server("group", _MLKEM, version="1.3"),
    ),
    "node": (
        _client(
            "distrusts us",
            "handshake-failed: the peer ended the connection during the handshake",
            "it sends no alert",
            version="1.3",
        ),
        _client(
            "distrusts us",
            "client-closed: closed without close_notify",
            "it verifies when the handshake is over, and sends no alert",
            version="1.2",
        ),
        _client("its words then", "UNABLE_TO_VERIFY_LEAF_SIGNATURE .*"),
        _client("its words without", ".*ALERT_CERTIFICATE_REQUIRED .*", version="1.3"),
        _client("its words without", ".*ALERT_HANDSHAKE_FAILURE .*", version="1.2"),
        _server("suite", "ECDHE-ECDSA-AES128-GCM-SHA256", "its own preference", version="1.2"),
        _server(
            "distrusts us",
            "(after the handshake, )?FIN without close_notify",
            "it verifies when the handshake is over, and sends no alert",
        ),
    ),
    "botan": (
        _client(
            "suite",
            _CHACHA12,
            "it prefers ChaCha20; OpenSSL lets such a client have it, wolfSSL does not",
            library="openssl",
        ),
        _client("end, ours first", "ok; it says Alert: close_notify"),
        _client("distrusts us", "ok", 'its program says "Cannot establish trust", and goes on'),
        _client("its words then", "goes on"),
        _client("its words without", "Alert: handshake_failure"),
        _client("certificate", "cannot", "its program has no option for it"),
        _server("suite", _CHACHA12, "its own preference"),
        _server("end", "close_notify after ours", "it echoes, and leaves the end to us"),
        _server("resumed", "no", _NO_TICKETS),
        *_NEVER_ASKS,
    ),
    "rtls": (
        _client("group", _MLKEM, version="1.3"),
        _client("resumed", "no", "it keeps no sessions"),
        _client("its words then", ".*UnknownIssuer.*"),
        _client("its words without", ".*CertificateRequired.*", version="1.3"),
        _client("its words without", ".*HandshakeFailure.*", version="1.2"),
        _server("group", _MLKEM, version="1.3"),
        _server("resumed", "no", "what it gives, it does not take back"),
        *_NEVER_ASKS,
    ),
    "utls": (
        _client("group", _MLKEM, version="1.3"),
        _client("resumed", "no", "its sessions are of TLS 1.2", version="1.3"),
        _client("its words then", ".*unable to get local issuer certificate.*"),
        _client("its words without", ".*CERTIFICATE_REQUIRED.*", version="1.3"),
        _client("its words without", ".*HANDSHAKE_FAILURE.*", version="1.2"),
    ),
    "awscrt": (
        _client("group", _MLKEM),
        _client("resumed", "no", "it keeps no sessions"),
        _client(
            "distrusts us",
            "handshake-timeout: the client has not finished its handshake in time",
            "it says nothing for more than 20 seconds, and sends no alert; each such client takes"
            " one of `--max-handshakes-per-network` meanwhile",
        ),
        _client("its words then", ".*AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE.*"),
        _client("its words without", ".*AWS_IO_TLS_ERROR_READ_FAILURE.*"),
    ),
    "mbedtls": (
        _client(
            "suite",
            f"TLS_CHACHA20_POLY1305_SHA256|{_CHACHA12}",
            "it prefers ChaCha20; OpenSSL lets such a client have it, wolfSSL does not",
            library="openssl",
        ),
        _client("its words then", ".*-0x2700 .*"),
        _client("its words without", ".*-0x7780 .*"),
        _server("suite", _CHACHA12, "its own preference", version="1.2"),
        _server(
            "no certificate",
            "after the handshake, (decryption failed or bad record mac|AES-GCM Auth.* check fail)",
            "its alert is not encrypted with the keys that are due",
            version="1.3",
        ),
        _server("no certificate", "FIN without close_notify", "it sends no alert", version="1.2"),
        _server(
            "distrusts us",
            "after the handshake, (decryption failed or bad record mac|AES-GCM Auth.* check fail)",
            "its alert is not encrypted with the keys that are due",
            version="1.3",
        ),
    ),
    "mbedtls2": (
        _CLIENTS_ORDER,
        _client(
            "suite",
            _CHACHA12,
            "it prefers ChaCha20; OpenSSL lets such a client have it, wolfSSL does not",
            library="openssl",
        ),
        _client("resumed", "cannot", "its interface has no sessions"),
        _client("its words then", r".*0x2700.*"),
        _client("its words without", r".*0x7780.*"),
        _server("suite", _CHACHA12, "its own preference"),
        _server("group", "secp521r1", "it takes the strongest curve that the client has"),
        _server("resumed", "no", _NO_TICKETS),
        _server("no certificate", "FIN without close_notify", "it sends no alert"),
    ),
    "erlang": (
        _client("group", "secp256r1", "alone, its TLS 1.2 offers no x25519", version="1.2"),
        _client("end, ours first", r"ok; it says \{error,closed\}"),
        _client("resumed", "yes|no", "mostly; in one of some ten runs it did not", version="1.3"),
        _client("resumed", "no", "it keeps sessions by identifier, not by ticket", version="1.2"),
        _client("its words then", ".*unknown_ca.*"),
        _client(
            "its words without",
            r".*certificate_required.*|\{error,closed\}|none",
            "which of them it says is a matter of time",
            version="1.3",
        ),
        _client("its words without", ".*handshake_failure.*", version="1.2"),
        _server("group", "secp256r1", "alone, its TLS 1.2 has no x25519", version="1.2"),
        _server("resumed", "no", "tickets are off by default"),
    ),
    "java": (
        _client("distrusts us", _alert(46)),
        _client("its words then", ".*PKIX path building failed.*"),
        _client("its words without", ".*certificate_required", version="1.3"),
        _client("its words without", ".*handshake_failure", version="1.2"),
        _server(
            "no certificate",
            f"(after the handshake, )?({_told(42)}|{_told(116)}|{_told(40)})",
            "42 from 17.0.15; 17.0.21 was seen to say 116 and 40",
        ),
        _server("distrusts us", _told(46)),
    ),
    "caddy": (
        _client("end, ours first", "ok; it says 200"),
        _client("resumed", "cannot", "it keeps no sessions"),
        _client("distrusts us", _alert(42)),
        _client("its words then", ".*certificate signed by unknown authority"),
        _client("its words without", ".*certificate required"),
        _server("suite", "TLS_AES_128_GCM_SHA256", "its own preference", version="1.3"),
        _server("suite", "ECDHE-ECDSA-AES128-GCM-SHA256", "its own preference", version="1.2"),
        _server("no certificate", _told(42)),
        _server("distrusts us", _told(42)),
    ),
}
