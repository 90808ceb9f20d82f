"""Does an installed tlsmgm work? Needs nothing but it and a certificate.

    python -I wheels/smoke.py FOLDER LIBRARY [LIBRARY]

The folder has cert.pem and key.pem for the name smoke.test. Exactly the named libraries must be
installed. The first one is always openssl: it comes with tlsmgm itself.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import sys
from pathlib import Path

import tlsmgm
from tlsmgm._backends import ENTRY_POINT_GROUP

NAME = "smoke.test"
METHODS = ("TLSv1_2", "TLSv1_3")


def expect(condition: bool, text: str) -> None:
    """End with the text unless the condition holds; unlike assert, also under -O."""
    if not condition:
        sys.exit(f"smoke: {text}")


def check_place() -> None:
    """Refuse to judge a tlsmgm that is not the installed one."""
    place = Path(tlsmgm.__file__)
    expect(sys.prefix != sys.base_prefix, "this is no virtual environment")
    expect(place.is_relative_to(sys.prefix), f"{place} is not what was installed")


def check_backends(libraries: list[str]) -> None:
    """Exactly these libraries are there, and each is named by an entry point."""
    found = tlsmgm.libraries()
    expect(sorted(found) == sorted(libraries), f"found {sorted(found)}, wanted {sorted(libraries)}")
    named = {entry.name for entry in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)}
    expect(named == set(libraries), f"the entry points name {sorted(named)}")
    for name, info in found.items():
        print(f"{name} {info.version}: {', '.join(sorted(info.features))}")


def check_advice() -> None:
    """Without the other distribution, asking for wolfSSL says how to get it."""
    try:
        tlsmgm.TLSManager("wolfssl")
    except tlsmgm.ConfigError as error:
        expect("tlsmgm[wolfssl]" in str(error), f"no word of how to get wolfSSL in: {error}")
    else:
        expect(False, "wolfSSL works without its distribution")


def manager_of(library: str, method: str, folder: Path) -> tlsmgm.TLSManager:
    """Return a manager with one domain for servers and one for clients."""
    manager = tlsmgm.TLSManager(library)
    certificate = str(folder / "cert.pem")
    server = tlsmgm.Domain(
        "server",
        kind="server",
        match_sip_domain=NAME,
        method=method,
        certificate=certificate,
        private_key=str(folder / "key.pem"),
        verify_cert=False,
    )
    client = tlsmgm.Domain("client", kind="client", method=method, ca_list=certificate)
    manager.add_domains([server, client])
    return manager


def exchange(server_library: str, client_library: str, method: str, folder: Path) -> str:
    """Shake hands in memory, send one message; return what was negotiated."""
    servers = manager_of(server_library, method, folder)
    clients = manager_of(client_library, method, folder)
    server = servers.server_connection(local=("127.0.0.1", 5061))
    client = clients.client_connection("client", server_name=NAME)
    done = False
    while not done:
        done = client.handshake()
        server.feed(client.drain())
        done = server.handshake() and done
        client.feed(server.drain())
    server.write(b"Hello!")
    client.feed(server.drain())
    expect(client.read() == b"Hello!", f"{client_library} read something else")
    return client.expand("$tls_version, $tls_cipher_info").strip()


def main(arguments: list[str]) -> None:
    """Check everything; end with a message if anything is wrong."""
    folder, libraries = Path(arguments[0]), arguments[1:]
    check_place()
    check_backends(libraries)
    if "wolfssl" not in libraries:
        check_advice()
    for server, client in itertools.product(libraries, libraries):
        for method in METHODS:
            print(f"{server} to {client}: {exchange(server, client, method, folder)}")


if __name__ == "__main__":
    main(sys.argv[1:])
