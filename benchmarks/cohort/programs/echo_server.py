"""A TLS server under asyncio that sends back whatever comes: over ``tlsmgm.aio``, or over ``ssl=``.

The protocol is the same for all; only the line that makes the server differs.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import ssl
from typing import cast

_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


class Echo(asyncio.Protocol):
    """Sends back whatever comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Send it back."""
        self.transport.write(data)


async def serve_ssl(options: argparse.Namespace) -> asyncio.AbstractServer:
    """Serve over Python's own ``ssl``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate, options.key)
    context.minimum_version = context.maximum_version = _VERSIONS[options.version]
    context.num_tickets = options.tickets
    if options.version == "TLSv1.2":
        context.set_ciphers(options.cipher)
    return await asyncio.get_running_loop().create_server(
        Echo, "127.0.0.1", options.port, ssl=context, backlog=options.backlog
    )


async def serve_tlsmgm(options: argparse.Namespace) -> asyncio.AbstractServer:
    """Serve over a domain; the library is the one that is named."""
    tlsmgm = importlib.import_module("tlsmgm")
    aio = importlib.import_module("tlsmgm.aio")
    manager = tlsmgm.TLSManager(options.library)
    manager.add_domain(
        tlsmgm.Domain(
            name="bench",
            kind="server",
            match_sip_domain=options.server_name,
            method=options.version.replace(".", "_"),
            certificate=options.certificate,
            private_key=options.key,
            cipher_list=options.cipher,
            ec_curve=options.groups,
            verify_cert=False,
        )
    )
    server: asyncio.AbstractServer = await aio.create_server(
        Echo, "127.0.0.1", options.port, tls=manager, backlog=options.backlog
    )
    return server


async def serve(options: argparse.Namespace) -> None:
    """Serve until the process is ended."""
    make = serve_ssl if options.library == "ssl" else serve_tlsmgm
    server = await make(options)
    await server.serve_forever()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="A TLS server that echoes.")
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    parser.add_argument("--library", choices=["ssl", "openssl", "wolfssl"], required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--server-name", required=True)
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--version", choices=list(_VERSIONS), default="TLSv1.3")
    parser.add_argument("--cipher", required=True)
    parser.add_argument("--groups", help="OpenSSL's configuration has those of ssl")
    parser.add_argument("--tickets", type=int, default=1)
    parser.add_argument("--backlog", type=int, default=1024)
    options = parser.parse_args()
    if options.loop == "uvloop":
        importlib.import_module("uvloop").run(serve(options))
    else:
        asyncio.run(serve(options))


if __name__ == "__main__":
    main()
