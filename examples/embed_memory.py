"""Two ends of TLS in memory: no sockets, no event loop, just bytes from one to the other.

Usage: ``python embed_memory.py CERTIFICATE KEY CA NAME``, such as the files that
``examples/demo/make_pki.py`` makes: ``pki/atlanta.pem pki/atlanta.key pki/ca.pem atlanta.example``
"""

import sys

import tlsmgm

certificate, key, ca, name = sys.argv[1:]

manager = tlsmgm.TLSManager()
manager.add_domains(
    [
        tlsmgm.Domain.server(
            "web", names=name, certificate=certificate, key=key, client_auth="none"
        ),
        tlsmgm.Domain.client("out", ca_list=ca),
    ]
)

server = manager.server_connection(local=("192.0.2.1", 443))
client = manager.client_connection("out", server_name=name)

ready = False
while not ready:
    ready = client.handshake()
    server.feed(client.drain())
    ready = server.handshake() and ready
    client.feed(server.drain())

print("the server reads", server.decrypt(client.encrypt(b"Hello!")))
print("the server is in domain", server.domain and server.domain.name)
print(client.expand("the client sees $tls_peer_subject over $tls_version"))
