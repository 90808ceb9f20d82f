"""A SIP server over TLS that answers OPTIONS, as load balancers and monitors ask it.

Usage: ``python sip_responder.py CONFIG LISTEN``, where LISTEN is an address such as
``tls:127.0.0.1:5061``. The listener does the handshakes; each connection then has a thread. SIGTERM
stops it.
"""

from __future__ import annotations

import logging
import re
import secrets
import signal
import sys
import threading
from dataclasses import dataclass
from typing import IO

import tlsmgm

TIMEOUT = 120.0  # seconds that a client may be silent
MAX_CONNECTIONS = 1000
MAX_LINE = 8192  # bytes, as all that follow
MAX_HEAD = 65536
MAX_BODY = 65536

#: Short forms of header names (RFC 3261 section 7.3.3) that are looked at.
SHORT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "l": "content-length"}

#: What an answer repeats of the request (RFC 3261 section 8.2.6.2).
REPEATED = ("via", "from", "to", "call-id", "cseq")

LOG = "$tls_version $tls_cipher_bits bits, peer $tls_peer_subject_cn, verified $tls_peer_verified"


class BadRequestError(ValueError):
    """It cannot be told where this message ends, or what it wants."""


@dataclass
class Message:
    """A SIP message, without its body."""

    start: str
    fields: list[tuple[str, str]]

    def values(self, name: str) -> list[str]:
        """All values of a header, by its long name in lower case."""
        return [value for key, value in self.fields if key == name]


def read_message(file: IO[bytes]) -> Message | None:
    """Read the next message to its last byte; None: there is none any more.

    Raises:
        BadRequestError: it is none, or larger than we read.
    """
    left = MAX_HEAD
    lines: list[str] = []
    while True:
        line = file.readline(MAX_LINE + 1)
        left -= len(line)
        if not line and not lines:
            return None
        if not line.endswith(b"\n") or left < 0:
            raise BadRequestError("the head is too large, or ends in the middle")
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if any(char < " " and char != "\t" for char in text):
            raise BadRequestError("a control character")  # which an answer would repeat
        if text.startswith((" ", "\t")) and len(lines) > 1:
            lines[-1] += " " + text.strip()  # a header that goes on (section 7.3.1)
        elif text:
            lines.append(text)
        elif lines:  # empty lines before a message keep connections alive (RFC 5626)
            break
    message = Message(lines[0], [split(line) for line in lines[1:]])
    skip_body(file, message)
    return message


def split(line: str) -> tuple[str, str]:
    """Take a header apart; its name in lower case, and long."""
    name, colon, value = line.partition(":")
    name = name.strip().lower()
    if not colon or not re.fullmatch(r"[a-z0-9.!%*_+`'~-]+", name):
        raise BadRequestError("a header without a name")
    return SHORT.get(name, name), value.strip()


def skip_body(file: IO[bytes], message: Message) -> None:
    """Read as many bytes as Content-Length says, which has to be there (section 20.14)."""
    sizes = set(message.values("content-length"))
    size = sizes.pop() if len(sizes) == 1 else ""
    if not re.fullmatch(r"[0-9]{1,9}", size, re.ASCII) or int(size) > MAX_BODY:
        raise BadRequestError("no good Content-Length")
    if len(file.read(int(size))) < int(size):
        raise BadRequestError("the body ends in the middle")


def answer(request: Message, status: str) -> bytes:
    """Make the answer to a request."""
    lines = [f"SIP/2.0 {status}"]
    for name in REPEATED:
        for value in request.values(name):
            tag = f";tag={secrets.token_hex(8)}" if name == "to" and ";tag=" not in value else ""
            lines.append(f"{name.title()}: {value}{tag}")
    lines += ["Allow: OPTIONS", "Content-Length: 0", "", ""]
    return "\r\n".join(lines).encode()


def respond(tls: tlsmgm.TLSSocket, client: str) -> None:
    """Answer requests until the client has no more, or sends what cannot be read."""
    about = tls.connection.expand(LOG)
    with tls.makefile("rb") as file:
        try:
            while (message := read_message(file)) is not None:
                method, _, rest = message.start.partition(" ")
                if not rest.endswith(" SIP/2.0"):
                    raise BadRequestError("neither a request nor an answer")
                if method in ("ACK", "SIP/2.0"):
                    continue  # these are not answered
                status = "200 OK" if method == "OPTIONS" else "405 Method Not Allowed"
                tls.sendall(answer(message, status))
                logging.info("%s %s %s (%r)", client, method, status, about)
        except BadRequestError as error:
            tls.sendall(answer(Message("", []), "400 Bad Request"))
            logging.info("%s %s (%r)", client, error, about)


def serve(connection: tlsmgm.AcceptedConnection) -> None:
    """Have a connection for as long as it lasts."""
    client = "{}:{}".format(*connection.client or ("-", 0))
    tls = tlsmgm.TLSSocket.from_accepted(connection)
    try:
        with tls:
            tls.settimeout(TIMEOUT)
            respond(tls, client)
    except (OSError, tlsmgm.TLSError) as error:
        logging.info("%s %s: %s", client, type(error).__name__, error)


def begin(connection: tlsmgm.AcceptedConnection) -> None:
    """Give a connection a thread of its own."""
    threading.Thread(target=serve, args=[connection], daemon=True).start()


def main(config: str, address: str) -> None:
    """Serve until somebody says stop."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    signals = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    manager = tlsmgm.TLSManager.from_config(config)
    limits = tlsmgm.Limits(max_connections=MAX_CONNECTIONS)
    with manager.listen(address, limits=limits, on_connection=begin) as listener:
        logging.info("listening on %s", ", ".join(map(str, listener.addresses)))
        signal.sigwait([signal.SIGTERM])
    signal.pthread_sigmask(signal.SIG_SETMASK, signals)


if __name__ == "__main__":
    main(*sys.argv[1:])
