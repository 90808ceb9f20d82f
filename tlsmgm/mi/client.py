"""A client of the management interface, for the command line: one request, one reply, then done.

It speaks to OpenSIPS as well.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import select
import socket
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from tlsmgm._domains.words import os_reason
from tlsmgm.errors import TLSError
from tlsmgm.mi._endpoints import Endpoint, FIFOEndpoint, HTTPEndpoint, UDPEndpoint, UnixEndpoint
from tlsmgm.mi._jsonrpc import RPCError
from tlsmgm.mi._token import check_token

__all__ = ["call"]

#: Bytes of a reply.
_MAX_REPLY: Final = 64 * 1024 * 1024
_MAX_DATAGRAM: Final = 65_535

_Exchange = Callable[["_Deadline", bytes], bytes]


class _Deadline:
    """One time for everything."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left, above 0.

        Raises:
            TimeoutError: none are.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def call(
    endpoint: Endpoint, method: str, *, token: str | None = None, timeout: float = 10.0
) -> Any:
    """Have a command carried out.

    Args:
        endpoint: where the server is.
        method: name of the command.
        token: for HTTP.
        timeout: seconds for everything.

    Returns:
        The result.

    Raises:
        RPCError: the server answered with an error.
        TLSError: there is no server, or its answer is no good.
        ConfigError: the token cannot be used.
    """
    request_id = secrets.token_hex(8)
    request = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": {}}
    try:
        exchange = _exchange(endpoint, token)
        reply = exchange(_Deadline(timeout), json.dumps(request).encode("ascii"))
    except TimeoutError:
        raise TLSError(f"{endpoint}: no answer within {timeout:g} seconds") from None
    except (OSError, UnicodeError, http.client.HTTPException) as error:
        raise TLSError(f"{endpoint}: {os_reason(error)}") from None
    return _result(endpoint, reply, request_id)


def _exchange(endpoint: Endpoint, token: str | None) -> _Exchange:
    if isinstance(endpoint, HTTPEndpoint):
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {check_token(token)}"
        return lambda deadline, request: _post(endpoint, headers, deadline, request)
    if isinstance(endpoint, FIFOEndpoint):
        return lambda deadline, request: _write_fifo(endpoint, deadline, request)
    return lambda deadline, request: _send_datagram(endpoint, deadline, request)


def _result(endpoint: Endpoint, reply: bytes, request_id: str) -> Any:
    try:
        found = json.loads(reply)
        if "error" in found:
            error = found["error"]
            raise RPCError(int(error["code"]), str(error["message"]), error.get("data"))
        if found["id"] != request_id:
            raise ValueError("the answer is to another request")
        return found["result"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise TLSError(f"{endpoint}: the answer is no JSON-RPC reply") from None


# HTTP


def _post(
    endpoint: HTTPEndpoint, headers: dict[str, str], deadline: _Deadline, request: bytes
) -> bytes:
    connection = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=deadline.left)
    with contextlib.closing(connection):
        connection.request("POST", endpoint.path, request, headers)
        if connection.sock is not None:
            connection.sock.settimeout(deadline.left)
        response = connection.getresponse()
        reply = response.read(_MAX_REPLY)
    if response.status != 200:
        text = reply[:200].decode("utf-8", "replace").strip()
        raise TLSError(f"{endpoint}: HTTP {response.status} {response.reason}: {text}")
    return reply


# datagrams


def _send_datagram(
    endpoint: UDPEndpoint | UnixEndpoint, deadline: _Deadline, request: bytes
) -> bytes:
    with _datagram_socket(endpoint) as sock:
        sock.settimeout(deadline.left)
        if isinstance(endpoint, UnixEndpoint):
            # Connected, it would take nothing from the second socket that a busy server may use.
            sock.sendto(request, endpoint.path)
        else:
            sock.send(request)
        sock.settimeout(deadline.left)
        return sock.recv(_MAX_DATAGRAM)


@contextlib.contextmanager
def _datagram_socket(endpoint: UDPEndpoint | UnixEndpoint) -> Iterator[socket.socket]:
    with contextlib.ExitStack() as stack:
        if isinstance(endpoint, UDPEndpoint):
            where = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_DGRAM)[0]
            sock = stack.enter_context(socket.socket(where[0], socket.SOCK_DGRAM))
            sock.connect(where[4])
        else:
            sock = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            if sys.platform == "linux":
                sock.bind("")  # the system invents a name, and no file
            else:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tlsmgm_"))
                sock.bind(os.path.join(folder, "reply"))
        yield sock


# FIFO


def _write_fifo(endpoint: FIFOEndpoint, deadline: _Deadline, request: bytes) -> bytes:
    """Write the request, and read the answer from a FIFO of our own."""
    name = f"tlsmgm_reply_{os.getpid()}_{secrets.token_hex(8)}"
    path = os.path.join(endpoint.reply_dir, name)
    with contextlib.ExitStack() as stack:
        os.mkfifo(path, 0o600)
        stack.callback(os.unlink, path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        stack.callback(os.close, reader)
        # With a writer of our own, there is no end before somebody else has written.
        keeper = stack.enter_context(contextlib.ExitStack())
        keeper.callback(os.close, os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
        writer = _open_fifo(endpoint.path)
        stack.callback(os.close, writer)
        owner = os.fstat(writer).st_uid
        if owner != os.geteuid():
            os.chown(path, owner, -1)  # only root comes here, and a server that is not must write
        _write_all(writer, f":{name}:".encode("ascii") + request, deadline)
        return _read_line(reader, deadline, keeper.close)


def _open_fifo(path: str) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("it is no FIFO")
    return descriptor


def _write_all(descriptor: int, data: bytes, deadline: _Deadline) -> None:
    rest = memoryview(data)
    while rest:
        select.select([], [descriptor], [], deadline.left)
        with contextlib.suppress(BlockingIOError):
            rest = rest[os.write(descriptor, rest) :]


def _read_line(descriptor: int, deadline: _Deadline, begun: Callable[[], None]) -> bytes:
    """Read to a line end or, as OpenSIPS writes none, to the close; ``begun()`` at the start."""
    line = bytearray()
    while not line.endswith(b"\n"):
        if len(line) > _MAX_REPLY:
            raise OSError("the answer is too long")
        select.select([descriptor], [], [], deadline.left)
        with contextlib.suppress(BlockingIOError):
            piece = os.read(descriptor, _MAX_DATAGRAM)
            if not piece:
                break
            line += piece
            begun()
    return bytes(line)
