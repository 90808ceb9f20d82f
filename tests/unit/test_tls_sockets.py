"""The tests' own way to wrap sockets closes what ``ssl`` forgets."""

from __future__ import annotations

import gc
import select
import socket
import ssl
import struct
import warnings

import pytest

from tests.support.tls_sockets import wrap

TIMEOUT = 30


def reset_pair() -> socket.socket:
    """Return a client's socket whose peer has reset the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), TIMEOUT)
        peer, _ = listener.accept()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
    poll = select.poll()
    poll.register(client, select.POLLIN)
    assert poll.poll(TIMEOUT * 1000)
    return client


@pytest.mark.parametrize("is_server", [True, False])
def test_a_socket_that_was_reset_is_closed(is_server: bool) -> None:
    kind = ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT
    options = {"server_side": True} if is_server else {"server_hostname": "dom1.test"}
    sock = reset_pair()
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        with pytest.raises(OSError, match=r"(?i)reset"):
            wrap(ssl.SSLContext(kind), sock, **options)
        gc.collect()
    assert [str(item.message) for item in found] == []
    assert sock.fileno() == -1


def test_wrong_arguments_close_it_too() -> None:
    here, there = socket.socketpair()
    with there, pytest.raises(ValueError, match="check_hostname requires"):
        wrap(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), here)
    assert here.fileno() == -1
