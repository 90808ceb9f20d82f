"""What the peers in Python share: what they are told, what they say, and plain sockets."""

import os
import socket
import sys

PORT = int(os.environ["TLS_PORT"])
VERSION = os.environ["TLS_VERSION"]
CA = os.environ.get("TLS_CA")
CERT = os.environ.get("TLS_CERT")
KEY = os.environ.get("TLS_KEY")
TIMES = int(os.environ.get("TLS_TIMES", "1"))
TRAILER = b"interop-end\n"


def say(kind, what):
    """Print one line: "end" or "error", and what it was."""
    if isinstance(what, BaseException):
        what = f"{type(what).__name__}: {what}"
    print(f"{kind}: {what}", flush=True)


def request():
    """Return what to send."""
    with open(os.environ["TLS_REQUEST"], "rb") as file:
        return file.read()


def keep(answer):
    """Write what was received."""
    with open(os.environ["TLS_ANSWER"], "wb") as file:
        file.write(answer)


def until_trailer():
    """Say whether the answer ends with the trailer, and not with the connection."""
    return os.environ["TLS_UNTIL"] == "trailer"


def dial():
    """Connect, without TLS."""
    return socket.create_connection(("127.0.0.1", PORT), 20)


def clients():
    """Yield those who connect, without TLS."""
    with socket.create_server(("127.0.0.1", PORT)) as listener:
        while True:
            sock, _ = listener.accept()
            sock.settimeout(10)
            yield sock


def receive(read):
    """Read until the end, or the trailer; return what came, and whether it was the end."""
    answer = bytearray()
    while True:
        data = read(65536)
        if not data:
            return bytes(answer), True
        answer += data
        if until_trailer() and answer.endswith(TRAILER):
            return bytes(answer), False


def receive_request(read):
    """Read a request; b"" if none came."""
    got = bytearray()
    while not got.endswith(TRAILER):
        data = read(65536)
        if not data:
            return b""
        got += data
    return bytes(got)


def serve(one):
    """Run a server: call one() with each connection, and say what went wrong."""
    for sock in clients():
        try:
            one(sock)
        except Exception as error:
            say("error", error)
        finally:
            sock.close()


def main(client, server):
    """Run one of the two."""
    if sys.argv[1] == "server":
        server()
        return
    try:
        client()
    except Exception as error:
        say("error", error)
