"""TLS in an asyncio server of your own: one protocol, one connection, bytes in and bytes out.

Usage: ``python asyncio_server.py opensips.cfg HOST PORT``. Serves the script's domains on one
address, and answers each line with what it knows about the client. Port 0 takes a free one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib

import tlsmgm


class Greeter(asyncio.Protocol):
    """Tells each client who it is.

    Args:
        manager: has the TLS domains.
    """

    def __init__(self, manager: tlsmgm.TLSManager) -> None:
        self._manager = manager

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start TLS; which domain answers is decided when the ClientHello is here."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._tls = self._manager.server_connection(transport.get_extra_info("sockname")[:2])
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._manager.handshake_timeout, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Go on as far as these bytes reach."""
        self._go_on(data)

    def eof_received(self) -> None:
        """Say so if the client has gone without close_notify."""
        self._go_on(b"")

    def _go_on(self, data: bytes) -> None:
        try:
            if data:
                self._tls.feed(data)
            else:
                self._tls.feed_eof()
            self._advance()
        except tlsmgm.TLSError as error:
            print(f"{type(error).__name__}: {error}", flush=True)
            self._transport.write(self._tls.drain())  # the alert
            self._transport.close()
        else:
            self._transport.write(self._tls.drain())

    def _advance(self) -> None:
        if not self._tls.handshake_complete:
            if not self._tls.handshake():
                return
            self._deadline.cancel()
        while (data := self._tls.read()) is not None:
            if not data:  # close_notify
                self._tls.shutdown()
                self._transport.write(self._tls.drain())
                self._transport.close()
                return
            self._greet()

    def _greet(self) -> None:
        domain = self._tls.domain
        text = f"domain {domain.name if domain else '-'}, $tls_version, peer $tls_peer_subject\n"
        self._send(self._tls.expand(text).encode())

    def _send(self, data: bytes) -> None:
        self._transport.write(self._tls.encrypt(data))

    def pause_writing(self) -> None:
        """Listen no more to a client that does not listen to us."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Listen again."""
        self._transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the deadline."""
        self._deadline.cancel()


async def serve(config: str, host: str, port: int) -> None:
    """Serve until interrupted."""
    manager = tlsmgm.TLSManager.from_config(config)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Greeter(manager), host, port)
    print("listening on {}:{}".format(*server.sockets[0].getsockname()), flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("config", help="OpenSIPS script")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(options.config, options.host, options.port))
