"""Which scripts of tlsfuzzer are run, and where we differ from a plain server on purpose."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EXPECTED", "KINDS", "LEFT_OUT", "SCRIPTS", "Kind", "Script"]


@dataclass(frozen=True)
class Kind:
    """What the servers have that a script runs against.

    Attributes:
        identity: kind of their key.
        asks: whether they ask for a certificate, and take those of its authority, or none.
        protocol: the one that they speak (ALPN); empty: they do not answer the extension.
        is_old: whether they have nothing newer than TLS 1.2.
        echoes: whether they send back what comes, instead of answering a request.
    """

    identity: str = "rsa"
    asks: bool = False
    protocol: str = ""
    is_old: bool = False
    echoes: bool = False


KINDS = {
    "plain": Kind(),
    "certificate": Kind(asks=True),
    "ec": Kind("ec"),
    "ed25519": Kind("ed25519"),
    "alpn": Kind(protocol="http/1.1"),
    "old": Kind(is_old=True),
    "echo": Kind(echoes=True),
}


@dataclass(frozen=True)
class Script:
    """A script of tlsfuzzer.

    Attributes:
        name: without ``test-`` and ``.py``.
        options: for it.
        kind: of the servers, in ``KINDS``.
        client: kind of the certificate that it is given to show; empty: none.
        library: the one that has what it is about; empty: both.
        draws: whether it can be told how many probes to draw.
    """

    name: str
    options: tuple[str, ...] = ()
    kind: str = "plain"
    client: str = ""
    library: str = ""
    draws: bool = True

    def is_for(self, library: str) -> bool:
        """Say whether it is run against servers on this library."""
        return self.library in ("", library)


#: With ephemeral keys instead of key exchange by RSA, which wolfSSL does not have.
_EPHEMERAL = ("-d",)

#: Each probe is many connections already.
_ONCE = ("-n", "1")

_TLS12 = [
    Script("large-hello", _EPHEMERAL),
    Script("client-compatibility", _EPHEMERAL),
    Script("clienthello-md5"),
    Script("point-extension"),
    Script("ocsp-stapling", ("-d", "--no-status")),
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
    Script("sslv2-force-cipher"),
    Script("sslv2-force-cipher-3des"),
    Script("sslv2-force-cipher-non3des"),
    Script("sslv2-force-export-cipher"),
    Script("sslv2hello-protocol", _EPHEMERAL),
    Script("export-ciphers-rejected", ("-d",)),
    Script("aes-gcm-nonces", _EPHEMERAL),
    Script("aesccm", _EPHEMERAL, library="openssl"),
    Script("chacha20", ("--extra-exts",)),
    Script("x25519"),
    Script("ecdhe-rsa-key-exchange"),
    Script("ecdhe-rsa-key-exchange-with-bad-messages"),
    Script("ecdhe-rsa-key-share-random"),
    Script("ecdhe-padded-shared-secret", _ONCE),
    Script("dhe-rsa-key-exchange"),
    Script("dhe-rsa-key-exchange-signatures"),
    Script("dhe-rsa-key-exchange-with-bad-messages"),
    Script("dhe-key-share-random"),
    Script("dhe-no-shared-secret-padding", (*_ONCE, "--extra-exts")),
    Script("ffdhe-expected-params"),
    Script("ffdhe-negotiation"),
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
    Script("tls13-dhe-shared-secret-padding", _ONCE),
    Script("tls13-ecdhe-brainpool-curves", library="openssl"),
    Script("tls13-ffdhe-groups"),
    Script("tls13-mlkem"),
    Script("tls13-no-unknown-groups"),
]

_CERTIFICATE = [
    Script("certificate-request", _EPHEMERAL, "certificate", "rsa"),
    Script("certificate-verify", _EPHEMERAL, "certificate", "rsa"),
    Script("certificate-verify-malformed", _EPHEMERAL, "certificate", "rsa"),
    Script("certificate-verify-malformed-sig", _EPHEMERAL, "certificate", "rsa"),
    Script("certificate-malformed", _EPHEMERAL, "certificate", "rsa"),
    Script("rsa-sigs-on-certificate-verify", _EPHEMERAL, "certificate", "rsa"),
    Script("rsa-pss-sigs-on-certificate-verify", (), "certificate", "rsa"),
    Script(
        "extended-master-secret-extension-with-client-cert",
        _EPHEMERAL,
        "certificate",
        "rsa",
        draws=False,
    ),
    Script("renegotiation-disabled-client-cert", _EPHEMERAL, client="rsa"),
    Script("tls13-certificate-request", (), "certificate", "rsa", draws=False),
    Script("tls13-certificate-verify", (), "certificate", "rsa"),
    Script("tls13-post-handshake-auth", client="rsa"),
]

_CERTIFICATE += [
    Script("ecdsa-in-certificate-verify", (), "certificate", "ec"),
    Script("eddsa-in-certificate-verify", (), "certificate", "ed25519"),
    Script("tls13-ecdsa-in-certificate-verify", (), "certificate", "ec"),
    Script("tls13-eddsa-in-certificate-verify", (), "certificate", "ed25519"),
]

#: Other servers.
_OTHER = [
    Script("ecdsa-sig-flexibility", kind="ec"),
    Script("tls13-ecdsa-support", kind="ec"),
    Script("tls13-eddsa", kind="ed25519"),
    Script("alpn-negotiation", _EPHEMERAL, "alpn"),
    Script("client-hello-max-size", _EPHEMERAL, "alpn"),
    Script("tls13-non-support", kind="old"),
    Script("lengths", _EPHEMERAL, "echo"),
    Script("tls13-lengths", (), "echo"),
]

SCRIPTS = [*_TLS12, *_TLS13, *_CERTIFICATE, *_OTHER]

_NO_RENEGOTIATION = "of servers that renegotiate; ours do not, nor do the plain ones"
_NO_COMPRESSION = "neither library is built to compress certificates"
_NO_PSK = "of servers with external pre-shared keys"
_NO_DSA = "of DSA, which OpenSSL has only below TLS 1.2's defaults, and wolfSSL not at all"
_TIMING = "measures times, for hours, on a quiet machine"

#: Scripts that are not run, and why.
LEFT_OUT = {
    "SSLv3-padding": "of SSL 3.0, which neither library has",
    "TLSv1_2-rejected-without-TLSv1_2": "of servers that have TLS 1.1, and not 1.2",
    "bleichenbacher-timing-marvin": _TIMING,
    "bleichenbacher-timing-pregenerate": _TIMING,
    "dsa-in-certificate-verify": _NO_DSA,
    "dsa-sig-flexibility": _NO_DSA,
    "encrypt-then-mac-renegotiation": _NO_RENEGOTIATION,
    "interleaved-application-data-and-fragmented-handshakes-in-renegotiation": _NO_RENEGOTIATION,
    "interleaved-application-data-in-renegotiation": _NO_RENEGOTIATION,
    "record-size-limit": "neither library has the extension",
    "renegotiation-changed-clienthello": _NO_RENEGOTIATION,
    "sig-algs-renegotiation-resumption": _NO_RENEGOTIATION,
    "tls13-certificate-compression": _NO_COMPRESSION,
    "tls13-client-certificate-compression": _NO_COMPRESSION,
    "tls13-ecdsa-brainpool-in-certificate-verify": "of client certificates on Brainpool curves",
    "tls13-minerva": _TIMING,
    "tls13-mldsa-in-certificate-verify": "of client certificates with ML-DSA",
    "tls13-psk_dhe_ke": _NO_PSK,
    "tls13-psk_ke": _NO_PSK,
    "tls13-rsapss-signatures": "of certificates whose key is for RSA-PSS alone",
}


@dataclass(frozen=True)
class Difference:
    """A reason why only a plain server passes a probe.

    Attributes:
        why: in words.
        says: what the script must say of our server; anything else is not excused.
    """

    why: str
    says: str


_NO_SESSION_IDS = Difference(
    "sessions are resumed by tickets only, and this probe offers a session-ID",
    "Unexpected message from peer: Handshake(certificate)",
)
_FULL_HANDSHAKE = Difference(
    "the same; without a session to be strict about, a full handshake begins",
    "Unexpected message from peer: Handshake(server_hello)",
)
_NO_SUITE = Difference(
    "the same; without a session, a hello with nothing but NULL has no suite in common with us",
    'Expected alert description "illegal_parameter" does not match received "handshake_failure"',
)
_NO_SSL2 = Difference(
    "a ClientHello in the format of SSL 2.0 is no TLS record, and is refused",
    "Unexpected message from peer: Alert(fatal, unexpected_message)",
)
_NO_GROUP = Difference(
    "our wolfSSL does not have the group, and handshake_failure is what RFC 8446 asks for then",
    'Expected alert description "illegal_parameter" does not match received "handshake_failure"',
)
_UNKNOWN_NAME_TYPE = Difference(
    "types of names that were never defined are refused, as OpenSSL refuses them",
    "Unexpected message from peer: Alert(fatal, decode_error)",
)
_NAME_ACKNOWLEDGED = Difference(
    "a name that a domain answers to is acknowledged, as RFC 6066 asks",
    "Server sent unexpected extension(s): server_name",
)
_ODD_ALERT = Difference(
    "by mistake the script gives its close_notify the level 0; ours may still read that and object",
    'description "close_notify" does not match received "illegal_parameter"',
)

#: Library and probe, as regular expressions: what only a plain server passes, and why. Each
#: names its probes, so that a new failure is not excused because of the company it keeps.
EXPECTED: dict[str, dict[str, Difference]] = {
    "alpn-negotiation": {
        r"\w+ resumption (with alpn|without alpn change)": _NO_SESSION_IDS,
    },
    "client-compatibility": {r"\w+ (18|100): IE 6 on XP|\w+ 25: Java 6u45 on unknown": _NO_SSL2},
    "dhe-key-share-random": {r"\w+ Protocol \(3, \d\) in SSLv2 compatible ClientHello": _NO_SSL2},
    "dhe-no-shared-secret-padding": {
        r"\w+ Protocol \(3, \d\) in SSLv2 compatible ClientHello": _NO_SSL2,
    },
    "ecdhe-padded-shared-secret": {
        r"\w+ Protocol \(3, \d\) in SSLv2 compatible ClientHello": _NO_SSL2,
    },
    "ecdhe-rsa-key-share-random": {
        r"\w+ Protocol \(3, \d\) in SSLv2 compatible ClientHello( .*)?": _NO_SSL2,
    },
    "extended-master-secret-extension": {
        r"\w+ EMS with session resume( and SHA384 PRF)?": _NO_SESSION_IDS,
        r"\w+ EMS with session resume without extension": _FULL_HANDSHAKE,
    },
    "extended-master-secret-extension-with-client-cert": {
        r"\w+ resume with certificate and EMS": _NO_SESSION_IDS,
    },
    "invalid-server-name-extension": {
        r"wolfssl multiple types in SNI, host_name (first|last)": _UNKNOWN_NAME_TYPE,
    },
    "invalid-server-name-extension-resumption": {
        r"\w+ session resume with different SNI": _NAME_ACKNOWLEDGED,
    },
    "resumption-with-wrong-ciphers": {
        r"\w+ sanity - session ID resume": _NO_SESSION_IDS,
        r"\w+ resumption of safe session with NULL cipher": _NO_SUITE,
        r"\w+ resumption with cipher from old CH but not selected by server": _FULL_HANDSHAKE,
    },
    "serverhello-random": {
        r"\w+ Protocol \(3, \d\) in SSLv2 compatible ClientHello": _NO_SSL2,
    },
    "sessionID-resumption": {r"\w+ session ID resume": _NO_SESSION_IDS},
    "sslv2hello-protocol": {r"\w+ SSLv2 Client Hello": _NO_SSL2},
    "tls13-crfg-curves": {r"wolfssl .*x448.*": _NO_GROUP},
    "tls13-ecdhe-curves": {r"wolfssl .*x448.*": _NO_GROUP},
    "tls13-ffdhe-groups": {r"wolfssl ffdhe(3072|4096|6144|8192) - .*": _NO_GROUP},
    "tls13-obsolete-curves": {
        r"wolfssl (\w+|unknown \(\d+\)) in supported_groups and (empty )?key_share": _NO_GROUP,
    },
}

#: Scripts with the mistake of ``_ODD_ALERT``; any probe of theirs may stumble over it, at random.
_WITH_ODD_ALERTS = (
    "certificate-malformed",
    "certificate-request",
    "certificate-verify",
    "certificate-verify-malformed",
    "certificate-verify-malformed-sig",
    "ecdsa-in-certificate-verify",
    "eddsa-in-certificate-verify",
    "extended-master-secret-extension-with-client-cert",
    "invalid-server-name-extension",
    "invalid-server-name-extension-resumption",
    "rsa-sigs-on-certificate-verify",
)

for _name in _WITH_ODD_ALERTS:
    EXPECTED.setdefault(_name, {})[r"\w+ .+"] = _ODD_ALERT
