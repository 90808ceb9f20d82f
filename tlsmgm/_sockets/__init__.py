"""How does a thread talk TLS over a socket as it talks TCP?

==================================  ===========================================================
:mod:`~tlsmgm._sockets.tls_socket`  what ``TLSManager.wrap_socket()`` returns
:mod:`~tlsmgm._sockets.streams`     its files: ``makefile()``
:mod:`~tlsmgm._sockets.channel`     a connection over a socket, for several threads
:mod:`~tlsmgm._sockets.wire`        its steps, none of which waits
:mod:`~tlsmgm._sockets.framing`     where records end, so that none is read too many
:mod:`~tlsmgm._sockets.waiting`     until when, and for what
:mod:`~tlsmgm._sockets.ends`        the socket as it is given, and the addresses of its ends
==================================  ===========================================================
"""
