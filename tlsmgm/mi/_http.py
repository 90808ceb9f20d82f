"""The management interface over HTTP, as ``mi_http`` of OpenSIPS has it.

A POST of ``application/json`` to the path is a request. With a token, it must be in the header
``Authorization`` (RFC 6750). Without one, only loopback addresses are served, and two things keep
web pages in a browser of this machine out: a page of another origin may not send that content type
without asking for leave, which we never give, and a page whose name was bent to a loopback address
has its own name in ``Host``, which must be ours.

This module needs aiohttp.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hmac
import ipaddress
import logging
import re
import socket
from typing import Final

from aiohttp import web

from tlsmgm._serving.acceptor import Acceptor, Shortage
from tlsmgm.errors import ConfigError
from tlsmgm.mi._addresses import bind_all
from tlsmgm.mi._endpoints import HTTPEndpoint, is_loopback
from tlsmgm.mi._jsonrpc import MAX_REQUEST, Dispatcher
from tlsmgm.mi._starting import undone_by

__all__ = ["MAX_CONNECTIONS", "HTTPListener"]

logger = logging.getLogger("tlsmgm.mi")

#: Connections at a time.
MAX_CONNECTIONS: Final = 128

#: Seconds from accept until the header must be here, and from then on until the body is.
_HEADER_TIMEOUT: Final = 10.0
_BODY_TIMEOUT: Final = 10.0

#: Seconds that a client may take for reading its reply.
_SEND_TIMEOUT: Final = 10.0

#: Seconds in which the rest of a refused body is thrown away, so that the client sees our answer.
_LINGER_TIME: Final = 1.0

#: Seconds that running requests are given when the server stops.
_STOP_TIMEOUT: Final = 2.0

_BACKLOG: Final = 128
_HOST = re.compile(r"(?:\[([^\[\]]+)\]|([^\[\]:]+))(?::[0-9]*)?")


class _Refusal(asyncio.Protocol):
    """Turns a client away."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hang up."""
        if isinstance(transport, asyncio.Transport):
            transport.abort()


class HTTPListener:
    """Answers HTTP requests.

    Args:
        endpoint: where.
        dispatcher: answers.
        token: that clients must have; None: no client needs one.
        shortage: is told when there are no descriptors; None: nobody else wants to know.

    Attributes:
        endpoint: where, with the port that the system chose.
    """

    def __init__(
        self,
        endpoint: HTTPEndpoint,
        dispatcher: Dispatcher,
        token: str | None = None,
        shortage: Shortage | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._dispatcher = dispatcher
        self._token = None if token is None else token.encode("ascii")
        self._sockets: list[socket.socket] = []
        self._shortage = shortage or Shortage()
        self._acceptors: list[Acceptor] = []
        self._runner: web.ServerRunner | None = None
        self._waiting: set[object] = set()  # connections without a request

    async def start(self) -> None:
        """Listen and answer.

        Raises:
            ConfigError: others could reach the address, and there is no token.
            OSError: the address cannot be had.
        """
        async with undone_by(self.stop):
            self._sockets = bind_all(self.endpoint.host, self.endpoint.port, socket.SOCK_STREAM)
            self._check_addresses()
            await self._serve()

    async def stop(self) -> None:
        """Close everything."""
        for acceptor in self._acceptors:
            acceptor.close()
        self._acceptors.clear()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()

    def _check_addresses(self) -> None:
        names = [sock.getsockname() for sock in self._sockets]
        if not all(is_loopback(name[0]) for name in names):
            if self._token is None:
                raise ConfigError(
                    "others could reach this address, and there is no token",
                    hint="use 127.0.0.1 or [::1], or set a token",
                )
            logger.warning("management over HTTP is not encrypted, and neither is its token")
        self.endpoint = dataclasses.replace(self.endpoint, port=names[0][1])

    async def _serve(self) -> None:
        server = web.Server(
            self._answer, access_log=None, auto_decompress=False, lingering_time=_LINGER_TIME
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=_STOP_TIMEOUT)
        await self._runner.setup()
        loop = asyncio.get_running_loop()

        def accept(_address: object) -> asyncio.BaseProtocol:
            if self._runner is None or len(server.connections) >= MAX_CONNECTIONS:
                return _Refusal()
            connection = server()
            self._waiting.add(connection)
            loop.call_later(_HEADER_TIMEOUT, self._give_up, connection)
            return connection

        for sock in self._sockets:
            sock.listen(_BACKLOG)
            self._acceptors.append(Acceptor(sock, accept, self._shortage))

    def _give_up(self, connection: object) -> None:
        """Cut a connection on which no request has come in time."""
        if connection in self._waiting:
            self._waiting.discard(connection)
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self._waiting.discard(request.protocol)
        # A connection for each request: none can wait for ever.
        try:
            reply = await self._dispatcher.reply(await self._body(request))
        except web.HTTPException as error:
            error.force_close()
            raise
        response = web.Response(status=202)
        if reply is not None:
            response = web.Response(body=reply, content_type="application/json")
        response.force_close()
        _limit_sending(request.transport)
        return response

    async def _body(self, request: web.BaseRequest) -> bytes:
        """Check everything about a request but its meaning, and return its body."""
        self._check_client(request)
        if self.endpoint.path not in (request.path, request.path.removesuffix("/")):
            raise web.HTTPNotFound
        if request.method != "POST":
            raise web.HTTPMethodNotAllowed(request.method, ["POST"])
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="send application/json\n")
        if "Content-Encoding" in request.headers:
            raise web.HTTPUnsupportedMediaType(text="send it as it is, not compressed\n")
        body = await _read(request)
        if not body.strip():
            raise web.HTTPBadRequest(text="the body is empty\n")
        return body

    def _check_client(self, request: web.BaseRequest) -> None:
        if self._token is None:
            if not self._is_our_name(request.headers.get("Host", "")):
                raise web.HTTPForbidden(text="this host name is not served here\n")
            return
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        token = given.strip().encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(token, self._token) or scheme.lower() != "bearer":
            challenge = {"WWW-Authenticate": 'Bearer realm="tlsmgm"'}
            raise web.HTTPUnauthorized(headers=challenge, text="a token is needed\n")

    def _is_our_name(self, text: str) -> bool:
        """Say whether a Host header names a loopback address, or what we were told to bind to."""
        found = _HOST.fullmatch(text.strip())
        if found is None:
            return False
        host = found[1] or found[2]
        return is_loopback(host) or _same_host(host, self.endpoint.host)


def _limit_sending(transport: asyncio.Transport | None) -> None:
    """A client that does not read its reply must not keep it in our memory."""
    if transport is not None:
        asyncio.get_running_loop().call_later(_SEND_TIMEOUT, transport.abort)


async def _read(request: web.BaseRequest) -> bytes:
    """Read the body, which is small and does not take for ever."""
    too_large = web.HTTPRequestEntityTooLarge(MAX_REQUEST, request.content_length or 0)
    if (request.content_length or 0) > MAX_REQUEST:
        raise too_large
    pieces = bytearray()
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            async for piece in request.content.iter_any():
                pieces += piece
                if len(pieces) > MAX_REQUEST:
                    raise too_large
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except web.RequestPayloadError:
        raise web.HTTPBadRequest(text="the body cannot be read\n") from None
    return bytes(pieces)


def _same_host(host: str, other: str) -> bool:
    try:
        return ipaddress.ip_address(host) == ipaddress.ip_address(other)
    except ValueError:
        return host.lower().removesuffix(".") == other.lower()
