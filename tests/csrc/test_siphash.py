"""The keyed hash, compared with OpenSSL's."""

from __future__ import annotations

import os
import subprocess
from random import Random

import pytest

from tests.support.c_code import CCode


def by_openssl(key: bytes, data: bytes) -> int:
    """Ask the program ``openssl``, which prints the lowest byte first."""
    options = ["-macopt", f"hexkey:{key.hex()}", "-macopt", "size:8", "-binary"]
    done = subprocess.run(
        ["openssl", "mac", *options, "SIPHASH"], input=data, capture_output=True, check=True
    )
    return int.from_bytes(done.stdout, "little")


@pytest.mark.parametrize("size", [*range(18), 64, 253])
def test_as_openssl_computes_it(c: CCode, size: int) -> None:
    random = Random(size)
    secret, data, prefix = random.randbytes(16), random.randbytes(size), random.getrandbits(64)
    key = c.ffi.new("struct tlsmgm_siphash_key *")
    c.ffi.buffer(key)[:] = secret
    view, _keep = c.bytes_in(data)
    expected = by_openssl(secret, prefix.to_bytes(8, "little") + data)
    assert c.lib.tlsmgm_siphash(key, prefix, view) == expected


def test_another_key_is_another_hash(c: CCode) -> None:
    key = c.ffi.new("struct tlsmgm_siphash_key *")
    view, _keep = c.bytes_in(b"sip.example.com")
    seen = set()
    for _ in range(8):
        c.ffi.buffer(key)[:] = os.urandom(16)
        seen.add(c.lib.tlsmgm_siphash(key, 0, view))
    assert len(seen) == 8
