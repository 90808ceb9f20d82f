"""Bytes, statuses and errors on their way between Python and the C code."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.reference_matcher import Entry


class CCode:
    """A compiled variant of the C code, with what nearly every test needs.

    Attributes:
        ffi: cffi's view of the types.
        lib: functions and constants.
    """

    def __init__(self, module: Any) -> None:
        self.ffi = module.ffi
        self.lib = module.lib

    def status_name(self, status: int) -> str:
        """Return the name of a status: ``OK``, ``WANT_READ`` and so on."""
        name = self.ffi.string(self.ffi.cast("enum tlsmgm_status", status))
        return str(name).removeprefix("TLSMGM_STATUS_")

    def error(self) -> Any:
        """Return an empty error to hand to a function."""
        error = self.ffi.new("struct tlsmgm_error *")
        self.lib.tlsmgm_error_clear(error)
        return error

    def text(self, error: Any) -> str:
        """Return the sentence in an error."""
        return bytes(self.ffi.string(error.text)).decode()

    def bytes_in(self, data: bytes | None) -> tuple[Any, Any]:
        """Lend bytes to C in a block of exactly their size, so that a sanitizer sees overruns.

        Args:
            data: None gives a null pointer; b"" does not.

        Returns:
            A ``struct tlsmgm_bytes``, and what must stay alive as long as it is used.
        """
        if data is None:
            return self.ffi.new("struct tlsmgm_bytes *")[0], None
        block = self.ffi.new("uint8_t[]", len(data) or 1)
        self.ffi.buffer(block)[: len(data)] = data
        view = self.ffi.new("struct tlsmgm_bytes *", {"data": block, "size": len(data)})
        return view[0], (block, view)

    def bytes_out(self, view: Any) -> bytes:
        """Return the bytes that a ``struct tlsmgm_bytes`` points to."""
        return bytes(self.ffi.buffer(view.data, view.size)) if view.size else b""

    def written(self, write: Callable[[Any, int], int]) -> bytes:
        """Call a text writer twice: to ask for the length, then with room for exactly that.

        Args:
            write: takes the room and its size, returns the length of the whole text.

        Returns:
            The text without its terminator.
        """
        length = write(self.ffi.NULL, 0)
        room = self.ffi.new("char[]", length + 1)
        assert write(room, length + 1) == length
        text = bytes(self.ffi.buffer(room, length + 1))
        assert text[-1:] == b"\0"
        return text[:-1]


def match_entries(c: CCode, entries: Sequence[Entry]) -> tuple[Any, list[Any]]:
    """Return an array of ``struct tlsmgm_match_entry``, and what must stay alive with it."""
    array = c.ffi.new("struct tlsmgm_match_entry[]", len(entries) or 1)
    alive = []
    for slot, (address, port, pattern, domain) in zip(array, entries, strict=False):
        slot.any_address = address is None
        c.ffi.buffer(slot.address)[:] = address or bytes(16)
        slot.port = port
        slot.no_name = pattern is None
        slot.pattern, keep = c.bytes_in(pattern)
        slot.domain = domain
        alive.append(keep)
    return array, alive


def hash_key(c: CCode) -> Any:
    """Return a ``struct tlsmgm_siphash_key`` of chance."""
    key = c.ffi.new("struct tlsmgm_siphash_key *")
    c.ffi.buffer(key)[:] = os.urandom(16)
    return key


@dataclass(frozen=True)
class Backend:
    """One library: its table of functions, and the C code that it was compiled with."""

    name: str
    table: Any
    c: CCode
