"""Connections to the upstream: resolve, connect, and choose the client domain."""

from __future__ import annotations

import asyncio
from typing import Final

from tlsmgm._domains.addresses import join_host_port
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.filters import is_ip
from tlsmgm._manager import TLSManager
from tlsmgm._native.connection import Connection
from tlsmgm._service.endpoint import Buffers, Endpoint, TLSEndpoint
from tlsmgm._service.options import ProxyOptions
from tlsmgm._service.relay import Relay
from tlsmgm.errors import ConfigError, NoDomainError

__all__ = ["Connector"]

#: Seconds before the next address of a host is tried beside a slow one (RFC 8305).
_NEXT_ADDRESS_DELAY: Final = 0.25


class Connector:
    """Connects relays to their upstream.

    Args:
        manager: has the client domains.
        options: of the proxy.
        buffers: of the loop.
    """

    def __init__(self, manager: TLSManager, options: ProxyOptions, buffers: Buffers) -> None:
        self._manager = manager
        self._options = options
        self._buffers = buffers

    def check(self) -> None:
        """See whether there is a client domain, as far as that can be known in advance.

        Raises:
            ConfigError: there is none, or the options contradict the script.
        """
        options = self._options
        if not options.upstream.is_tls:
            return
        if options.sip_domain is not None and self._sip_domain_avp() is None:
            raise ConfigError("the script has no client_sip_domain_avp", parameter="--sip-domain")
        if options.upstream_domain is not None:
            if self._manager.find_client_domain_by_name(options.upstream_domain) is None:
                raise ConfigError(
                    f"there is no client domain {options.upstream_domain!r}",
                    parameter="--upstream-domain",
                )
        elif is_ip(options.upstream.host):
            self._find_domain(options.upstream.host, options.upstream.port)

    async def connect(self, relay: Relay) -> None:
        """Connect to the upstream.

        Args:
            relay: gets the endpoint.

        Raises:
            OSError: the host has no address, or none of them answers.
        """

        def make_endpoint() -> Endpoint:
            endpoint = (
                TLSEndpoint(relay, self._buffers, self._start_tls)
                if target.is_tls
                else Endpoint(relay, self._buffers, self._options.unclean_end)
            )
            relay.attach(endpoint)
            return endpoint

        target = self._options.upstream
        # One address needs no race, which costs as much as a cheap handshake.
        delay = None if is_ip(target.host) else _NEXT_ADDRESS_DELAY
        await asyncio.get_running_loop().create_connection(
            make_endpoint, target.host, target.port, happy_eyeballs_delay=delay
        )

    def _start_tls(self, endpoint: TLSEndpoint) -> Connection:
        address = endpoint.peer_address()
        domain = self._find_domain(*address)
        return self._manager.client_connection(
            domain, server_name=self._server_name(), address=address
        )

    def _server_name(self) -> str:
        options = self._options
        return options.server_name or options.sip_domain or options.upstream.host

    def _find_domain(self, ip: str, port: int) -> Domain:
        options = self._options
        if options.upstream_domain is not None:
            domain = self._manager.find_client_domain_by_name(options.upstream_domain)
            wanted = f"called {options.upstream_domain!r}"
        else:
            domain = self._manager.find_client_domain(ip, port, avps=self._avps())
            wanted = f"for {join_host_port(ip, port)}"
            if options.sip_domain is not None:
                wanted += f" and SIP domain {options.sip_domain!r}"
        if domain is None:
            raise NoDomainError(f"there is no client domain {wanted}")
        return domain

    def _avps(self) -> dict[str, str]:
        avp = self._sip_domain_avp()
        value = self._options.sip_domain
        return {} if avp is None or value is None else {avp: value}

    def _sip_domain_avp(self) -> str | None:
        config = self._manager.config
        return None if config is None else config.client_sip_domain_avp
