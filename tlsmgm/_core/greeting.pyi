"""A server's connection before its context is known: the ClientHello, and who answers it."""

from typing import Self

from tlsmgm._core.selector import Selector

class Greeting:
    """What a client has sent so far, kept until the hello in it is complete.

    Args:
        selector: chooses the context by address and name; None where there is no choice.
        address: with a selector: 16 bytes, the local address, IPv4 mapped into IPv6.
        port: with a selector: the local port.
        hello_limit: bytes of the largest ClientHello that is read; 0: as the selector says.
    """

    def __new__(
        cls, selector: Selector | None, address: bytes | None, port: int, hello_limit: int
    ) -> Self: ...
