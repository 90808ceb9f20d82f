"""How does a thread talk TLS over a socket as it talks TCP?

==================================  ===========================================================
:mod:`~tlsmgm._sockets.tls_socket`  what ``TLSManager.wrap_socket()`` returns
:mod:`~tlsmgm._sockets.streams`     its files: ``makefile()``
:mod:`~tlsmgm._sockets.channel`     what these share: its handshake, and its end
:mod:`~tlsmgm._sockets.forks`       what of it a forked process has
:mod:`~tlsmgm._sockets.ends`        the socket as it is given, and the addresses of its ends
==================================  ===========================================================

What every message needs is in Cython:

==================================  ===========================================================
:mod:`~tlsmgm._core.line`           a lock, who waits and until when, whose turn it is to send
:mod:`~tlsmgm._core.wire`           steps of a connection, none of which waits
:mod:`~tlsmgm._core.framing`        where records end, so that none is read too many
:mod:`~tlsmgm._core.waiting`        until when, and for what
==================================  ===========================================================
"""
