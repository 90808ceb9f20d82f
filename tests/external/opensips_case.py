"""A configuration with all that OpenSIPS knows of TLS domains, its files, and clients for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.pki import (
    CLIENT_AUTH,
    SERVER_AUTH,
    Authority,
    Identity,
    certificate_pem,
    dh_params,
    key_pem,
    write_ca_dir,
    write_crls,
)

__all__ = ["FILES", "Probe", "make_files", "probes", "toml"]

#: The folder of certificates, with all that a path may have and a script must quote.
FILES = 'it\'s "ours"'

#: Common name and key of each certificate; it is called as its domain.
_SERVERS = {
    "atlanta": "ec",
    "biloxi": "rsa",
    "nameless": "ec",
    "old partners": "ec",
    "fallback": "rsa",
    "caller": "ec",
}

_TOML = """\
library = "openssl"
listen = ["tls:127.0.0.1:{first}", "tls:127.0.0.1:{second}"]
client_sip_domain_avp = "sip_domain"
client_tls_domain_avp = "tls_domain"
handshake_timeout = 7.5
send_timeout = 9
"""

_DOMAINS = """
[server.atlanta]
match_ip_address = ["127.0.0.1:{first}", "127.0.0.1:{second}"]
match_sip_domain = ["atlanta.example", "www.atlanta.example"]
certificate = {atlanta.pem}
private_key = {atlanta.key}
verify_cert = false
require_cert = false
cipher_list = "ECDHE+AESGCM:ECDHE+CHACHA20"

[server.biloxi]
match_ip_address = ["127.0.0.1:{first}"]
match_sip_domain = ["*.biloxi.example", "biloxi.example"]
method = "TLSv1_2"
certificate = {biloxi.pem}
private_key = {biloxi.key}
verify_cert = false
cipher_list = "ECDHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES256-GCM-SHA384"
dh_params = {dh.pem}
ec_curve = "secp384r1"

[server.nameless]
match_ip_address = ["127.0.0.1:{first}"]
match_sip_domain = ["none"]
certificate = {nameless.pem}
private_key = {nameless.key}
verify_cert = true
require_cert = false
ca_list = {root.pem}
ec_curve = "prime256v1"

[server."old partners"]
match_ip_address = ["127.0.0.1:{second}", "[::1]:{second}"]
match_sip_domain = ["partners.example"]
method = "TLSv1_2-TLSv1_3"
certificate = {old partners.pem}
private_key = {old partners.key}
ca_list = {root.pem}
crl_dir = {crls}
crl_check_all = true

[server.fallback]
match_ip_address = ["127.0.0.1:{second}"]
match_sip_domain = ["*"]
method = "TLSv1_2-"
certificate = {fallback.pem}
private_key = {fallback.key}
require_cert = false
ca_dir = {cas}

[server.elsewhere]
match_sip_domain = ["*"]
certificate = {fallback.pem}
private_key = {fallback.key}
verify_cert = false

[client.caller]
match_ip_address = ["192.0.2.7:5061"]
match_sip_domain = ["partner.example"]
method = "TLSv1_3"
certificate = {caller.pem}
private_key = {caller.key}
ca_list = {root.pem}

[client.out]
verify_cert = true
ca_list = {root.pem}
"""


@dataclass(frozen=True)
class Probe:
    """A client.

    Attributes:
        socket: which one it connects to, 0 or 1.
        name: that it sends, if any.
        version: of TLS, the only one that it speaks; empty: 1.2 and 1.3.
        identity: whose certificate it has, if it has one.
        ciphers: of TLS 1.2, as OpenSSL names them; what is chosen of them is compared, too.
        known: why OpenSIPS answers it otherwise; empty: it must not.
    """

    socket: int
    name: str | None
    version: str = ""
    identity: str = ""
    ciphers: str = ""
    known: str = ""

    def __str__(self) -> str:
        words = [f"socket {self.socket}", self.name or "no name", self.version]
        return ", ".join(filter(None, [*words, self.identity, self.ciphers]))


def probes() -> list[Probe]:
    """Return the clients: every domain, with and without certificates."""
    gcm, dhe = "ECDHE-RSA-AES256-GCM-SHA384", "DHE-RSA-AES256-GCM-SHA384"
    late = "there the version is settled before the domain is chosen"
    revocation = "there the socket's first domain says whether a CRL is needed"
    found = [
        Probe(0, "atlanta.example"),
        Probe(0, "ATLANTA.example", "TLSv1_2"),
        Probe(1, "www.atlanta.example", "TLSv1_3"),
        Probe(0, "biloxi.example", "TLSv1_2", ciphers=gcm),
        Probe(0, "sip.biloxi.example", "TLSv1_2", ciphers=dhe),
        Probe(0, "sip.biloxi.example", "TLSv1_3", known=late),
        Probe(0, "nobody.example"),
        Probe(1, "nobody.example"),
        Probe(1, "nobody.example", identity="mallory"),
    ]
    found += [Probe(0, None), Probe(0, None, identity="alice"), Probe(1, None)]
    found.append(Probe(1, None, identity="alice", known=revocation))
    found += [
        Probe(1, "partners.example", version, who)
        for version in ("TLSv1_2", "TLSv1_3")
        for who in ("", "alice", "mallory", "revoked")
    ]
    return found


def toml(ports: Sequence[int], folder: str, *, database: str = "") -> str:
    """Return the configuration.

    Args:
        ports: of its two sockets.
        folder: of the certificates.
        database: URL of a table that has the domains; empty: they are in the text.
    """
    text = _TOML + (f"\n[database]\nurl = {json.dumps(database)}\n" if database else _DOMAINS)
    for word, port in zip(("first", "second"), ports, strict=True):
        text = text.replace("{" + word + "}", str(port))
    for name in _file_names():
        text = text.replace("{" + name + "}", json.dumps(f"{folder}/{name}"))
    return text


def _file_names() -> list[str]:
    names = [f"{name}.{suffix}" for name in _SERVERS for suffix in ("pem", "key")]
    return [*names, "root.pem", "dh.pem", "crls", "cas"]


def make_files(folder: Path) -> None:
    """Write the certificates of servers and clients, CAs, a CRL and Diffie-Hellman parameters."""
    folder.mkdir()
    root, strangers = Authority("ours"), Authority("somebody else's")
    for name, kind in _SERVERS.items():
        usage = [CLIENT_AUTH if name == "caller" else SERVER_AUTH]
        _write(folder, name, root.issue(name, usage=usage, kind=kind))
    revoked = root.issue("revoked", usage=[CLIENT_AUTH])
    _write(folder, "revoked", revoked)
    _write(folder, "alice", root.issue("alice", usage=[CLIENT_AUTH]))
    _write(folder, "mallory", strangers.issue("mallory", usage=[CLIENT_AUTH]))
    (folder / "root.pem").write_bytes(root.pem)
    (folder / "dh.pem").write_bytes(dh_params()[0])
    write_crls(folder / "crls", root.crl(revoked))
    write_ca_dir(folder / "cas", root, Authority("another"))


def _write(folder: Path, name: str, identity: Identity) -> None:
    (folder / f"{name}.pem").write_bytes(certificate_pem(identity.leaf, *identity.issuers))
    key = folder / f"{name}.key"
    key.touch(mode=0o600)
    key.write_bytes(key_pem(identity.key))
