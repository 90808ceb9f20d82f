"""The socket as it is given, and the addresses of its two ends."""

from __future__ import annotations

import socket

__all__ = ["check", "local_of", "peer_of", "server_name_of", "take_over"]


def check(sock: socket.socket, do_handshake: bool) -> None:
    """See whether a socket can carry TLS.

    Args:
        sock: as the program gives it.
        do_handshake: whether it will be waited for.

    Raises:
        TypeError: it is no socket, or one that speaks TLS already.
        ValueError: it is no stream, or does not block where it should.
        OSError: it was closed, or is not connected.
    """
    if not isinstance(sock, socket.socket) or hasattr(sock, "do_handshake"):
        raise TypeError(f"TLS needs a plain socket.socket, not {type(sock).__name__}")
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) != socket.SOCK_STREAM:
        raise ValueError("TLS needs a stream: a socket of the type SOCK_STREAM")
    sock.getpeername()
    if do_handshake and sock.gettimeout() == 0:
        raise ValueError("a socket that does not block is wrapped with do_handshake=False")


def server_name_of(given: str | None) -> str | None:
    """Return the name with which a server is compared; None: the program wants none.

    Args:
        given: by the program; ``""`` for none, so that nobody goes without one by oversight.

    Raises:
        TypeError: it is no text.
        ValueError: it is None.
    """
    if given is None:
        raise ValueError('server_name is needed, to be compared with the certificate ("" for none)')
    if not isinstance(given, str):
        raise TypeError(f"server_name must be str or None, not {type(given).__name__}")
    return given or None


def take_over(sock: socket.socket) -> socket.socket:
    """Take the descriptor out of a socket, as ``ssl`` does, so that nobody uses it besides."""
    timeout = sock.gettimeout()
    taken = socket.socket(sock.family, sock.type, sock.proto, fileno=sock.detach())
    taken.settimeout(timeout)
    return taken


def local_of(sock: socket.socket) -> tuple[str, int]:
    """Return the address that a client has called.

    Raises:
        ValueError: it has no IP address.
    """
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        raise ValueError("this socket has no IP address by which a domain is found: give local=")
    address: tuple[str, int] = sock.getsockname()[:2]
    return address


def peer_of(sock: socket.socket) -> tuple[str, int] | None:
    """Return the address of the peer; None: it has no IP address."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    address: tuple[str, int] = sock.getpeername()[:2]
    return address
