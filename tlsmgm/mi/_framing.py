"""Requests in the byte stream of a FIFO: ``:NAME:JSON``, one after another, with nothing between.

``opensips-cli`` writes no line end and then closes, and the next client's bytes may follow at once.
So a request ends where its outermost bracket is closed. A client that breaks off leaves a rest that
nothing closes: the next ``:NAME:{``, a line end inside a string, or :meth:`Framer.expire` ends it.
What is broken is handed over as it is; its parser will complain to the client.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tlsmgm.mi._jsonrpc import MAX_REQUEST

__all__ = ["MAX_NAME", "Frame", "Framer", "is_reply_name"]

#: Bytes of the name of a reply FIFO.
MAX_NAME: Final = 200

# Bytes of a name, besides those that would lead elsewhere: none that may stand behind a colon in
# JSON, so that a name can be told from a value.
_NAME = rb"[^\x00-\x20\x7f\"./\\:{}\[\],]{1,%d}" % MAX_NAME
_REPLY_NAME = re.compile(_NAME)

#: Bytes that a client may put where its name should be.
_MAX_HEAD: Final = 256
_HEAD = re.compile(rb":([^:\n]{0,%d}):" % (_MAX_HEAD - 2))

# The beginning of another request; this is never JSON outside of a string.
_START = re.compile(rb":" + _NAME + rb":[{\[]")
_MAYBE_START = re.compile(rb":(?:" + _NAME + rb":?)?\Z")

_SPACE = re.compile(rb"\s*")
_OUTSIDE = re.compile(rb'["{}\[\]:]')
_IN_STRING = re.compile(rb'["\\\n]')
_LINE_END_OR_START = re.compile(rb"\n|" + _START.pattern)


def is_reply_name(name: bytes) -> bool:
    """Say whether a reply FIFO may have this name.

    Args:
        name: as the client sent it.

    Returns:
        False if it is empty or too long, or if it has a dot, a slash, a backslash, a blank or
        another byte that leads out of the directory or out of the line.
    """
    return _REPLY_NAME.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Frame:
    """A request.

    Args:
        name: of the reply FIFO, not looked at yet.
        body: JSON, or what stands in its place; at most one byte more than a request may have.
    """

    name: bytes
    body: bytes


class Framer:
    """Cuts a stream into requests; it holds one incomplete request at most."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._name: bytes | None = None  # of the request at the beginning of the buffer
        self._body = 0  # where its body begins
        self._forget()

    def _forget(self) -> None:
        self._name = None
        self._at = 0  # everything before this has been looked at
        self._depth = 0
        self._in_string = False

    @property
    def is_pending(self) -> bool:
        """Whether there is an incomplete request."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes.

        Args:
            data: the next ones of the stream, in pieces of any size.

        Returns:
            The requests that are complete now.
        """
        self._buffer += data
        frames = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def expire(self) -> list[Frame]:
        """Give the incomplete request up, because the rest of it did not come in time.

        Returns:
            What there is of it, and those that it had hidden.
        """
        if self._name is None:
            self._buffer.clear()
            return []
        found = _START.search(self._buffer, self._body)
        broken = self._take(found.start() if found else len(self._buffer))
        return [broken, *self.feed(b"")]

    def _next(self) -> Frame | None:
        if self._name is None and not self._find_head():
            return None
        end = self._find_end()
        if end is None and len(self._buffer) - self._body > MAX_REQUEST:
            end = len(self._buffer)
        return None if end is None else self._take(end)

    def _take(self, end: int) -> Frame:
        assert self._name is not None
        frame = Frame(self._name, bytes(self._buffer[self._body : end])[: MAX_REQUEST + 1])
        del self._buffer[:end]
        self._forget()
        return frame

    def _find_head(self) -> bool:
        """Look for ``:NAME:`` and throw away what stands before it."""
        start = self._buffer.find(b":")
        while start >= 0:
            match = _HEAD.match(self._buffer, start)
            if match is not None:
                self._name = match[1]
                self._body = self._at = match.end() - start
                break
            rest = len(self._buffer) - start
            if rest < _MAX_HEAD and self._buffer.find(b"\n", start) < 0:
                break  # the name is still coming
            start = self._buffer.find(b":", start + 1)
        del self._buffer[: len(self._buffer) if start < 0 else start]
        return self._name is not None

    def _find_end(self) -> int | None:
        """Return where the request ends, None if that cannot be told yet."""
        space = _SPACE.match(self._buffer, self._body)
        begin = self._body if space is None else space.end()
        if begin == len(self._buffer):
            return None
        if self._buffer[begin] in b"{[":
            return self._find_bracket()
        # No request at all. It may be a stray colon, and then its second one begins the next.
        found = _LINE_END_OR_START.search(self._buffer, self._body - 1)
        return None if found is None else found.start() + (found[0] == b"\n")

    def _find_bracket(self) -> int | None:
        while True:
            pattern = _IN_STRING if self._in_string else _OUTSIDE
            token = pattern.search(self._buffer, self._at)
            if token is None:
                self._at = len(self._buffer)
                return None
            if self._in_string:
                end = self._step_in_string(token[0], token.start())
            else:
                end = self._step_outside(token[0], token.start())
            if end is not None:
                return end
            if self._at == token.start():
                return None  # what follows decides

    def _step_in_string(self, char: bytes, at: int) -> int | None:
        if char == b"\n":
            return at + 1  # no string of JSON has one (RFC 8259 section 7)
        if char == b"\\":
            self._at = at + 2 if at + 1 < len(self._buffer) else at
        else:
            self._in_string = False
            self._at = at + 1
        return None

    def _step_outside(self, char: bytes, at: int) -> int | None:
        if char == b":":
            if _START.match(self._buffer, at):
                return at
            self._at = at if _MAYBE_START.match(self._buffer, at) else at + 1
            return None
        self._at = at + 1
        if char == b'"':
            self._in_string = True
        elif char in b"{[":
            self._depth += 1
        else:
            self._depth -= 1
            if self._depth <= 0:
                return at + 1
        return None
