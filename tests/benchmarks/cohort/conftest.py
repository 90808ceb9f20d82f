"""Certificates for entrants, and how the probed ends see them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from benchmarks.identity import SERVER_NAME

TLS12_CIPHERS = {
    "ecdsa": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "rsa": "ECDHE-RSA-AES128-GCM-SHA256",
}


@dataclass(frozen=True)
class Files:
    certificate: str
    key: str
    ca: str
    client_certificate: str
    client_key: str


def write_identity(folder: Path, key_type: trustme.KeyType) -> Files:
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    server = authority.issue_cert(SERVER_NAME, key_type=key_type)
    client = authority.issue_cert("client.bench.example", key_type=trustme.KeyType.ECDSA)
    files = Files(*(str(folder / f"{name}.pem") for name in ("cert", "key", "ca", "ccert", "ckey")))
    authority.cert_pem.write_to_path(files.ca)
    for issued, certificate, key in (
        (server, files.certificate, files.key),
        (client, files.client_certificate, files.client_key),
    ):
        issued.cert_chain_pems[0].write_to_path(certificate)
        with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(issued.private_key_pem.bytes())
    return files


@pytest.fixture(scope="session")
def identities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files]:
    folder = tmp_path_factory.mktemp("identities")
    made = {}
    for name, key_type in (("ecdsa", trustme.KeyType.ECDSA), ("rsa", trustme.KeyType.RSA)):
        (folder / name).mkdir()
        made[name] = write_identity(folder / name, key_type)
    return made


@pytest.fixture(scope="session")
def identity(identities: dict[str, Files]) -> Files:
    return identities["ecdsa"]
