"""How does asyncio carry a connection of ours?  Transports, servers and streams.

=====================================  =========================================================
:mod:`~tlsmgm._aio.streams`            readers and writers
:mod:`~tlsmgm._aio.upgrading`          from plain text to TLS: STARTTLS
:mod:`~tlsmgm._aio.client`             connections that we open
:mod:`~tlsmgm._aio.server`             servers
:mod:`~tlsmgm._aio.acceptor`           who comes in, by the engine or by sockets of our own
:mod:`~tlsmgm._aio.binding`            listening sockets, as asyncio makes them
:mod:`~tlsmgm._aio.dialing`            TCP connections, to whichever address answers
:mod:`~tlsmgm._aio.given`              a manager, or one domain in its place
:mod:`~tlsmgm._aio.sockets`            a transport on a socket
:mod:`~tlsmgm._aio.watching`           which sockets of a server are ready
:mod:`~tlsmgm._aio.layer`              a transport above another transport
:mod:`~tlsmgm._aio.transport`          what both have in common: TLS, and what a protocol hears
:mod:`~tlsmgm._aio.receivers`          how data reaches a protocol
:mod:`~tlsmgm._aio.info`               what ``get_extra_info()`` tells
=====================================  =========================================================
"""
