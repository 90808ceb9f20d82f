"""JSON-RPC 2.0: bytes of a request in, bytes of the reply out.

Sections are those of https://www.jsonrpc.org/specification. What comes in is not trusted: its size,
its depth and the length of a batch are bounded, and whatever it is, the outcome is a reply or
silence.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NoReturn

from tlsmgm.errors import TLSError

__all__ = [
    "INTERNAL_ERROR",
    "INVALID_PARAMS",
    "INVALID_REQUEST",
    "MAX_BATCH",
    "MAX_DEPTH",
    "MAX_REQUEST",
    "METHOD_NOT_FOUND",
    "PARSE_ERROR",
    "REPLY_TOO_LARGE",
    "Dispatcher",
    "Handler",
    "Params",
    "RPCError",
]

logger = logging.getLogger("tlsmgm.mi")

# Codes of the specification, section 5.1; the last is from the range for servers.
PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
REPLY_TOO_LARGE: Final = -32000

#: Bytes of a request; OpenSIPS takes as many in a datagram, and no command here needs more.
MAX_REQUEST: Final = 65_457

#: Bytes of a reply where the transport has no smaller bound.
MAX_REPLY: Final = 64 * 1024 * 1024

#: Arrays and objects inside one another.
MAX_DEPTH: Final = 32

#: Requests in a batch.
MAX_BATCH: Final = 16

#: What a request brings along: by name, or by position.
Params = dict[str, object] | list[object]

#: Carries a command out; what it returns becomes JSON.
Handler = Callable[[Params], Awaitable[object]]

#: A string, closed or not, or a bracket. It matches from every quote, so a search never looks back.
_BRACKET_OR_STRING = re.compile(r'"(?:[^"\\]|\\.?)*"?|[\[\]{}]', re.DOTALL)


class RPCError(TLSError):
    """An error reply.

    Args:
        code: of the specification, or the command's own.
        message: one short sentence.
        data: more about it, of JSON's types; None: nothing.
    """

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class Dispatcher:
    """Finds the handler of a request and writes the reply.

    Args:
        handlers: by name of the method.
    """

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = dict(handlers)

    async def reply(self, data: bytes, max_reply: int | None = None) -> bytes | None:
        """Carry a request out.

        Args:
            data: a request, or a batch of them.
            max_reply: bytes that the transport can carry; above it, an error says so instead.

        Returns:
            The reply, on one line without its end; None if there is none, as for notifications.
        """
        try:
            message = _parse(data)
        except RPCError as error:
            return _failure(None, error).encode("ascii")
        if isinstance(message, list):
            request_id, text = None, await self._batch(message, max_reply or MAX_REPLY)
        else:
            request_id, text = _id_of(message), await self._single(message)
        if text is None:
            return None
        if len(text) > (max_reply or MAX_REPLY):
            text = _failure(request_id, _too_large(len(text), max_reply or MAX_REPLY))
        return text.encode("ascii")

    async def _batch(self, messages: list[object], max_reply: int) -> str | None:
        """Section 6: an array of replies; nothing at all for notifications alone."""
        if not messages:
            return _failure(None, RPCError(INVALID_REQUEST, "Invalid Request: empty batch"))
        if len(messages) > MAX_BATCH:
            reason = f"Invalid Request: more than {MAX_BATCH} requests in a batch"
            return _failure(None, RPCError(INVALID_REQUEST, reason))
        texts: list[str] = []
        for message in messages:
            text = await self._single(message)
            if text is not None:
                texts.append(text)
            size = sum(map(len, texts))
            if size > max_reply:  # the rest would only be thrown away
                return _failure(None, _too_large(size, max_reply))
        return f"[{', '.join(texts)}]" if texts else None

    async def _single(self, message: object) -> str | None:
        if _is_reply(message):
            # An error about a reply would be a reply, too: two servers could go on for ever.
            return None
        try:
            method, params = _check_request(message)
        except RPCError as error:
            return _failure(_id_of(message), error)
        text = await self._call(method, params, _id_of(message))
        # Section 4.1: a notification is a request without an id.
        return text if isinstance(message, dict) and "id" in message else None

    async def _call(self, method: str, params: object, request_id: object) -> str:
        handler = self._handlers.get(method)
        try:
            if handler is None:
                raise RPCError(METHOD_NOT_FOUND, "Method not found")
            if not isinstance(params, (dict, list)):
                raise RPCError(INVALID_PARAMS, "Invalid params: they are an object or an array")
            result = await handler(params)
            reply = {"jsonrpc": "2.0", "result": result, "id": request_id}
            return await asyncio.to_thread(_encode, reply)  # it may be long
        except RPCError as error:
            return _failure(request_id, error)
        except Exception:
            # Strangers get no details; whoever runs the program finds them in the log.
            logger.exception("management command %r failed", method)
            return _failure(request_id, RPCError(INTERNAL_ERROR, "Internal error"))


def _parse(data: bytes) -> object:
    if len(data) > MAX_REQUEST:
        reason = f"Invalid Request: larger than {MAX_REQUEST} bytes"
        raise RPCError(INVALID_REQUEST, reason)
    try:
        text = data.decode("utf-8")
        if not _is_shallow(text):
            raise RPCError(PARSE_ERROR, f"Parse error: deeper than {MAX_DEPTH} levels")
        return json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        if isinstance(error, RPCError):
            raise
        raise RPCError(PARSE_ERROR, "Parse error") from None


def _is_shallow(text: str) -> bool:
    depth = 0
    for token in _BRACKET_OR_STRING.finditer(text):
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
        if depth > MAX_DEPTH:
            return False
    return True


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Two readers could take different ones of two equal names, so there must be no such names."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _is_reply(message: object) -> bool:
    return (
        isinstance(message, dict)
        and "method" not in message
        and ("result" in message or "error" in message)
    )


def _check_request(message: object) -> tuple[str, object]:
    """Section 4: the method, and its parameters (an empty object if there are none)."""
    if not isinstance(message, dict):
        raise RPCError(INVALID_REQUEST, "Invalid Request")
    if message.get("jsonrpc") != "2.0":
        raise RPCError(INVALID_REQUEST, "Invalid Request: 'jsonrpc' must be \"2.0\"")
    method = message.get("method")
    if not isinstance(method, str):
        raise RPCError(INVALID_REQUEST, "Invalid Request: 'method' must be a string")
    if "id" in message and not _is_id(message["id"]):
        raise RPCError(INVALID_REQUEST, "Invalid Request: 'id' must be a string or a number")
    return method, message.get("params", {})


def _is_id(value: object) -> bool:
    return value is None or (isinstance(value, (str, int, float)) and not isinstance(value, bool))


def _id_of(message: object) -> object:
    """The id to answer with; None where it cannot be told (section 5)."""
    found = message.get("id") if isinstance(message, dict) else None
    return found if _is_id(found) else None


def _too_large(size: int, limit: int) -> RPCError:
    return RPCError(
        REPLY_TOO_LARGE,
        f"Reply too large: {size} bytes, of which {limit} can be carried; FIFO and HTTP carry most",
    )


def _failure(request_id: object, error: RPCError) -> str:
    entry: dict[str, object] = {"code": error.code, "message": error.message}
    if error.data is not None:
        entry["data"] = error.data
    return _encode({"jsonrpc": "2.0", "error": entry, "id": request_id})


def _encode(value: object) -> str:
    """ASCII on one line, whatever text is in it."""
    return json.dumps(value, allow_nan=False)
