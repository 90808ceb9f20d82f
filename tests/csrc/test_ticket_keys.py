"""The key ring of a TLS domain."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.c_code import CCode

NAME_SIZE, SECRET_SIZE, RING = 16, 32, 16


def material(number: int) -> bytes:
    return bytes([number]) * (NAME_SIZE + 2 * SECRET_SIZE)


def key_bytes(key: Any) -> tuple[bytes, bytes, bytes]:
    return bytes(key.name), bytes(key.cipher), bytes(key.mac)


def parts(whole: bytes) -> tuple[bytes, bytes, bytes]:
    cut = NAME_SIZE + SECRET_SIZE
    return whole[:NAME_SIZE], whole[NAME_SIZE:cut], whole[cut:]


@pytest.fixture
def ring(c: CCode) -> Iterator[Any]:
    out = c.ffi.new("struct tlsmgm_ticket_keys **")
    assert c.lib.tlsmgm_ticket_keys_new(out, c.error()) == c.lib.TLSMGM_STATUS_OK
    replace(c, out[0], material(0))
    yield out[0]
    c.lib.tlsmgm_ticket_keys_free(out[0])


def replace(c: CCode, ring: Any, *keys: bytes) -> None:
    c.lib.tlsmgm_ticket_keys_replace(ring, b"".join(keys), len(keys))


def current(c: CCode, ring: Any) -> tuple[bytes, bytes, bytes]:
    key = c.ffi.new("struct tlsmgm_ticket_key *")
    assert c.lib.tlsmgm_ticket_keys_current(ring, key)
    return key_bytes(key)


def look_up(c: CCode, ring: Any, name: bytes) -> tuple[tuple[bytes, bytes, bytes], bool] | None:
    key = c.ffi.new("struct tlsmgm_ticket_key *")
    is_current = c.ffi.new("bool *")
    if not c.lib.tlsmgm_ticket_keys_find(ring, name, key, is_current):
        return None
    return key_bytes(key), is_current[0]


def test_sizes_are_those_of_the_header(c: CCode) -> None:
    assert len(material(0)) == c.lib.TLSMGM_TICKET_KEY_SIZE
    assert c.lib.TLSMGM_TICKET_RING_MAX == RING


def test_material_is_cut_into_name_cipher_and_mac(c: CCode, ring: Any) -> None:
    whole = bytes(range(NAME_SIZE + 2 * SECRET_SIZE))
    replace(c, ring, whole)
    assert current(c, ring) == parts(whole)


def test_an_empty_ring_has_no_key(c: CCode) -> None:
    out = c.ffi.new("struct tlsmgm_ticket_keys **")
    assert c.lib.tlsmgm_ticket_keys_new(out, c.error()) == c.lib.TLSMGM_STATUS_OK
    key = c.ffi.new("struct tlsmgm_ticket_key *")
    assert not c.lib.tlsmgm_ticket_keys_current(out[0], key)
    assert look_up(c, out[0], bytes(NAME_SIZE)) is None
    c.lib.tlsmgm_ticket_keys_free(out[0])


@pytest.mark.parametrize("count", [1, 3, RING])
def test_the_first_key_seals_and_all_open(c: CCode, ring: Any, count: int) -> None:
    numbers = range(100, 100 + count)
    replace(c, ring, *map(material, numbers))
    assert current(c, ring) == parts(material(100))
    for number in numbers:
        found = look_up(c, ring, material(number)[:NAME_SIZE])
        assert found == (parts(material(number)), number == 100)


def test_keys_that_are_gone_open_nothing(c: CCode, ring: Any) -> None:
    replace(c, ring, *map(material, range(100, 105)))
    replace(c, ring, material(9))
    for number in (0, *range(100, 105)):
        assert look_up(c, ring, material(number)[:NAME_SIZE]) is None


def test_more_keys_than_fit_are_left_out(c: CCode, ring: Any) -> None:
    replace(c, ring, *map(material, range(100, 100 + RING + 1)))
    assert look_up(c, ring, material(100 + RING)[:NAME_SIZE]) is None
    assert look_up(c, ring, material(99 + RING)[:NAME_SIZE]) is not None


def test_an_unused_slot_has_no_name(c: CCode, ring: Any) -> None:
    replace(c, ring, material(9), material(8), material(7))
    assert look_up(c, ring, bytes(NAME_SIZE)) is None


def test_every_bit_of_the_name_counts(c: CCode, ring: Any) -> None:
    for at in range(NAME_SIZE):
        name = bytearray(NAME_SIZE)
        assert look_up(c, ring, bytes(name)) is not None
        name[at] ^= 1
        assert look_up(c, ring, bytes(name)) is None


def test_references_are_counted(c: CCode, ring: Any) -> None:
    live = c.lib.tlsmgm_test_live()
    assert c.lib.tlsmgm_ticket_keys_ref(ring) == ring
    c.lib.tlsmgm_ticket_keys_free(ring)
    assert c.lib.tlsmgm_test_live() == live
    assert current(c, ring) == parts(material(0))
    assert c.lib.tlsmgm_ticket_keys_ref(c.ffi.NULL) == c.ffi.NULL


def test_threads_never_see_half_a_key(c: CCode, ring: Any) -> None:
    stop = threading.Event()
    wrong: list[object] = []

    def rotate() -> None:
        for number in range(3000):
            replace(c, ring, material(number & 0xFF))
        stop.set()

    def read() -> None:
        while not stop.is_set():
            c.lib.tlsmgm_ticket_keys_ref(ring)
            name, cipher, mac = current(c, ring)
            found = look_up(c, ring, name)
            c.lib.tlsmgm_ticket_keys_free(ring)
            if len({*name, *cipher, *mac}) != 1 or (found and found[0] != (name, cipher, mac)):
                wrong.append((name, cipher, mac, found))

    threads = [threading.Thread(target=work) for work in (rotate, read, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_random_material_is_found_by_its_name(c: CCode, ring: Any) -> None:
    whole = os.urandom(NAME_SIZE + 2 * SECRET_SIZE)
    replace(c, ring, whole)
    assert look_up(c, ring, whole[:NAME_SIZE]) == (parts(whole), True)
