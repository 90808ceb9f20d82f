"""Whom a domain trusts once the defaults are filled in; the same for every library."""

from __future__ import annotations

import os
import re
import ssl
from dataclasses import dataclass

from tlsmgm.domain import DEFAULT_CA_DIR, Domain

__all__ = ["Trust", "hashed_names", "trust_of"]

_HASHED_NAME = re.compile(r"[0-9a-fA-F]{8}\.\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom a domain trusts, defaults filled in.

    Attributes:
        ca_list: trusted certificates, a path or PEM; None for none.
        ca_dir: directory of trusted certificates by hash; None for none.
    """

    ca_list: str | bytes | None
    ca_dir: str | None


def trust_of(domain: Domain) -> Trust:
    """Fill in whom a domain trusts where it does not say.

    Args:
        domain: the domain.

    Returns:
        Its ``ca_list`` and ``ca_dir``. Without a ``ca_dir`` the manual's default is taken if it
        has certificates (manual 1.9.7). A client domain that verifies and names nobody trusts
        whom the system trusts.
    """
    ca_dir = domain.ca_dir
    if ca_dir is None and _has_hashed_names(DEFAULT_CA_DIR):
        ca_dir = DEFAULT_CA_DIR
    ca_list = domain.ca_list
    if domain.kind == "client" and domain.verify_cert and ca_list is None and ca_dir is None:
        ca_list = ssl.get_default_verify_paths().cafile
    return Trust(ca_list, ca_dir)


def hashed_names(path: str) -> list[str]:
    """List the files of a directory that are named as ``openssl rehash`` names certificates.

    Args:
        path: the directory.

    Returns:
        Their names, sorted.

    Raises:
        OSError: the directory cannot be read.
    """
    return sorted(name for name in os.listdir(path) if _HASHED_NAME.fullmatch(name))


def _has_hashed_names(path: str) -> bool:
    try:
        return bool(hashed_names(path))
    except OSError:
        return False
