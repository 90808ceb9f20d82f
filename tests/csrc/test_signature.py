"""Signatures that a library, or a version of one, gets wrong without a patch of ours."""

from __future__ import annotations

import pytest

from tests.support.c_code import Backend

# Met once in 23 million signatures over P-256; two other implementations accept it.  A Montgomery
# product on the way comes out between the prime and 2^256.
# wheels/patches/wolfssl-p256-carry.patch has the rest.
KEY = bytes.fromhex(
    "04cf9f7ee6256e9e07da81e4f87d9d29278af4e5f334fce638c9851d052c990530"
    "f6d4c906b94b20064e1f849f36f326786b8a576af993c0bae31b2de87b9525bf"
)
HASH = bytes.fromhex("22972f91174b986c03d38d10aa9bc026dde490ae5209775e5e999e4faefb5de6")
SIGNATURE = bytes.fromhex(
    "3044022100f7dac43ffcf4008cfc13cb42f39e4ce0090e75ef8bcb46cfb9d5698e19922d31"
    "021f271973da2fcfbbf0e2fde4c63f92aa6260be7c70a46c99358b1987a1ea1acd"
)


def verifies(backend: Backend, key: bytes, hash_: bytes, signature: bytes) -> bool:
    views = [backend.c.bytes_in(part) for part in (key, hash_, signature)]
    return bool(backend.c.lib.tlsmgm_test_p256_verifies(*(view for view, _ in views)))


def test_product_between_the_prime_and_the_power_of_two(backend: Backend) -> None:
    assert verifies(backend, KEY, HASH, SIGNATURE)


@pytest.mark.parametrize("part", ["hash", "signature"])
def test_the_changed_vector_is_refused(backend: Backend, part: str) -> None:
    changed = {"hash": HASH, "signature": SIGNATURE}
    changed[part] = changed[part][:-1] + bytes([changed[part][-1] ^ 1])
    assert not verifies(backend, KEY, changed["hash"], changed["signature"])
