"""A client's session, to be offered when the same server is called again."""

from typing import Never

from _typeshed import ReadableBuffer

from tlsmgm._core.backend import Backend

class Session:
    """What a server gave for resumption (RFC 8446 section 2.2).

    A session is offered only within the domain and to the server name where it came from; a
    connection to somewhere else leaves it unused. Sessions come from ``Connection.session`` and
    ``Session.load()``.
    """

    # load() makes sessions; nothing is a Never. A __init__() that returned one would hide load().
    def __init__(self, never: Never, /) -> None: ...
    def export(self) -> bytes:
        """The session as bytes. They are secret: whoever has them can resume in your name."""
    @staticmethod
    def load(backend: Backend, data: ReadableBuffer) -> Session:
        """The session that ``export()`` of the same backend once gave.

        Raises:
            ConfigError: these bytes are no session of this backend.
        """
