"""One client connection and its upstream: from accept to the line in the access log.

::

    HANDSHAKE --established--> CONNECTING --established--> RELAYING --both ended--> CLOSING --> done
        |                          |                          |
        +-- alert, log             +-- unclean end, log       +-- error: the other side, too

A side ends cleanly if the peer on the other side has announced that nothing more comes: by
close_notify, or by FIN where it is plain.  Every other end is unclean, whoever has caused it, so
that nobody can take what it has for everything: truncation, a reset, an upstream that cannot be
reached, and what a deadline cuts.  For a TLS neighbour that is a reset without close_notify, for a
plain one a reset unless the options say FIN.  A clean end of one direction leaves the other alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

from tlsmgm._domains.addresses import join_host_port
from tlsmgm._native.connection import Connection
from tlsmgm._service.endpoint import Buffers, Endpoint, Hold, TLSEndpoint
from tlsmgm._service.ends import reason_of, status_and_reason
from tlsmgm._service.options import ProxyOptions
from tlsmgm._service.preface import preface
from tlsmgm._service.statistics import count_end, count_failure, count_limit
from tlsmgm._service.status import LIMIT_OF, Phase, Status
from tlsmgm._service.stillness import Stillness
from tlsmgm._service.timer import Timer
from tlsmgm._serving.admission import Place
from tlsmgm._serving.counters import Counters
from tlsmgm._serving.limits import Limit
from tlsmgm.errors import HelloTooLargeError, NoDomainError, TLSError

__all__ = ["Relay", "Service"]


class Service(Protocol):
    """What a relay needs of the proxy."""

    options: ProxyOptions
    buffers: Buffers
    counters: Counters

    @property
    def handshake_timeout(self) -> float:
        """Seconds from accept to the end of the client's handshake."""

    @property
    def send_timeout(self) -> float:
        """Seconds in which a receiver must take something of what waits for it."""

    def server_connection(self, endpoint: TLSEndpoint) -> Connection:
        """Start a TLS connection with a client."""

    async def connect(self, relay: Relay) -> None:
        """Connect to the upstream; the relay takes the endpoint by ``attach``.

        Raises:
            OSError: it cannot be reached.
        """

    def finished(self, relay: Relay) -> None:
        """Log the relay and forget it."""


class Relay:
    """A client connection and its upstream.

    Args:
        service: the proxy.
        is_tls: whether clients speak TLS.
        listen: the address as configured, for logs of connections that died at once.
        place: of the client; it is given back in the end.
        address: of the client.
    """

    def __init__(
        self, service: Service, is_tls: bool, listen: str, place: Place, address: tuple[str, int]
    ) -> None:
        self._service = service
        self._is_tls = is_tls
        self._place = place
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._accepted = time.time()
        self._client_address = join_host_port(*address) if address[0] else ""
        self._listen_address = listen
        self._upstream_address = str(service.options.upstream)
        self._preface = b""
        self._timer = Timer()
        self._connecting: asyncio.Task[None] | None = None
        self._open: set[Endpoint] = set()
        self._idle: Stillness | None = None
        self._send_watches: dict[Endpoint, Stillness] = {}
        self.phase = Phase.HANDSHAKE
        self.status = Status.OK
        self.reason: str | None = None
        self.upstream: Endpoint | None = None
        self.client: Endpoint = (
            TLSEndpoint(self, service.buffers, self._start_client)
            if is_tls
            else Endpoint(self, service.buffers, service.options.unclean_end)
        )
        self._open.add(self.client)
        self._deadline = self._started + service.handshake_timeout
        first = service.options.limits.first_byte_timeout
        if is_tls and 0 < first < service.handshake_timeout:
            self._timer.set(first, self._first_byte_late)
        else:
            self._timer.set(service.handshake_timeout, self._handshake_late)

    # What endpoints report.

    def established(self, endpoint: Endpoint) -> None:
        """Go on: connect to the upstream, or relay."""
        if self.phase is Phase.CLOSING:
            return
        if endpoint is self.client:
            self._note_addresses()
            self._client_is_in()
            self.phase = Phase.CONNECTING
            self._timer.set(self._service.options.connect_timeout, self._connect_late)
            self._connecting = self._loop.create_task(self._connect())
            self._connecting.add_done_callback(self._connect_done)
        else:
            self._relay(endpoint)

    def failed(self, endpoint: Endpoint, error: TLSError) -> None:
        """End what cannot go on."""
        if self.phase is Phase.HANDSHAKE:
            self._note_addresses()
            self._end(_status_of(error), reason_of(error), error)
            self.client.close_cleanly()
        elif self.phase is Phase.CONNECTING and endpoint is not self.client:
            self._no_upstream(Status.UPSTREAM_FAILED, reason_of(error))
        elif self.phase is Phase.CLOSING:
            endpoint.reset()
        else:
            self._break(endpoint, error)

    def input_ended(self, endpoint: Endpoint) -> None:
        """Pass the end of one direction on; close when both have ended."""
        if self.phase is not Phase.RELAYING or self.upstream is None:
            return
        other = self.upstream if endpoint is self.client else self.client
        other.send_end()
        if self.client.input_ended and self.upstream.input_ended:
            self.phase = Phase.CLOSING
            self.client.close()
            self.upstream.close()

    def writing_paused(self, endpoint: Endpoint) -> None:
        """Let the endpoint's source wait, but not for ever."""
        count_limit(self._service.counters, Limit.BUFFERED_BYTES)
        if self.phase is not Phase.RELAYING:
            return
        watch = self._send_watches.get(endpoint)
        if watch is None:
            watch = self._send_watches[endpoint] = Stillness(
                self._service.send_timeout,
                lambda: endpoint.bytes_taken if endpoint.write_paused else None,
                lambda: self._send_late(endpoint),
            )
        watch.start()

    def lost(self, endpoint: Endpoint, error: BaseException | None) -> None:
        """Note that a transport is gone; the relay is over with the last one."""
        self._open.discard(endpoint)
        if self.phase is Phase.HANDSHAKE:
            self._note_addresses()
            self._end(Status.HANDSHAKE_FAILED, reason_of(error), error)
        elif self.phase is Phase.CONNECTING:
            self._lost_while_connecting(endpoint, error)
        elif self.phase is Phase.RELAYING:
            self._break(endpoint, error)
        self._finish_if_over()

    # What the proxy asks for.

    def shut_down(self) -> None:
        """End what is not over, since the proxy stops."""
        if self.phase is Phase.HANDSHAKE:
            self._end(Status.DRAINED, "the proxy stops")
            self.client.reset()
        elif self.phase is Phase.CONNECTING:
            self._no_upstream(Status.DRAINED, "the proxy stops")
        elif self.phase is Phase.RELAYING:
            self._end(Status.DRAINED, "the proxy stops")
            self._end_both()

    def abort(self) -> None:
        """End now."""
        self._end(Status.DRAINED, "the proxy stops")
        for endpoint in tuple(self._open):
            endpoint.reset()

    # Facts for the access log and the PROXY header.

    def value(self, name: str) -> str | None:
        """Return the value of a name of the access log.

        Args:
            name: see :mod:`tlsmgm._service.access_log`.

        Returns:
            The value, or None if there is none.
        """
        if name.startswith("tls_"):
            return self._connection_value(lambda connection: connection.variables[name])
        return self._OWN_VALUES[name](self)

    def _logged_connection(self) -> Connection | None:
        """The client's TLS connection; the upstream's where the client speaks plain TCP."""
        for endpoint in (self.client, self.upstream):
            if endpoint is not None and endpoint.connection is not None:
                return endpoint.connection
        return None

    def _connection_value(self, read: Callable[[Connection], str | None]) -> str | None:
        connection = self._logged_connection()
        try:
            return None if connection is None else read(connection)
        except TLSError:
            # A certificate that nobody can read must not keep its owner out of the log.
            return None

    def _accept_time(self) -> str:
        accepted = datetime.fromtimestamp(self._accepted, UTC)
        return accepted.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    _OWN_VALUES: Final[dict[str, Callable[[Relay], str | None]]] = {
        "time": _accept_time,
        "client": lambda relay: relay._client_address or None,
        "listen": lambda relay: relay._listen_address,
        "domain": lambda relay: _domain_name(relay.client),
        "server_name": lambda relay: relay._connection_value(lambda tls: tls.server_name),
        "alpn": lambda relay: relay._connection_value(lambda tls: tls.alpn),
        "group": lambda relay: relay._connection_value(lambda tls: tls.group),
        "reused": lambda relay: relay._connection_value(lambda tls: str(int(tls.session_reused))),
        "upstream": lambda relay: relay._upstream_address,
        "upstream_domain": lambda relay: _domain_name(relay.upstream),
        "bytes_in": lambda relay: str(relay.client.bytes_received),
        "bytes_out": lambda relay: str(relay.upstream.bytes_received if relay.upstream else 0),
        "duration": lambda relay: f"{relay._loop.time() - relay._started:.3f}",
        "status": lambda relay: str(relay.status),
        "reason": lambda relay: relay.reason,
    }

    # How it goes on.

    def _client_is_in(self) -> None:
        """The client's handshake is over, if there was one."""
        self._place.established()
        tls = self.client.connection
        if tls is not None:
            counters = self._service.counters
            counters.add("handshakes_completed_total")
            if tls.session_reused:
                counters.add("handshakes_resumed_total")

    def _start_client(self, endpoint: TLSEndpoint) -> Connection:
        self._note_addresses()
        return self._service.server_connection(endpoint)

    def _note_addresses(self) -> None:
        host, port = self.client.local_address()
        if host:
            self._listen_address = join_host_port(host, port)

    async def _connect(self) -> None:
        try:
            self._preface = preface(self._service.options, self.client)
        except TLSError as error:
            # Without the facts about the client the upstream must not get to see it.
            self._no_upstream(Status.INTERNAL_ERROR, str(error))
            return
        try:
            await self._service.connect(self)
        except (OSError, TLSError, UnicodeError) as error:
            self._no_upstream(Status.UPSTREAM_FAILED, str(error))
        except Exception as error:
            self._no_upstream(Status.INTERNAL_ERROR, repr(error))
            raise

    def _connect_done(self, task: asyncio.Task[None]) -> None:
        self._connecting = None
        self._finish_if_over()

    def attach(self, endpoint: Endpoint) -> None:
        """Take the upstream's endpoint, whose transport is being made.

        Args:
            endpoint: observed by this relay.
        """
        self.upstream = endpoint
        endpoint.preface = self._preface
        self._open.add(endpoint)

    def _relay(self, upstream: Endpoint) -> None:
        self._timer.cancel()
        self.phase = Phase.RELAYING
        host, port = upstream.peer_address()
        if host:
            self._upstream_address = join_host_port(host, port)
        self.client.sink, upstream.sink = upstream, self.client
        idle_timeout = self._service.options.limits.idle_timeout
        if idle_timeout:
            self._idle = Stillness(idle_timeout, self._progress, self._idle_late)
            self._idle.start()
        upstream.release(Hold.START)
        self.client.release(Hold.START)

    # How it ends.

    def _end(self, status: Status, reason: str | None, error: BaseException | None = None) -> None:
        """Enter the last phase; the first status stays."""
        if self.phase is Phase.CLOSING:
            return
        if self.phase is Phase.HANDSHAKE and self._is_tls:
            count_failure(self._service.counters, status, error)
        self.phase = Phase.CLOSING
        self._note_end(status, reason)
        self._cancel_timers()
        if self._connecting is not None:
            self._connecting.cancel()

    def _note_end(self, status: Status, reason: str | None) -> None:
        self.status, self.reason = status, reason
        if status in LIMIT_OF:
            count_limit(self._service.counters, LIMIT_OF[status])

    def _cut(self, status: Status, reason: str) -> None:
        """A limit has struck; nobody may take that for a clean end."""
        if self.phase is Phase.CLOSING:  # both have ended well, and one does not take the rest
            self._note_end(status, reason)
            self._cancel_timers()
            for endpoint in tuple(self._open):
                endpoint.reset()
            return
        self._end(status, reason)
        for endpoint in tuple(self._open):
            endpoint.end_uncleanly()

    def _no_upstream(self, status: Status, reason: str) -> None:
        if self.phase is Phase.CLOSING:
            return
        self._end(status, reason)
        self._end_both()

    def _break(self, endpoint: Endpoint, error: BaseException | None) -> None:
        """One side has ended uncleanly: so does the other."""
        is_client = endpoint is self.client
        other = self.upstream if is_client else self.client
        self._end(*status_and_reason(endpoint, other, error, is_client=is_client))
        if isinstance(error, TLSError):
            endpoint.end_uncleanly()
        if other is not None:
            # What has answered in full may refuse the rest of the request.
            self._end_after(endpoint, other)

    def _lost_while_connecting(self, endpoint: Endpoint, error: BaseException | None) -> None:
        if endpoint is not self.client:
            self._no_upstream(Status.UPSTREAM_FAILED, reason_of(error))
            return
        self._end(Status.CLIENT_ERROR, reason_of(error))
        if self.upstream is not None:
            self.upstream.end_uncleanly()

    def _end_both(self) -> None:
        self._end_after(self.upstream, self.client)
        if self.upstream is not None:
            self._end_after(self.client, self.upstream)

    def _end_after(self, source: Endpoint | None, endpoint: Endpoint) -> None:
        """End a side in the way that befits what the other one has said."""
        if source is not None and source.input_ended:
            endpoint.close_cleanly()
        else:
            endpoint.end_uncleanly()

    def _finish_if_over(self) -> None:
        if self._open or self._connecting is not None:
            return
        self._cancel_timers()
        self.phase = Phase.CLOSING
        self._place.leave()
        received = self.upstream.bytes_received if self.upstream else 0
        count_end(self._service.counters, self.status, self.client.bytes_received, received)
        self._service.finished(self)
        self._idle = None
        self._send_watches.clear()
        self.client.forget()
        if self.upstream is not None:
            self.upstream.forget()

    # Deadlines.

    def _cancel_timers(self) -> None:
        self._timer.cancel()
        for watch in self._send_watches.values():
            watch.stop()
        if self._idle is not None:
            self._idle.stop()

    def _first_byte_late(self) -> None:
        if self.client.has_received:
            self._timer.set(max(self._deadline - self._loop.time(), 0), self._handshake_late)
        else:
            self._cut(Status.FIRST_BYTE_TIMEOUT, "the client has sent nothing")

    def _handshake_late(self) -> None:
        reason = "the client has not finished its handshake in time"
        self._cut(Status.HANDSHAKE_TIMEOUT, reason)

    def _connect_late(self) -> None:
        self._no_upstream(Status.UPSTREAM_TIMEOUT, "the upstream was not reached in time")
        if self.upstream is not None:
            self.upstream.reset()

    def _progress(self) -> tuple[int, ...]:
        """What changes whenever anything moves, in either direction."""
        return tuple(
            number
            for endpoint in (self.client, self.upstream)
            if endpoint is not None
            for number in (endpoint.bytes_received, endpoint.pending)
        )

    def _idle_late(self) -> None:
        if self.phase is Phase.CLOSING:
            self._cut(Status.IDLE_TIMEOUT, "the last bytes were not taken")
        else:
            self._end(Status.IDLE_TIMEOUT, "no data in either direction")
            self._end_both()

    def _send_late(self, endpoint: Endpoint) -> None:
        who = "client" if endpoint is self.client else "upstream"
        self._cut(Status.SEND_TIMEOUT, f"the {who} takes nothing of what waits for it")


def _status_of(error: TLSError) -> Status:
    """How a handshake has failed."""
    if isinstance(error, NoDomainError):
        return Status.NO_DOMAIN
    if isinstance(error, HelloTooLargeError):
        return Status.HELLO_TOO_LARGE
    return Status.HANDSHAKE_FAILED


def _domain_name(endpoint: Endpoint | None) -> str | None:
    connection = endpoint.connection if endpoint is not None else None
    return connection.domain.name if connection and connection.domain else None
