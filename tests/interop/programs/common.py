"""What the peers in Python share: what they are told, what they say, and plain sockets."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator

PORT = int(os.environ["TLS_PORT"])
VERSION = os.environ["TLS_VERSION"]
CA = os.environ.get("TLS_CA")
CERT = os.environ.get("TLS_CERT")
KEY = os.environ.get("TLS_KEY")
TIMES = int(os.environ.get("TLS_TIMES", "1"))
TRAILER = b"interop-end\n"


def say(kind: str, what: object) -> None:
    """Print one line: "end" or "error", and what it was."""
    if isinstance(what, BaseException):
        what = f"{type(what).__name__}: {what}"
    print(f"{kind}: {what}", flush=True)


def request() -> bytes:
    """Return what to send."""
    with open(os.environ["TLS_REQUEST"], "rb") as file:
        return file.read()


def keep(answer: bytes) -> None:
    """Write what was received."""
    with open(os.environ["TLS_ANSWER"], "wb") as file:
        file.write(answer)


def until_trailer() -> bool:
    """Say whether the answer ends with the trailer, and not with the connection."""
    return os.environ["TLS_UNTIL"] == "trailer"


def dial() -> socket.socket:
    """Connect, without TLS."""
    return socket.create_connection(("127.0.0.1", PORT), 20)


def clients() -> Iterator[socket.socket]:
    """Yield those who connect, without TLS."""
    with socket.create_server(("127.0.0.1", PORT)) as listener:
        while True:
            sock, _ = listener.accept()
            sock.settimeout(10)
            yield sock


def receive(read: Callable[[int], bytes]) -> tuple[bytes, bool]:
    """Read until the end, or the trailer; return what came, and whether it was the end."""
    answer = bytearray()
    while True:
        data = read(65536)
        if not data:
            return bytes(answer), True
        answer += data
        if until_trailer() and answer.endswith(TRAILER):
            return bytes(answer), False


def receive_request(read: Callable[[int], bytes]) -> bytes:
    """Read a request; b"" if none came."""
    got = bytearray()
    while not got.endswith(TRAILER):
        data = read(65536)
        if not data:
            return b""
        got += data
    return bytes(got)


def serve(one: Callable[[socket.socket], None]) -> None:
    """Run a server: call one() with each connection, and say what went wrong."""
    for sock in clients():
        try:
            one(sock)
        except Exception as error:
            say("error", error)
        finally:
            sock.close()


def main(client: Callable[[], None], server: Callable[[], None] | None) -> None:
    """Run one of the two."""
    if sys.argv[1] == "server":
        assert server is not None, "it is a client only"
        server()
        return
    try:
        client()
    except Exception as error:
        say("error", error)
