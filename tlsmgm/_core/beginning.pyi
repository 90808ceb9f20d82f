"""A connection from its start to the end of its handshake.

A client connection lives in its context from the start. A server connection first reads the
ClientHello by itself, asks the selector for the context that answers, and only then starts the
library inside it, with all bytes fed again. So every rule is the chosen domain's from the first
byte on, and a hello that nobody answers never reaches a library.
"""

from tlsmgm._core.negotiated import Negotiated

class Beginning(Negotiated):
    """The half of a connection that begins it: :class:`Connection` adds the traffic."""

    @property
    def ended(self) -> bool:
        """Whether nothing more can be sent, as far as the calls so far have shown."""
