"""Every constructor with every one of its allocations failing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.c_code import CCode, hash_key, match_entries

Attempt = Callable[[], int]


def fail_each_allocation(c: CCode, attempt: Attempt, is_empty: Callable[[], bool]) -> int:
    """Fail the first allocation, then the second and so on, until all goes well.

    Args:
        c: the C code.
        attempt: calls the constructor and returns its status.
        is_empty: whether the constructor's result is the one for a failure.

    Returns:
        How many allocations could fail.
    """
    before = c.lib.tlsmgm_test_live()
    for allowed in range(1000):
        c.lib.tlsmgm_test_fail_after(allowed)
        status = attempt()
        c.lib.tlsmgm_test_fail_after(-1)
        if status == c.lib.TLSMGM_STATUS_OK:
            return allowed
        assert status == c.lib.TLSMGM_STATUS_NO_MEMORY, f"allocation {allowed}"
        assert is_empty(), f"allocation {allowed}"
        assert c.lib.tlsmgm_test_live() == before, f"allocation {allowed}"
    raise AssertionError("it never ended")


def through_pointer(c: CCode, kind: str, create: Callable[[Any], int], free: Any) -> int:
    """Test a constructor that writes an owned pointer to ``*out``."""
    out = c.ffi.new(f"struct {kind} **")

    def attempt() -> int:
        out[0] = c.ffi.cast(f"struct {kind} *", 1)
        return create(out)

    failures = fail_each_allocation(c, attempt, lambda: bool(out[0] == c.ffi.NULL))
    free(out[0])
    free(c.ffi.NULL)
    return failures


def test_match_index(c: CCode) -> None:
    entries = [(None, 0, b"a.example", 1), (bytes(16), 1, b"*.b", 2), (bytes(16), 1, b"?c", 3)]
    array, _alive = match_entries(c, entries)
    error = c.error()
    out = c.ffi.new("struct tlsmgm_match_index **")
    failures = 0
    before = c.lib.tlsmgm_test_live()
    for allowed in range(20):
        out[0] = c.ffi.cast("struct tlsmgm_match_index *", 1)
        c.lib.tlsmgm_test_fail_after(allowed)
        status = c.lib.tlsmgm_match_index_new(array, 3, hash_key(c), out, error)
        c.lib.tlsmgm_test_fail_after(-1)
        if status == c.lib.TLSMGM_STATUS_OK:
            # Not being able to shrink a table is no failure, so it goes well earlier than the end.
            view, _keep = c.bytes_in(b"A.example")
            assert c.lib.tlsmgm_match_index_find(out[0], b"\1" * 16, 1, view) == 1
            c.lib.tlsmgm_match_index_free(out[0])
        else:
            failures += 1
            assert status == c.lib.TLSMGM_STATUS_NO_MEMORY == error.status
            assert out[0] == c.ffi.NULL
        assert c.lib.tlsmgm_test_live() == before
    assert failures == 6
    c.lib.tlsmgm_match_index_free(c.ffi.NULL)


def test_ticket_keys(c: CCode) -> None:
    lib = c.lib
    failures = through_pointer(
        c,
        "tlsmgm_ticket_keys",
        lambda out: int(lib.tlsmgm_ticket_keys_new(out, c.error())),
        lib.tlsmgm_ticket_keys_free,
    )
    assert failures == 1


def test_hello_reader(c: CCode) -> None:
    reader = c.ffi.new("struct tlsmgm_hello_reader *")
    c.lib.tlsmgm_hello_reader_init(reader, 0)
    hello = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"
    c.lib.tlsmgm_test_fail_after(0)
    status = c.lib.tlsmgm_hello_reader_feed(reader, hello, len(hello), c.error())
    c.lib.tlsmgm_test_fail_after(-1)
    assert status == c.lib.TLSMGM_STATUS_NO_MEMORY
    c.lib.tlsmgm_hello_reader_free(reader)
    c.lib.tlsmgm_hello_reader_free(reader)


def test_cipher_list(c: CCode) -> None:
    out = c.ffi.new("struct tlsmgm_cipher_list *")
    text = c.ffi.new("char[]", b"AES128-SHA,TLS_AES_128_GCM_SHA256")
    failures = fail_each_allocation(
        c,
        lambda: int(c.lib.tlsmgm_cipher_list_split(text, out, c.error())),
        lambda: bool(out.older == c.ffi.NULL and out.tls1_3 == c.ffi.NULL),
    )
    assert failures == 2
    c.lib.tlsmgm_cipher_list_free(out)
    c.lib.tlsmgm_cipher_list_free(out)


@pytest.mark.parametrize("size", [0, 10, 100_000])
@pytest.mark.parametrize("from_file", [False, True])
def test_source(c: CCode, tmp_path: Path, from_file: bool, size: int) -> None:
    content = bytes(i & 0xFF for i in range(size))
    source = c.ffi.new("struct tlsmgm_source *")
    path = tmp_path / "file"
    path.write_bytes(content)
    text = c.ffi.new("char[]", str(path).encode())
    if from_file:
        source.path = text
    else:
        source.data, _keep = c.bytes_in(content)
    blob = c.ffi.new("struct tlsmgm_blob *")
    fail_each_allocation(
        c,
        lambda: int(c.lib.tlsmgm_source_read(source, b"certificate", blob, c.error())),
        lambda: bool(blob.data == c.ffi.NULL and blob.size == 0),
    )
    assert bytes(c.ffi.buffer(blob.data, blob.size)) == content
    assert c.ffi.buffer(blob.data, blob.size + 1)[size] == b"\0"
    c.lib.tlsmgm_blob_free(blob)
    c.lib.tlsmgm_blob_free(blob)
