"""Which scripts of tlsfuzzer are run, and where we differ from a plain server on purpose."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EXPECTED", "SCRIPTS", "Script"]


@dataclass(frozen=True)
class Script:
    """A script of tlsfuzzer.

    Attributes:
        name: without ``test-`` and ``.py``.
        options: for it.
        kind: ``plain``, or ``certificate`` for servers that ask for one.
        with_certificate: whether it is given one to show.
    """

    name: str
    options: tuple[str, ...] = ()
    kind: str = "plain"
    with_certificate: bool = False


#: With ephemeral keys instead of key exchange by RSA, which wolfSSL does not have.
_EPHEMERAL = ("-d",)

_TLS12 = [
    Script("large-hello", _EPHEMERAL),
    Script("conversation", _EPHEMERAL),
    Script("version-numbers", _EPHEMERAL),
    Script("invalid-version"),
    Script("invalid-client-hello"),
    Script("invalid-client-hello-w-record-overflow", _EPHEMERAL),
    Script("invalid-cipher-suites"),
    Script("invalid-compression-methods", _EPHEMERAL),
    Script("invalid-content-type", _EPHEMERAL),
    Script("invalid-session-id"),
    Script("invalid-server-name-extension", _EPHEMERAL),
    Script("invalid-server-name-extension-resumption", _EPHEMERAL),
    Script("empty-extensions"),
    Script("extensions"),
    Script("large-number-of-extensions", _EPHEMERAL),
    Script("client-hello-max-size", _EPHEMERAL),
    Script("truncating-of-client-hello", _EPHEMERAL),
    Script("truncating-of-finished"),
    Script("record-layer-fragmentation", _EPHEMERAL),
    Script("zero-length-data", _EPHEMERAL),
    Script("ccs", _EPHEMERAL),
    Script("early-application-data", _EPHEMERAL),
    Script("hello-request-by-client", _EPHEMERAL),
    Script("interleaved-CKE-with-CCS"),
    Script("message-duplication"),
    Script("message-skipping", _EPHEMERAL),
    Script("ssl-death-alert", _EPHEMERAL),
    Script("connection-abort", _EPHEMERAL),
    Script("openssl-3712"),
    Script("no-heartbeat", _EPHEMERAL),
    Script("heartbeat", _EPHEMERAL),
    Script("extended-master-secret-extension", _EPHEMERAL),
    Script("encrypt-then-mac", _EPHEMERAL),
    Script("fallback-scsv", ("--tls-1.3", "-d")),
    Script("downgrade-protection", ("-d", "--server-max-protocol=TLSv1.3")),
    Script("renegotiation-disabled", _EPHEMERAL),
    Script("legacy-renegotiation", _EPHEMERAL),
    Script("session-ticket-resumption", ("-d", "--no-new-ticket-on-resumption")),
    Script("sessionID-resumption", _EPHEMERAL),
    Script("resumption-with-wrong-ciphers", _EPHEMERAL),
    Script("sslv2-connection"),
    Script("sslv2hello-protocol", _EPHEMERAL),
    Script("export-ciphers-rejected", ("-d",)),
    Script("aes-gcm-nonces", _EPHEMERAL),
    Script("chacha20"),
    Script("x25519"),
    Script("ecdhe-rsa-key-exchange"),
    Script("ecdhe-rsa-key-exchange-with-bad-messages"),
    Script("ecdhe-padded-shared-secret"),
    Script("unsupported-curve-fallback"),
    Script("no-mlkem-in-old-tls", _EPHEMERAL),
    Script("serverhello-random"),
    Script("signature-algorithms"),
    Script("sig-algs"),
    Script("fuzzed-ciphertext", _EPHEMERAL),
    Script("fuzzed-finished"),
    Script("fuzzed-MAC", _EPHEMERAL),
    Script("fuzzed-padding", _EPHEMERAL),
    Script("fuzzed-plaintext", _EPHEMERAL),
    Script("atypical-padding", _EPHEMERAL),
    Script("lucky13", ("--quick",)),
    Script("bleichenbacher-workaround", ("-t", "0.1", "--no-sni")),
    Script("invalid-rsa-key-exchange-messages"),
    Script("truncating-of-kRSA-client-key-exchange"),
    Script("cve-2016-2107", _EPHEMERAL),
    Script("cve-2016-6309", _EPHEMERAL),
    Script("cve-2016-7054"),
    Script("cve-2004-0079"),
]

_TLS13 = [
    Script("tls13-conversation"),
    Script("tls13-version-negotiation", _EPHEMERAL),
    Script("tls13-legacy-version"),
    Script("tls13-0rtt-garbage", _EPHEMERAL),
    Script("tls13-ccs"),
    Script("tls13-multiple-ccs-messages"),
    Script("tls13-connection-abort"),
    Script("tls13-count-tickets", ("-t", "1")),
    Script("tls13-crfg-curves"),
    Script("tls13-ecdhe-curves"),
    Script("tls13-ffdhe-sanity"),
    Script("tls13-hrr"),
    Script("tls13-keyshare-omitted"),
    Script("tls13-unrecognised-groups"),
    Script("tls13-obsolete-curves"),
    Script("tls13-empty-alert"),
    Script("tls13-unencrypted-alert"),
    Script("tls13-finished"),
    Script("tls13-finished-plaintext"),
    Script("tls13-invalid-ciphers"),
    Script("tls13-nociphers"),
    Script("tls13-symetric-ciphers"),
    Script("tls13-keyupdate"),
    Script("tls13-keyupdate-from-server"),
    Script("tls13-large-number-of-extensions"),
    Script("tls13-lengths"),
    Script("tls13-pkcs-signature"),
    Script("tls13-rsa-signatures"),
    Script("tls13-signature-algorithms"),
    Script("tls13-record-layer-limits"),
    Script("tls13-record-padding"),
    Script("tls13-serverhello-random"),
    Script("tls13-session-resumption", _EPHEMERAL),
    Script("tls13-shuffled-extentions"),
    Script("tls13-zero-content-type"),
    Script("tls13-zero-length-data"),
    Script("tls13-dhe-shared-secret-padding"),
]

#: The server asks for a certificate, and takes those of its authority, or none.
_CERTIFICATE = [
    Script("certificate-request", _EPHEMERAL, "certificate", True),
    Script("certificate-verify", _EPHEMERAL, "certificate", True),
    Script("certificate-verify-malformed", _EPHEMERAL, "certificate", True),
    Script("certificate-verify-malformed-sig", _EPHEMERAL, "certificate", True),
    Script("certificate-malformed", _EPHEMERAL, "certificate", True),
    Script("rsa-sigs-on-certificate-verify", _EPHEMERAL, "certificate", True),
    Script("rsa-pss-sigs-on-certificate-verify", (), "certificate", True),
    Script("extended-master-secret-extension-with-client-cert", _EPHEMERAL, "certificate", True),
    Script("renegotiation-disabled-client-cert", _EPHEMERAL, "certificate", True),
    Script("tls13-certificate-request", (), "certificate", True),
    Script("tls13-certificate-verify", (), "certificate", True),
    Script("tls13-post-handshake-auth", (), "certificate", True),
]

SCRIPTS = [*_TLS12, *_TLS13, *_CERTIFICATE]

_TICKETS_ONLY = "sessions are resumed by tickets only, and these scripts offer a session-ID"
_NO_SSL2 = "a ClientHello in the format of SSL 2.0 is no TLS record, and is refused"
_NO_X448 = "our wolfSSL has no x448, and handshake_failure is what RFC 8446 asks for then"

#: Library and probe, as regular expressions: what only a plain server passes, and why.
EXPECTED: dict[str, dict[str, str]] = {
    "sessionID-resumption": {".*": _TICKETS_ONLY},
    "extended-master-secret-extension": {".*EMS with session resume.*": _TICKETS_ONLY},
    "resumption-with-wrong-ciphers": {".*": _TICKETS_ONLY},
    "sslv2hello-protocol": {".*": _NO_SSL2},
    "serverhello-random": {".*SSLv2 compatible ClientHello.*": _NO_SSL2},
    "invalid-server-name-extension": {
        "wolfssl multiple types in SNI.*": "never defined; OpenSSL refuses them, too",
    },
    "invalid-server-name-extension-resumption": {
        ".*session resume with different SNI": "a name that a domain answers to is acknowledged",
    },
    "tls13-crfg-curves": {"wolfssl .*x448.*": _NO_X448},
    "tls13-ecdhe-curves": {"wolfssl .*x448.*": _NO_X448},
    "tls13-obsolete-curves": {
        "wolfssl .*": "handshake_failure where nothing is in common, as OpenSSL says it",
    },
}
