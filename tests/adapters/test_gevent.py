"""gevent, whose sockets and contexts take the place of Python's: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
from gevent import monkey
monkey.patch_all()
import gevent, socket, sys
from tests.adapters.ecosystem import contexts

both = contexts(sys.argv[1], sys.argv[2])
listener = socket.create_server(("127.0.0.1", 0))

def serve():
    while True:
        plain, _ = listener.accept()
        with both.server.wrap_socket(plain, server_side=True) as secured:
            secured.sendall(secured.recv(100).upper())

serving = gevent.spawn(serve)
for name in both.names:
    plain = socket.create_connection(listener.getsockname())
    with both.client.wrap_socket(plain, server_hostname=name) as secured:
        secured.sendall(b"hello")
        print(secured.recv(100).decode())
serving.kill()
"""


@pytest.mark.parametrize("way", ["calls", "domains"])
def test_gevent(library: str, way: str) -> None:
    pytest.importorskip("gevent")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, library, way],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.returncode, set(done.stdout.split())) == (0, {"HELLO"}), done.stderr
