"""Sends the request to a caddy in plain HTTP. usage: caddy_driver.py PORT"""

from __future__ import annotations

import json
import os
import socket
import sys
import time

import common


def dial(port: int) -> socket.socket:
    """Connect, as soon as caddy listens."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 20)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def last_error() -> str:
    """Return what caddy has logged."""
    time.sleep(0.2)
    with open(os.path.join(os.environ["TLS_FOLDER"], "log")) as file:
        lines = [json.loads(line) for line in file]
    found = [line.get("error") or line.get("msg") for line in lines if line["level"] == "error"]
    return found[-1] if found else "no error in its log"


def main() -> None:
    for _ in range(common.TIMES):
        with dial(int(sys.argv[1])) as sock:
            sock.sendall(common.request().replace(b"keep-alive", b"close"))
            answer = bytearray()
            while data := sock.recv(65536):
                answer += data
        common.keep(bytes(answer))
        if answer.split(b" ", 2)[1:2] != [b"200"]:
            common.say("error", last_error())
            return
        common.say("end", "200")


main()
