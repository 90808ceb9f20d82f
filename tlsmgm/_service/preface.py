"""What an upstream is told about a client before anything else: the PROXY protocol header.

It goes before the ClientHello where the upstream speaks TLS, since that is where HAProxy, nginx,
Dovecot and Postfix read it.
"""

from __future__ import annotations

from tlsmgm._native.connection import Connection
from tlsmgm._service import proxy_protocol
from tlsmgm._service.endpoint import Endpoint
from tlsmgm._service.key_names import key_name, signature_name
from tlsmgm._service.options import ProxyOptions, ProxyProtocol, ProxyTLVs

__all__ = ["preface"]


def preface(options: ProxyOptions, client: Endpoint) -> bytes:
    """Build the header for a client's upstream.

    Args:
        options: say which one.
        client: is established.

    Returns:
        The bytes; none where no header is wanted.

    Raises:
        TLSError: the facts about the client cannot be read.
    """
    if options.proxy_protocol is None:
        return b""
    addresses = (client.peer_address(), client.local_address())
    if options.proxy_protocol is ProxyProtocol.V1:
        return proxy_protocol.text_header(*addresses)
    return proxy_protocol.header(*addresses, _facts(client.connection, options.proxy_protocol_tlvs))


def _facts(tls: Connection | None, wanted: ProxyTLVs) -> proxy_protocol.TLSFacts | None:
    if tls is None or wanted is ProxyTLVs.NONE:
        return None
    is_all = wanted is ProxyTLVs.ALL
    shown = tls.peer_certificate
    own = tls.certificate if is_all else None
    return proxy_protocol.TLSFacts(
        version=tls.version,
        cipher=tls.cipher,
        server_name=tls.server_name if is_all else None,
        alpn=tls.alpn if is_all else None,
        has_certificate=shown is not None,
        verified=tls.peer_verified,
        session_reused=tls.session_reused,
        common_name=shown.subject_cn if shown else None,
        signature_algorithm=signature_name(own.signature_algorithm) if own else None,
        key_algorithm=key_name(own.public_key_info) if own else None,
        group=tls.group if is_all else None,
    )
