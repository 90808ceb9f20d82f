"""A mail server that offers STARTTLS (RFC 3207): blocking sockets, a thread for each client.

Usage: ``python starttls_server.py CONFIG HOST PORT``; the domain is chosen by the client's SNI and
the address. It takes no mail anywhere: it prints who has sent how much to whom. Port 0 takes a free
one.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import socket
import threading

import tlsmgm

TIMEOUT = 300.0  # seconds that a client may be silent (RFC 5321 section 4.5.3.2.7)
MAX_CLIENTS = 100
MAX_LINE = 1000  # bytes (RFC 5321 section 4.5.3.1.6)
MAX_MAIL = 10_000_000


class GoodbyeError(Exception):
    """The session is over; the reply says why."""


class Lines:
    """Lines of a socket.

    Attributes:
        buffer: what has come behind the last line.
    """

    def __init__(self, sock: socket.socket | tlsmgm.TLSSocket) -> None:
        self._sock = sock
        self.buffer = b""

    def read(self) -> bytes:
        """Wait for a line, and return it without its end.

        Raises:
            GoodbyeError: it is too long, or the client has gone.
        """
        while (end := self.buffer.find(b"\n")) < 0:
            if len(self.buffer) >= MAX_LINE:
                raise GoodbyeError("500 5.5.6 that line is too long")
            data = self._sock.recv(MAX_LINE)
            if not data:
                raise GoodbyeError("421 4.4.2 you have gone")
            self.buffer += data
        line, self.buffer = self.buffer[:end], self.buffer[end + 1 :]
        return line.removesuffix(b"\r")

    def reply(self, *lines: str) -> None:
        """Send a reply of one or several lines, each with its code before it."""
        *first, last = lines
        text = [line.replace(" ", "-", 1) for line in first] + [last]
        self._sock.sendall("".join(f"{line}\r\n" for line in text).encode("ascii", "replace"))


class Session:
    """What is known of one client."""

    def __init__(self, manager: tlsmgm.TLSManager, sock: socket.socket, client: str) -> None:
        self._manager = manager
        self._client = client
        self._sock: socket.socket | tlsmgm.TLSSocket = sock
        self._start_over()

    def _start_over(self) -> None:
        """Know nothing of what was said before: that is the rule behind STARTTLS."""
        self._lines = Lines(self._sock)
        self._sender = ""
        self._recipients: list[str] = []

    @property
    def _tls(self) -> tlsmgm.TLSSocket | None:
        return self._sock if isinstance(self._sock, tlsmgm.TLSSocket) else None

    def run(self) -> None:
        """Talk until one of the two has had enough."""
        try:
            self._lines.reply("220 ready")
            while True:
                word, _, rest = self._lines.read().decode("ascii", "replace").partition(" ")
                self._answer(word.upper(), rest.strip())
        except GoodbyeError as error:
            with contextlib.suppress(OSError, tlsmgm.TLSError):
                self._lines.reply(str(error))
        except (OSError, tlsmgm.TLSError) as error:
            logging.info("%s: %s: %s", self._client, type(error).__name__, error)
        finally:
            self._sock.close()

    def _answer(self, word: str, rest: str) -> None:
        secure = self._tls is not None
        if word in ("EHLO", "HELO"):
            self._lines.reply("250 hello", *([] if secure or word == "HELO" else ["250 STARTTLS"]))
        elif word == "STARTTLS" and not secure and not rest:
            self._start_tls()
        elif word in ("MAIL", "RCPT", "DATA") and not secure:
            self._lines.reply("530 5.7.0 must issue STARTTLS first")
        elif word == "MAIL":
            self._sender, self._recipients = rest.partition(":")[2], []
            self._lines.reply("250 2.1.0 ok")
        elif word == "RCPT" and self._sender and len(self._recipients) < 100:
            self._recipients.append(rest.partition(":")[2])
            self._lines.reply("250 2.1.5 ok")
        elif word == "DATA" and self._recipients:
            self._take_mail()
        elif word in ("RSET", "NOOP"):
            self._lines.reply("250 2.0.0 ok")
        elif word == "QUIT":
            raise GoodbyeError("221 2.0.0 bye")
        else:
            self._lines.reply("503 5.5.1 not now")

    def _start_tls(self) -> None:
        """Go on in TLS, with nothing that was sent in the clear.

        A command that stands behind STARTTLS in the clear would be obeyed as if it came through
        TLS: whoever sits in between can put it there (CVE-2011-0411). So that is the end.
        """
        if self._lines.buffer:
            logging.warning("%s has sent data behind STARTTLS", self._client)
            raise GoodbyeError("501 5.5.2 nothing may follow STARTTLS")
        self._lines.reply("220 2.0.0 go ahead")
        assert isinstance(self._sock, socket.socket)
        tls = self._manager.wrap_socket(self._sock, server_side=True)
        self._sock = tls
        self._start_over()
        text = f"{self._client}: $tls_version, $tls_cipher_info, peer $tls_peer_subject"
        logging.info("%s", tls.connection.expand(text))

    def _take_mail(self) -> None:
        self._lines.reply("354 go ahead")
        size = 0
        while (line := self._lines.read()) != b".":
            size += len(line) + 2
            if size > MAX_MAIL:
                raise GoodbyeError("552 5.3.4 that is too much")
        logging.info("%d bytes from %r to %r", size, self._sender, self._recipients)
        self._lines.reply("250 2.0.0 thank you")


def serve(manager: tlsmgm.TLSManager, host: str, port: int) -> None:
    """Serve until interrupted."""
    places = threading.BoundedSemaphore(MAX_CLIENTS)

    def run(sock: socket.socket, client: str) -> None:
        try:
            sock.settimeout(TIMEOUT)
            Session(manager, sock, client).run()
        finally:
            places.release()

    with socket.create_server((host, port)) as listener:
        logging.info("listening on %s:%d", *listener.getsockname()[:2])
        while places.acquire():  # clients wait in the system's queue while all are taken
            sock, address = listener.accept()
            threading.Thread(target=run, args=[sock, address[0]], daemon=True).start()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("config", help="OpenSIPS script or TOML file")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with contextlib.suppress(KeyboardInterrupt):
        serve(tlsmgm.TLSManager.from_config(options.config), options.host, options.port)
