"""Whom a domain trusts once the defaults are filled in; the same for every library.

A domain that names a list or a directory trusts what is in them, and nobody else.  Only where it
verifies and names neither, the defaults count.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from typing import Final

from tlsmgm._domains.defaults import DEFAULT_CA_DIR
from tlsmgm._domains.domain import Domain
from tlsmgm._material.reading import Reader
from tlsmgm.errors import ConfigError

__all__ = ["Trust", "trust_of"]

#: Where systems keep their list, if the OpenSSL of Python knows no better.
_SYSTEM_LISTS: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, the BSDs, macOS
)

_OF_SERVER: Final = (
    "verifies clients but trusts nobody, so their certificates are all refused; "
    "set ca_list or ca_dir, or verify_cert to 0"
)
_OF_CLIENT: Final = (
    "verifies servers but trusts nobody, because the system has no trusted certificates either, so "
    "all servers are refused; set ca_list or ca_dir, or install the system's (ca-certificates)"
)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom a domain trusts, defaults filled in.

    Attributes:
        ca_list: trusted certificates, a path or PEM; None for none.
        ca_dir: directory of trusted certificates by hash; None for none.
        warning: a sentence, if the domain verifies but trusts nobody.
    """

    ca_list: str | bytes | None
    ca_dir: str | None
    warning: str | None = None


def trust_of(domain: Domain, reader: Reader) -> Trust:
    """Fill in whom a domain trusts where it does not say.

    Args:
        domain: the domain.
        reader: of the load.

    Returns:
        Its ``ca_list`` and ``ca_dir``, if it has one of them or does not verify.  Else the manual's
        default directory if that has hashed certificates (manual 1.9.7); and else, for a client
        domain, what the system trusts: a list, or a directory.
    """
    if domain.ca_list is not None or domain.ca_dir is not None or not domain.verify_cert:
        return Trust(domain.ca_list, domain.ca_dir)
    if _has_certificates(DEFAULT_CA_DIR, reader):
        return Trust(None, DEFAULT_CA_DIR)
    if domain.kind == "server":
        return Trust(None, None, _OF_SERVER)
    return _system_trust(reader)


def _system_trust(reader: Reader) -> Trust:
    """What Python's own OpenSSL would take, or whoever has set its variables wants."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile is not None:
        return Trust(paths.cafile, None)
    if paths.capath is not None and _has_certificates(paths.capath, reader):
        return Trust(None, paths.capath)
    if not {paths.openssl_cafile_env, paths.openssl_capath_env} & os.environ.keys():
        for path in _SYSTEM_LISTS:
            if os.path.isfile(path):
                return Trust(path, None)
    return Trust(None, None, _OF_CLIENT)


def _has_certificates(path: str, reader: Reader) -> bool:
    try:
        return bool(reader.folder(path, "ca_dir").files)
    except ConfigError:
        reader.check()
        return False
