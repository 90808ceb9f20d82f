"""A TLS library behind the contract."""

from typing import Self

CONTRACT_VERSION: int

class Backend:
    """A TLS library, ready for use.

    Args:
        capsule: the ``backend`` capsule of a backend's extension module.

    Raises:
        UnsupportedError: the backend was compiled for another version of the contract.
    """

    def __new__(cls, capsule: object) -> Self: ...
    @property
    def name(self) -> str:
        """Name of the library, such as ``openssl``."""
    @property
    def version(self) -> str:
        """The library's own version, such as ``3.5.4``."""
    @property
    def features(self) -> frozenset[str]:
        """Names of what it can do beyond TLS 1.2, such as ``tls1_3``."""
    @property
    def cipher_names(self) -> tuple[str, ...]:
        """Names of all its suites."""
