"""tlslite-ng; see ../README.md for what it is told."""

import common
from tlslite.api import (
    HandshakeSettings,
    SessionCache,
    TLSConnection,
    X509CertChain,
    parsePEMKey,
)
from tlslite.errors import TLSAbruptCloseError


def settings():
    found = HandshakeSettings()
    found.minVersion = found.maxVersion = (3, 4) if common.VERSION == "1.3" else (3, 3)
    # It compresses its certificate unasked: findings/tlslite-compressed-certificate.sh
    found.certificate_compression_send = []
    return found


def identity():
    if common.CERT is None:
        return None, None
    chain = X509CertChain()
    with open(common.CERT) as file:
        chain.parsePemList(file.read())
    with open(common.KEY) as file:
        return chain, parsePEMKey(file.read(), private=True)


def client():
    chain, key = identity()
    session = None
    for _ in range(common.TIMES):
        connection = TLSConnection(common.dial())
        connection.closeSocket = True
        connection.ignoreAbruptClose = False
        connection.handshakeClientCert(
            chain, key, session=session, settings=settings(), serverName="localhost"
        )
        connection.sendall(common.request())
        try:
            answer, is_over = common.receive(lambda size, c=connection: bytes(c.read(max=size)))
        except TLSAbruptCloseError:
            common.say("end", "FIN without close_notify")
            return
        common.keep(answer)
        session = connection.session
        connection.close()
        common.say("end", "close_notify" if is_over else "ours")


def server():
    chain, key = identity()
    cache = SessionCache()
    ours = settings()
    ours.ticketKeys = [bytes(32)]

    def one(sock):
        connection = TLSConnection(sock)
        connection.handshakeServer(
            certChain=chain, privateKey=key, sessionCache=cache, settings=ours
        )
        connection.sendall(common.receive_request(lambda size: bytes(connection.read(max=size))))
        connection.close()

    common.serve(one)


common.main(client, server)
