"""Steps of a connection over a socket that does not block: no step waits, and none is locked here.

A step does what can be done now.  Where the socket must be ready first, it says so, notes in
``wanted`` for what, and is called again.
"""

import socket
from typing import Self

from tlsmgm._core.connection import Connection

class Wire:
    """A connection, its socket, and what is on its way between the two.

    Args:
        connection: whose bytes it carries.
        fd: descriptor of the socket, which is connected, and does not block; not owned.
        is_fresh: whether nothing was received so far.
    """

    def __new__(cls, connection: Connection, fd: int, is_fresh: bool) -> Self: ...
    @property
    def connection(self) -> Connection:
        """Whose bytes it carries."""
    @property
    def has_failed(self) -> bool:
        """Whether TLS has failed, or the way to the peer."""
    @property
    def is_shut(self) -> bool:
        """Whether our close_notify was made, so that nothing more can be sent."""
    is_deaf: bool
    has_heard: bool
    @property
    def behind(self) -> bytes:
        """What the peer has sent behind its close_notify, as far as it was received."""
    def handshake(self) -> bool:
        """Goes on with the handshake; True: it is complete, and everything was sent."""
    def say_goodbye(self) -> bool:
        """Makes our close_notify, once, and sends it behind what was encrypted before."""
    def last_words(self) -> None:
        """Sends the alert of a connection that has failed, if there is room for it."""
    def look_ahead(self) -> int:
        """How many bytes can be had without the socket; at least one, if there are any."""
    def finish(self) -> bool:
        """Says goodbye and hears the peer's, without a byte of what it sends behind.

        Returns:
            True: it is done.

        Raises:
            ValueError: the peer has sent data that nobody has read.
        """
    def hear_out(self) -> bool:
        """Before the socket is closed, reads what the peer has sent, and nobody will.

        Bytes that are left unread, or come later, make the system reset the peer, which may then
        lose what we have sent last.  A server of TLS 1.3 sends tickets behind the handshake, so its
        client waits for the first bytes.

        Returns:
            True: it is done.
        """
    def drop(self, sock: socket.socket) -> None:
        """The same for a connection that has failed, so that the peer can read its alert."""
