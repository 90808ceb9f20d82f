"""A small TLS-terminating proxy over asyncio's ``ssl=``, as a user of asyncio would write it.

It does what ``tlsmgm proxy`` does to the bytes: accepts TLS, connects to a plain upstream, relays
both ways, and stops reading one side while the other has too much to write. It is written with
protocols, which cost less than streams.

asyncio's TLS cannot end one direction alone: when the upstream ends, the client is closed after
what it still has to get; when the client says close_notify, asyncio closes its transport, and the
upstream is told the end of input and then cut off.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import ssl
from typing import cast

_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


class Side(asyncio.Protocol):
    """One side of a relay."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Side | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand data over."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Hand the end over, as far as the other side can tell it."""
        other = None if self.other is None else self.other.transport
        if other is not None and other.can_write_eof():
            with contextlib.suppress(OSError):
                other.write_eof()
        elif other is not None:
            other.close()
        return False

    def pause_writing(self) -> None:
        """Stop reading the other side while we have too much to write."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Close the other side when it has written everything."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()
        self.other = None


class Client(Side):
    """The client's side: it exists once the handshake is complete."""

    def __init__(self, upstream: int) -> None:
        super().__init__()
        self._upstream = upstream
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect to the upstream before anything is read."""
        super().connection_made(transport)
        assert self.transport is not None
        self.transport.pause_reading()
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        assert self.transport is not None
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: Upstream(self), "127.0.0.1", self._upstream
            )
        except OSError:
            self.transport.abort()


class Upstream(Side):
    """The upstream's side, which is linked before its first byte can come."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self.other = client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to relay."""
        super().connection_made(transport)
        assert self.transport is not None
        assert self.other is not None
        assert self.other.transport is not None
        if self.other.transport.is_closing():
            self.transport.close()
            return
        self.other.other = self
        self.other.transport.resume_reading()


def make_context(options: argparse.Namespace) -> ssl.SSLContext:
    """Return the server's context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = _VERSIONS[options.version]
    if options.version == "TLSv1.2":
        context.set_ciphers(options.cipher)
    context.num_tickets = options.tickets
    if not options.tickets:
        context.options |= ssl.OP_NO_TICKET
    context.load_cert_chain(options.certificate, options.key)
    if options.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(options.client_ca)
    return context


async def serve(options: argparse.Namespace) -> None:
    """Serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(
        lambda: Client(options.upstream),
        "127.0.0.1",
        options.port,
        ssl=make_context(options),
        backlog=options.backlog,
    )
    await server.serve_forever()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="A small TLS-terminating proxy.")
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--client-ca")
    parser.add_argument("--version", choices=list(_VERSIONS), default="TLSv1.3")
    parser.add_argument("--cipher", help="of TLS 1.2; OpenSSL's configuration has that of 1.3")
    parser.add_argument("--tickets", type=int, default=1)
    parser.add_argument("--backlog", type=int, default=1024)
    options = parser.parse_args()
    if options.loop == "uvloop":
        importlib.import_module("uvloop").run(serve(options))
    else:
        asyncio.run(serve(options))


if __name__ == "__main__":
    main()
