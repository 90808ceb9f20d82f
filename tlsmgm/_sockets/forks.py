"""What a fork leaves of TLS sockets in the child: nothing that the peer hears of.

Both processes would count the same records under the same keys, so one connection cannot have two
speakers: what the second one sends breaks the first one's connection, and tells strangers what
the keys hide.  So a TLS socket belongs to the process that has made it; in a forked one it is
closed, and its copy of the descriptor with it.
"""

from __future__ import annotations

import os
import weakref
from typing import Final

from tlsmgm._sockets.channel import Channel

__all__ = ["belongs_to_this_process"]

_CHANNELS: Final[weakref.WeakSet[Channel]] = weakref.WeakSet()


def belongs_to_this_process(channel: Channel) -> None:
    """Close a channel in whatever is forked from now on."""
    _CHANNELS.add(channel)


def _after_in_child() -> None:
    for channel in list(_CHANNELS):
        channel.forget()
        channel.sock.close()
    _CHANNELS.clear()


os.register_at_fork(after_in_child=_after_in_child)
